/** What a first creation takes: how many resources, and the operations that follow each other whatever is done beside them. */
import type { ClusterPlan } from "../../components/plan/types";
import { resourceKind } from "../../components/resources";
import type { Result, Step } from "../../engine";
import { counts } from "./phases";
import { kindOf } from "./preview";
import { count } from "./terminal";

export interface Creation {
  /** Everything included. */
  readonly resourcesPerControlPlaneHost: number;
  /** Absent where the engine does not tell what waits for what. */
  readonly longestChain?: Chain;
}

/** Of all chains the one that takes longest. */
export interface Chain {
  readonly seconds: number;
  /** Each waits for the one in front of it. */
  readonly operations: readonly { readonly type: string; readonly name: string; readonly seconds: number }[];
}

/** @returns undefined where something exists: what is changed in its turn is not told by dependencies alone */
export function creationOf(
  { changes, steps }: Pick<Result, "changes" | "steps">,
  { hosts }: Pick<ClusterPlan, "hosts">,
  /** Seconds by type of resource; undefined: nobody waits for anything. */
  platformSeconds?: Readonly<Record<string, number>>,
): Creation | undefined {
  const { create = 0, ...others } = changes;
  if (create === 0 || Object.values(others).some((count) => count > 0)) return undefined;
  const controlPlane = hosts.filter(({ role }) => role === "etcd" || role === "master");
  const seconds = new Map(Object.entries(platformSeconds ?? {}));
  const chain = platformSeconds && longestChain(steps, (step) => secondsOf(step, seconds));
  return {
    resourcesPerControlPlaneHost: Math.round((10 * create) / controlPlane.length) / 10,
    ...(chain && { longestChain: chain }),
  };
}

export function longestChain(steps: readonly Step[], seconds: (step: Step) => number): Chain | undefined {
  if (steps.some(({ dependencies }) => dependencies === undefined)) return undefined;
  const byUrn = new Map(steps.map((step) => [step.urn, step]));
  const ends = new Map<string, Chain>();
  const chainTo = (step: Step): Chain => {
    const known = ends.get(step.urn);
    if (known) return known;
    const waitsFor = [...(step.dependencies ?? []), ...(step.parent === undefined ? [] : [step.parent])];
    const before = longest(waitsFor.flatMap((urn) => byUrn.get(urn) ?? []).map(chainTo));
    const { name, type } = step;
    const chain = counts(step)
      ? {
          seconds: before.seconds + seconds(step),
          operations: [...before.operations, { type, name, seconds: seconds(step) }],
        }
      : before;
    ends.set(step.urn, chain);
    return chain;
  };
  return longest(steps.map(chainTo));
}

/** Of chains that take equally long the one with more operations. */
function longest(chains: readonly Chain[]): Chain {
  const isLonger = (a: Chain, b: Chain) =>
    a.seconds === b.seconds ? a.operations.length > b.operations.length : a.seconds > b.seconds;
  return chains.reduce((best, chain) => (isLonger(chain, best) ? chain : best), { seconds: 0, operations: [] });
}

/** What takes long in it by name, the rest as dots. */
export function chainText({ operations, seconds }: Chain): string {
  const words = operations.map((one) =>
    one.seconds < longSeconds ? "..." : `${kindOf(one).split(":").at(-1)} ${one.name} ${one.seconds} s`,
  );
  const path = words.filter((word, index) => word !== "..." || words[index - 1] !== "...");
  return `${count(operations.length, "operation")}, about ${count(Math.ceil(seconds / 60), "minute")}: ${path.join(" -> ")}`;
}

const longSeconds = 10;

/** Of the program's own resources, rounded up from the phases of the lab at its full size (docs/aws.md, "Time"): a moment is one second. */
const ownSeconds = { moment: 1, content: 5, programs: 20, rollout: 60 } as const;

function secondsOf(step: Step, platformSeconds: ReadonlyMap<string, number>): number {
  const resource = resourceKind(step);
  switch (resource.kind) {
    case "host":
      return platformSeconds.get("host") ?? ownSeconds.moment;
    case "content":
      return resource.part === "programs" ? ownSeconds.programs : ownSeconds.content;
    case "rollout":
      return ownSeconds.rollout;
    default:
      return platformSeconds.get(step.type) ?? ownSeconds.moment;
  }
}
