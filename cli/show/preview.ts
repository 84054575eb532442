/** What a preview tells, as data: made once, printed as text or as JSON. */
import type { ClusterPlan } from "../../components/plan/types";
import type { PlatformModule } from "../../components/platform/module";
import { type ContentPart, resourceKind, resourceNames } from "../../components/resources";
import type { Op, Result, Step } from "../../engine";
import { UNKNOWN } from "../../engine";
import { type DataFacts, holdsData } from "./data";
import { programLines } from "./delivery";
import { contentHost, type HostChange, hostChanges, unknownContent } from "./host-changes";
import { withoutNames } from "./names";
import { isRollout, type RolloutChange, rolloutChanges } from "./rollout-changes";
import { type ChangedHosts, wholeSeconds } from "./rollout-time";
import { limited, lineDiff } from "./text-diff";

export interface ResourceChange {
  readonly op: Op;
  /** "hosts", "certificates", ...; a type where there is no better word. */
  readonly kind: string;
  readonly names: readonly string[];
  /** Lines: properties that change. */
  readonly details: readonly string[];
  /** True: they hold data, or nobody can read data without them. */
  readonly data?: true;
}

export interface PreviewReport {
  readonly hosts: readonly HostChange[];
  readonly rollouts: readonly RolloutChange[];
  readonly resources: readonly ResourceChange[];
  /** Expected time of all rollouts; absent where no host that exists changes. */
  readonly rolloutSeconds?: number;
}

/** What is asked of the platform. */
export type PreviewFacts = DataFacts & Pick<PlatformModule, "creationSeconds">;

const propertyLines = 12;
/** Ends the line of such a property. */
export const forcesReplacement = "(forces replacement)";

export function previewReport(
  result: Pick<Result, "steps">,
  plan: Pick<ClusterPlan, "backup" | "hosts" | "groups" | "scale">,
  platform: PreviewFacts = {},
): PreviewReport {
  const all = result.steps.filter((step) => changes(step));
  const turns = new Set(all.flatMap((step) => turnOf(step) ?? []));
  const steps = all.filter((step) => turnOf(step) === undefined);
  const isContent = (step: Step) => step.op === "update" && contentHost(step) !== undefined;
  const isOrder = (step: Step) => step.op !== "delete" && isRollout(step);
  const isData = holdsData(result.steps, plan, platform);
  const hosts = hostChanges(steps.filter(isContent), plan);
  const rollouts = rolloutChanges(steps.filter(isOrder), plan, changedHosts(hosts, turns, platform));
  const seconds = wholeSeconds(plan.groups, (group) => rollouts.find((one) => one.group === group)?.seconds ?? 0);
  return {
    hosts,
    rollouts,
    resources: grouped(
      steps
        .filter((step) => !isContent(step) && !isOrder(step))
        .map((step) => ({
          ...resourceChange(step, turns),
          ...(step.op !== "create" && isData(step) && { data: true }),
        })),
    ),
    ...(seconds > 0 && { rolloutSeconds: seconds }),
  };
}

function changedHosts(
  hosts: readonly HostChange[],
  turns: ReadonlySet<string>,
  { creationSeconds = {}, instances }: PreviewFacts,
): ChangedHosts {
  const seconds = new Map(Object.entries(creationSeconds));
  const made = ["host", ...(instances ? [instances.type] : [])].map((type) => seconds.get(type) ?? 0);
  const restarting = hosts.filter(({ notes, restarts }) => restarts.length > 0 || notes.includes(unknownContent));
  return {
    changed: new Set(hosts.flatMap((change) => change.hosts)),
    restarting: new Set(restarting.flatMap((change) => change.hosts)),
    machines: turns,
    machineSeconds: made.reduce((sum, one) => sum + one, 0),
  };
}

