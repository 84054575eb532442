/** What a platform provides. Components place a plan on it and never ask which one it is. */
import type { types } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import type { HostPlan } from "../plan-types";

export type Connection = types.input.remote.ConnectionArgs;

/** A machine that answers over SSH with a pinned host key. */
export interface Host {
  readonly plan: HostPlan;
  readonly connection: pulumi.Output<Connection>;
  /** "ssh-ed25519 AAAA...": a new one means a new, empty machine. */
  readonly hostKey: pulumi.Output<string>;
  readonly user: string;
  /** What everything on the host depends on. */
  readonly resource: pulumi.Resource;
  /** False when the machine does not exist yet, so that there is nothing on it to look at. */
  readonly existed: boolean;
}

export interface Platform {
  /** One machine, with its disks mounted and the artifact store at /opt/kilonode/artifacts. */
  host(plan: HostPlan): Host;
  /** The resource whose end is the end of the whole cluster. */
  readonly boundary: pulumi.Resource;
}
