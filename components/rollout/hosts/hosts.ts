/** What every strategy needs of the world: a clock, and hosts that tell their state and make their staged content live. */
import type { Activation, DownService, MachineStatus } from "./answers";

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

/** What hosts trust of each other in addition, and what they show of themselves: see ../credentials.ts. */
export type ContentPart = "trust" | "show";

export interface Hosts {
  status(host: string): Promise<MachineStatus>;
  /** Makes the staged content live. Services that need others to come up (etcd) may still be starting afterwards. */
  activate(host: string, options: ActivationOptions): Promise<Activation>;
  /** False while a service is starting or restarting: an answer may still come from the process that is to go. */
  settled(host: string): Promise<boolean>;
  /** The services that should run and are not up, each with the cause where the host sees one. */
  diagnose(host: string): Promise<readonly DownService[]>;
}

/** A host of a rollout, reduced to what a decision needs. */
export interface Target {
  readonly name: string;
  readonly zone: string;
  readonly digest: string;
}
