/** The same target for Pulumi: as an output of the program, and as the connection of a `remote.Command`. */
import type { types } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { HostTarget, SshServer } from "./target";

export type Connection = types.input.remote.ConnectionArgs;

const SSH_PORT = 22;

/** What of a placed host says how it is reached. */
export interface Reachable {
  readonly plan: { readonly name: string; readonly address: string };
  readonly user: string;
  readonly hostKey: pulumi.Output<string>;
  /** Absent: 22. */
  readonly port?: number;
  /** Absent: it is reached directly. */
  readonly jump?: pulumi.Input<SshServer>;
}

export function sshTarget({ plan, user, hostKey, port = SSH_PORT, jump }: Reachable): pulumi.Output<HostTarget> {
  const { name, address } = plan;
  return pulumi
    .all([hostKey, jump])
    .apply(([key, via]) => ({ name, address, port, user, hostKey: key.trim(), ...(via && { jump: via }) }));
}

/** @param privateKey OpenSSH format; for the jump host too */
export function pulumiConnection({ jump, ...target }: HostTarget, privateKey: string): Connection {
  return { ...login(target, privateKey), ...(jump && { proxy: login(jump, privateKey) }) };
}

function login({ address, port, user, hostKey }: SshServer, privateKey: string) {
  return { host: address, port, user, hostKey, privateKey, dialErrorLimit: 3, perDialTimeout: 15 };
}
