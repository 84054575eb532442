/** A host that is made anew because somebody has asked for it. */
import type { HostPlan } from "../../plan/types";
import type { AwsSpec } from "./knobs";
import type { SeenInstance } from "./seen";

/** Disks of an instance go with it; nothing can put them aside. Volumes of EBS stay: the engine takes them off, and attaches them again. */
export function losesDisks(
  { ephemeral, own }: Pick<AwsSpec, "ephemeral" | "own">,
  { machine }: Pick<HostPlan, "machine">,
): string | undefined {
  if (ephemeral || own.disks !== "instance-store" || machine.volumes.length === 0) return undefined;
  return (
    "its data is on disks of its instance (aws.disks), which go with it, and the stack is not ephemeral. When it is sure that they are not " +
    "needed, terminate the instance by AWS's own means; `kilonode up` then removes the old member and makes the host anew"
  );
}

/** As if it did not run: it is ended, and another one is made. */
export const asReplaced = (seen: readonly SeenInstance[], host: string | undefined): readonly SeenInstance[] =>
  seen.map((one) => (one.host === host ? { ...one, runs: false } : one));
