/** A target as the connection of a `remote.Command`. */
import type { types } from "@pulumi/command";
import type { HostTarget, SshServer } from "./target";

export type Connection = types.input.remote.ConnectionArgs;

/** @param privateKey OpenSSH format; for the jump host too */
export function pulumiConnection({ jump, ...target }: HostTarget, privateKey: string): Connection {
  return { ...login(target, privateKey), ...(jump && { proxy: login(jump, privateKey) }) };
}

function login({ address, port, user, hostKey }: SshServer, privateKey: string) {
  return { host: address, port, user, hostKey, privateKey, dialErrorLimit: 3, perDialTimeout: 15 };
}
