/** What every strategy needs of the world: a clock, and hosts that tell their state and make their staged content live. */
import type { Activation, MachineStatus } from "./answers";

export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

export interface ActivationOptions {
  /** For the services: how a member is introduced to its shard. */
  readonly env?: Readonly<Record<string, string>>;
  /** Services that are not restarted yet: they stay in `restarts` until an activation that does not hold them. */
  readonly hold?: readonly string[];
  /** The same for those that run at that moment; the others are started. */
  readonly holdRunning?: readonly string[];
}

export interface Hosts {
  status(host: string): Promise<MachineStatus>;
  /** Makes the staged content live. Services that need others to come up (etcd) may still be starting afterwards. */
  activate(host: string, options: ActivationOptions): Promise<Activation>;
  /** False while a service is starting or restarting: an answer may still come from the process that is to go. */
  settled(host: string): Promise<boolean>;
}

/** A host of a rollout, reduced to what a decision needs. */
export interface Target {
  readonly name: string;
  readonly zone: string;
  readonly digest: string;
}

/** Round robin over the zones, so that neighbours in the order are in different ones; stable by name. */
export function interleaveZones<T extends Target>(targets: readonly T[]): T[] {
  const byName = (a: T, b: T) => (a.name < b.name ? -1 : 1);
  const zones = new Map<string, T[]>();
  for (const target of [...targets].sort(byName)) zones.set(target.zone, [...(zones.get(target.zone) ?? []), target]);
  const queues = [...zones.entries()].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  const longest = queues[0]?.[1].length ?? 0;
  return Array.from({ length: longest }, (_, round) =>
    queues.flatMap(([, queue]) => queue.slice(round, round + 1)),
  ).flat();
}
