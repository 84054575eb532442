/** Which resources hold data, or what nobody can read data without: a change of theirs is told first. */
import type { ClusterPlan } from "../../components/plan/types";
import type { PlatformModule } from "../../components/platform/module";
import { resourceKind, resourceNames } from "../../components/resources";
import type { Step } from "../../engine";

export type DataFacts = Pick<PlatformModule, "dataTypes" | "instances">;
type Named = Pick<Step, "name" | "type">;

/** @param steps all of a run: members that leave are in no plan */
export function holdsData(
  steps: readonly Named[],
  { hosts }: Pick<ClusterPlan, "hosts">,
  { dataTypes = [], instances }: DataFacts,
): (step: Named) => boolean {
  const leaving = steps.flatMap((step) => {
    const resource = resourceKind(step);
    return resource.kind === "membership" ? [resource.host] : [];
  });
  const storing = hosts.filter(({ role }) => role === "etcd" || role === "backup-store").map(({ name }) => name);
  const holders = new Set([...storing, ...leaving]);
  const isHost = (step: Named) => (instances ? step.type === instances.type : resourceKind(step).kind === "host");
  // Random bytes are the keys of Secrets at rest, passwords of backups, and the mark of the state's owner.
  const isKey = ({ name, type }: Named) =>
    type.startsWith("random:") && name !== resourceNames.owner && !name.startsWith(resourceNames.backupKey(""));
  return (step) => dataTypes.includes(step.type) || isKey(step) || (isHost(step) && holders.has(step.name));
}