/** The host whose turn is prepared, or what is looked at before the first one: told with the hosts themselves. */
function turnOf(step: Step): string | undefined {
  const resource = resourceKind(step);
  if (resource.kind === "turn") return resource.host;
  return step.name === resourceNames.machineGates ? step.name : undefined;
}

const inTurn = "each in its turn: one host of a group at a time, behind the gates of its group";

/** Components only group resources; a replacement is told once, by its middle step. */
function changes(step: Step): boolean {
  if (step.internal || !step.custom || step.op === "same" || step.op === "read") return false;
  return step.op !== "create-replacement" && step.op !== "delete-replaced";
}

function resourceChange(step: Step, turns: ReadonlySet<string>): ResourceChange {
  const changed = step.op === "update" || step.op === "replace";
  const waits = changed && resourceKind(step).kind === "host" && turns.has(step.name) ? [inTurn] : [];
  const details = [...(changed ? propertyChanges(step) : []), ...waits];
  return { op: step.op, kind: kindOf(step), names: [step.name], details };
}

/** In the order in which a cluster is made. */
const kinds = [
  "commitments",
  "network",
  "host",
  "private key",
  "authority",
  "programs of host",
  "keys made on host",
  "certificate",
  "secrets of host",
  "content of host",
  "rollout",
  "object",
];
const rank = ({ kind }: ResourceChange) => (kinds.includes(kind) ? kinds.indexOf(kind) : kinds.length);

/** Resources with the same change, but for their own names, are one entry with several names. */
function grouped(all: readonly ResourceChange[]): ResourceChange[] {
  const groups = new Map<string, ResourceChange & { names: string[] }>();
  for (const { names, ...change } of all) {
    const key = withoutNames(JSON.stringify(change), names);
    const group = groups.get(key);
    if (group) group.names.push(...names);
    else groups.set(key, { ...change, names: [...names] });
  }
  return [...groups.values()].sort((a, b) => rank(a) - rank(b));
}

const partKinds: Readonly<Record<ContentPart, string>> = {
  machine: "content of host",
  programs: "programs of host",
  keys: "keys made on host",
  secrets: "secrets of host",
};

export function kindOf(step: Pick<Step, "type" | "name">): string {
  const resource = resourceKind(step);
  switch (resource.kind) {
    case "content":
      return partKinds[resource.part];
    case "gates":
      return "rollout";
    case "key":
      return "private key";
    case "random":
    case "other":
      return step.type;
    default:
      return resource.kind;
  }
}

function propertyChanges(step: Step): string[] {
  const paths = step.detailedDiff ? Object.keys(step.detailedDiff) : [...step.diffs];
  return paths.sort().flatMap((path) => {
    const forces =
      step.detailedDiff?.[path]?.endsWith("-replace") || step.keys.includes(path) ? ` ${forcesReplacement}` : "";
    const [old, now] = [step.oldInputs, step.newInputs].map((inputs) => readable(valueAt(inputs, path)));
    if (typeof old === "string" && typeof now === "string" && now !== UNKNOWN && `${old}${now}`.includes("\n")) {
      return [`${path}:${forces}`, ...limited(lineDiff(old, now), propertyLines).map((line) => `  ${line}`)];
    }
    return [`${path}: ${shown(old)} -> ${shown(now)}${forces}`];
  });
}

function readable(value: unknown): unknown {
  return programLines(value) ?? value;
}

/** "environment.NAME", "list[1].name", 'map["a.b"]'. */
function valueAt(values: unknown, path: string): unknown {
  const keys = [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(
    ([, quoted, index, name]) => quoted ?? index ?? name ?? "",
  );
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], values);
}

function shown(value: unknown): string {
  if (value === undefined) return "none";
  const text = JSON.stringify(value)
    .replaceAll(UNKNOWN, "[known after up]")
    .replaceAll('"[known after up]"', "[known after up]")
    .replaceAll('"[secret]"', "[secret]");
  return text.length > 160 ? `${text.slice(0, 160)}...` : text;
}
