/** The `connection` input of the remote resources: its defaults, its checks, and the SSH client's settings made of it. */
import { createHash } from "node:crypto";
import { type ConnectConfig, utils } from "ssh2";
import { isObject, type Value, type Values } from "../../values/value";
import { readableBySsh } from "../openssh";

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly privateKey?: string;
  readonly privateKeyPassword?: string;
  readonly agentSocketPath?: string;
  /** Failed attempts that are followed by another one; -1 for no limit. */
  readonly dialErrorLimit: number;
  /** Seconds; 0 for no limit. */
  readonly perDialTimeout: number;
  readonly hostKey?: string;
  readonly proxy?: Connection;
}

/** The defaults of the real provider's schema, which end up in the state. */
export function withDefaults(connection: Value | undefined): Value | undefined {
  if (!isObject(connection)) return connection;
  const { proxy, ...rest } = connection;
  const filled: Values = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
  for (const [key, value] of Object.entries(rest)) if (value !== null) filled[key] = value;
  return isObject(proxy) ? { ...filled, proxy: withDefaults(proxy) as Values } : filled;
}

/** Reads a checked connection; what is wrong with it is known only now, as the real provider does it. */
export function readConnection(value: Value | undefined): Connection {
  const filled = withDefaults(value);
  if (!isObject(filled) || typeof filled.host !== "string") throw new Error("connection has no host");
  const { proxy, ...rest } = filled;
  const connection = { ...rest, port: Math.trunc(Number(rest.port)) } as unknown as Connection;
  return isObject(proxy) ? { ...connection, proxy: readConnection(proxy) } : connection;
}

/** Two resources with the same key share a connection. A digest, so that it can be logged. */
export function connectionKey(connection: Connection): string {
  const sorted = (value: unknown): unknown =>
    isObject(value)
      ? Object.fromEntries(
          Object.entries(value)
            .sort()
            .map(([k, v]) => [k, sorted(v)]),
        )
      : value;
  return createHash("sha256")
    .update(JSON.stringify(sorted(connection)))
    .digest("hex");
}

/** The wanted algorithms first: the fastest ones that every OpenSSH of the last ten years has. */
const KEX = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "diffie-hellman-group14-sha256",
] as const;
const CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes256-ctr"] as const;
const HOST_KEYS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
] as const;

/** A host key is pinned as a line of a known_hosts or authorized_keys file: type, base64, perhaps a comment. */
function parseHostKey(line: string): { type: string; blob: Buffer } {
  const [type, base64] = line.trim().split(/\s+/);
  const blob = Buffer.from(base64 ?? "", "base64");
  const length = blob.length < 4 ? 0 : blob.readUInt32BE(0);
  if (type === undefined || blob.subarray(4, 4 + length).toString() !== type) {
    throw new Error("failed to parse host key: ssh: no key found");
  }
  return { type, blob };
}

/** Checks the private key and gives it in a form that the library reads. */
function parsePrivateKey(connection: Connection): string {
  let text: string;
  try {
    text = readableBySsh(connection.privateKey ?? "");
  } catch (error) {
    throw new Error(`ssh: the private key cannot be read: ${(error as Error).message}`);
  }
  const parsed = utils.parseKey(text, connection.privateKeyPassword);
  if (!(parsed instanceof Error)) return text;
  // In Go's words, without repeating anything of the key.
  if (/no passphrase given/i.test(parsed.message)) throw new Error("ssh: this private key is passphrase protected");
  if (/Unsupported key format/i.test(parsed.message)) throw new Error("ssh: no key found");
  throw new Error(`ssh: the private key cannot be read: ${parsed.message}`);
}

export interface Settings {
  readonly config: ConnectConfig;
  /** Set during the handshake. */
  readonly seen: { hostKeyMismatch: boolean };
}

/** Checks the keys and gives the settings for one attempt to connect. */
export function settings(connection: Connection): Settings {
  const seen = { hostKeyMismatch: false };
  const pinned = connection.hostKey === undefined ? undefined : parseHostKey(connection.hostKey);
  const key = connection.privateKey === undefined ? undefined : parsePrivateKey(connection);
  const agent = connection.agentSocketPath ?? (process.env.SSH_AUTH_SOCK || undefined);
  const methods = [
    ...(key !== undefined ? (["publickey"] as const) : []),
    ...(connection.password !== undefined ? (["password", "keyboard-interactive"] as const) : []),
    ...(agent !== undefined ? (["agent"] as const) : []),
  ];
  const pinnedTypes = pinned?.type === "ssh-rsa" ? HOST_KEYS.filter((type) => type.startsWith("rsa")) : [pinned?.type];
  const config: ConnectConfig = {
    host: connection.host,
    port: connection.port,
    username: connection.user,
    readyTimeout: connection.perDialTimeout * 1000,
    // A host that vanished is noticed after 30 s, also in the middle of a silent command.
    keepaliveInterval: 10_000,
    keepaliveCountMax: 3,
    algorithms: {
      kex: [...KEX],
      cipher: [...CIPHERS],
      serverHostKey: pinned === undefined ? [...HOST_KEYS] : (pinnedTypes as (typeof HOST_KEYS)[number][]),
    },
    hostVerifier: (offered: Buffer) => {
      seen.hostKeyMismatch = pinned !== undefined && !pinned.blob.equals(offered);
      return !seen.hostKeyMismatch;
    },
    // "none" first only when there is nothing else: it costs a round trip.
    authHandler: methods.length > 0 ? [...methods] : ["none"],
    ...(key !== undefined ? { privateKey: key } : {}),
    ...(connection.privateKeyPassword !== undefined ? { passphrase: connection.privateKeyPassword } : {}),
    ...(connection.password !== undefined ? { password: connection.password, tryKeyboard: true } : {}),
    ...(agent !== undefined ? { agent } : {}),
  };
  return { config, seen };
}

/** An error of the library in the words of Go's SSH package, which is what users of the real provider know. */
export function dialError(
  error: Error & { level?: string; code?: string },
  connection: Connection,
  seen: Settings["seen"],
) {
  const at = `dial tcp ${connection.host}:${connection.port}`;
  if (seen.hostKeyMismatch) return "ssh: handshake failed: ssh: host key mismatch";
  switch (error.level) {
    case "client-authentication": {
      const tried = ["none", ...(connection.privateKey !== undefined ? ["publickey"] : [])];
      if (connection.password !== undefined) tried.push("password", "keyboard-interactive");
      return `ssh: handshake failed: ssh: unable to authenticate, attempted methods [${tried.join(" ")}], no supported methods remain`;
    }
    case "client-timeout":
      return `${at}: i/o timeout`;
    case "client-dns":
    case "client-socket":
      if (error.code === "ECONNREFUSED") return `${at}: connect: connection refused`;
      if (error.code === "EHOSTUNREACH") return `${at}: connect: no route to host`;
      if (error.code === "ENETUNREACH") return `${at}: connect: network is unreachable`;
      if (error.code === "ETIMEDOUT") return `${at}: connect: connection timed out`;
      if (error.code === "ENOTFOUND") return `dial tcp: lookup ${connection.host}: no such host`;
      return `${at}: ${error.message}`;
    default:
      return `ssh: handshake failed: ${error.message}`;
  }
}
