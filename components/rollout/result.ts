/** What a completed rollout prints, and what the next one and the command take from it. */
import * as z from "zod";
import type { HostDegradation } from "./hosts/answers";
import type { Fleet } from "./hosts/fleet";
import type { Target } from "./hosts/hosts";
import type { RolloutSpec } from "./spec";

export interface RolloutResult {
  readonly group: string;
  readonly strategy: RolloutSpec["strategy"]["kind"];
  /** Of what the strategy has a release of. */
  readonly release?: string;
  readonly hosts: readonly {
    readonly name: string;
    readonly digest: string;
    readonly degradations?: readonly HostDegradation[];
  }[];
}

/** No times and no ids in it: the same content gives the same output. */
export function resultOf({ group, strategy, hosts }: RolloutSpec, fleet: Fleet<Target>): RolloutResult {
  return {
    group,
    strategy: strategy.kind,
    ...("release" in strategy && { release: strategy.release }),
    hosts: hosts.map(({ name, digest }) => {
      const { degradations } = fleet.status(name);
      return { name, digest, ...(degradations.length > 0 && { degradations }) };
    }),
  };
}

/** What is known of the last rollout of the group that was completed. */
export interface PreviousRollout {
  /** False: none was. */
  readonly completed: boolean;
  readonly release?: string;
}

const printed = z.object({ hosts: z.array(z.unknown()).min(1), release: z.string().optional().catch(undefined) });

/** @param text what the engine kept of its output, if anything */
export function previousResult(text: string | undefined): PreviousRollout {
  const { data } = printed.safeParse(parsed(text));
  return data
    ? { completed: true, ...(data.release !== undefined && { release: data.release }) }
    : { completed: false };
}

function parsed(text = "null"): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
