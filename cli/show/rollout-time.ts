/**
 * How long a rolling change takes, in seconds: an estimate. What a host takes is rounded up from the full-size lab (README.md, "Measured": 7
 * members of a shard one after the other, then 11 masters), what a platform takes is its own figure.
 */
import { type GroupPlan, wavesOf } from "../../components/plan/groups";
import type { ClusterPlan } from "../../components/plan/types";

/** From a host's restart to the end of its gate, without what the load balancer and clients make it wait for. */
const restartSeconds = { etcd: 12, masters: 25, together: 20 } as const;
/** Of a host on which nothing restarts: its gate. */
const gateSeconds = 3;
/** Programs and content of a host that is made anew: see creation.ts. */
const contentSeconds = 25;

/** Names of hosts by what becomes of them. */
export interface ChangedHosts {
  readonly changed: ReadonlySet<string>;
  readonly restarting: ReadonlySet<string>;
  /** They get another machine. */
  readonly machines: ReadonlySet<string>;
  /** Until a host that was made again answers; 0 where nobody waits for it. */
  readonly machineSeconds: number;
}

export function rolloutSeconds(
  { hosts, strategy }: Pick<GroupPlan, "hosts" | "strategy">,
  { changed, machineSeconds, machines, restarting }: ChangedHosts,
  { apiserver }: Pick<ClusterPlan["scale"], "apiserver">,
): number {
  const drained = strategy.kind === "masters" ? apiserver.shutdownDelaySeconds + (strategy.returnSeconds ?? 0) : 0;
  const secondsOf = (host: string) => {
    if (machines.has(host)) return machineSeconds + contentSeconds + restartSeconds[strategy.kind] + drained;
    if (restarting.has(host)) return restartSeconds[strategy.kind] + drained;
    return changed.has(host) ? gateSeconds : 0;
  };
  const each = hosts.map(secondsOf);
  return strategy.kind === "together" ? Math.max(0, ...each) : each.reduce((sum, one) => sum + one, 0);
}

/** Groups that wait for none of each other go side by side. */
export function wholeSeconds(
  groups: readonly Pick<GroupPlan, "name" | "after">[],
  seconds: (group: string) => number,
): number {
  return wavesOf(groups).reduce((sum, wave) => sum + Math.max(...wave.map(seconds)), 0);
}

/** "about 12 minutes". */
export function about(seconds: number): string {
  const minutes = Math.ceil(seconds / 60);
  return `about ${minutes} minute${minutes === 1 ? "" : "s"}`;
}
