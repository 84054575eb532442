/** Where a host is and how it is known: data that components, rollouts and the command line share. No secret in it. */
import * as z from "zod";

/** An SSH server, with the only key that is believed to be its own. */
export interface SshServer {
  readonly address: string;
  readonly port: number;
  /** Who logs in. Another user than root does everything by way of `sudo -n`: see privilege.ts. */
  readonly user: string;
  /** "ssh-ed25519 AAAA...": pinned. */
  readonly hostKey: string;
}

export interface HostTarget extends SshServer {
  readonly name: string;
  /** Through which the host is reached, with the same private key; absent: it is reached directly. */
  readonly jump?: SshServer;
}

const server = {
  address: z.union([z.ipv4(), z.ipv6(), z.hostname()]),
  port: z.int().min(1).max(65535),
  user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, "wants a user's name (a-z, 0-9, _, -)"),
  hostKey: z.string().regex(/^(ssh|ecdsa)-\S+ [A-Za-z0-9+/=]+( \S+)?$/, 'wants "<type> <base64>"'),
};

/** The fields of a {@link HostTarget}, for strict objects that have more of them. */
export const targetFields = {
  ...server,
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "wants a host name label (a-z, 0-9, -)"),
  jump: z.strictObject(server).optional(),
};

/** "root@198.18.0.10:22", for messages. */
export const loginOf = ({ user, address, port }: SshServer): string => `${user}@${address}:${port}`;

/** Only the pinned key's own type is asked for: a host offers one key of each. An RSA key signs with SHA-2. */
export function hostKeyAlgorithms(hostKey: string): readonly string[] {
  const [type = ""] = hostKey.trim().split(/\s+/);
  return type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type];
}
