/** What a preview tells, as data: made once, printed as text or as JSON. */
import type { ClusterPlan } from "../../components/plan/types";
import { type ContentPart, resourceKind, resourceNames } from "../../components/resources";
import type { Op, Result, Step } from "../../engine";
import { UNKNOWN } from "../../engine";
import { programLines } from "./delivery";
import { contentHost, type HostChange, hostChanges } from "./host-changes";
import { isRollout, type RolloutChange, rolloutChanges } from "./rollout-changes";
import { limited, lineDiff } from "./text-diff";

export interface ResourceChange {
  readonly op: Op;
  /** "hosts", "certificates", ...; a type where there is no better word. */
  readonly kind: string;
  readonly names: readonly string[];
  /** Lines: properties that change. */
  readonly details: readonly string[];
}

export interface PreviewReport {
  readonly hosts: readonly HostChange[];
  readonly rollouts: readonly RolloutChange[];
  readonly resources: readonly ResourceChange[];
}

const propertyLines = 12;

export function previewReport(
  result: Pick<Result, "steps">,
  plan: Pick<ClusterPlan, "hosts" | "groups">,
): PreviewReport {
  const all = result.steps.filter((step) => changes(step));
  const turns = new Set(all.flatMap((step) => turnOf(step) ?? []));
  const steps = all.filter((step) => turnOf(step) === undefined);
  const isContent = (step: Step) => step.op === "update" && contentHost(step) !== undefined;
  const isOrder = (step: Step) => step.op !== "delete" && isRollout(step);
  return {
    hosts: hostChanges(steps.filter(isContent), plan),
    rollouts: rolloutChanges(steps.filter(isOrder), plan),
    resources: grouped(
      steps.filter((step) => !isContent(step) && !isOrder(step)).map((step) => resourceChange(step, turns)),
    ),
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

/** Resources with the same change are one entry with several names. */
function grouped(all: readonly ResourceChange[]): ResourceChange[] {
  const groups = new Map<string, ResourceChange & { names: string[] }>();
  for (const { names, ...change } of all) {
    const key = JSON.stringify(change);
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
      step.detailedDiff?.[path]?.endsWith("-replace") || step.keys.includes(path) ? " (forces replacement)" : "";
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
