/** The `connection` input of the remote resources: its defaults, its checks, and the SSH client's settings made of it. */
import { createHash } from "node:crypto";
import { type ConnectConfig, type ServerHostKeyAlgorithm, utils } from "ssh2";
import { secret } from "../../values/secrets";
import { isObject, mapValues, UNKNOWN, type Value, type Values } from "../../values/value";
import { type Failure, missingProperties, unsupported, unsupportedProperties } from "../unsupported";

/** A server, and how to log in to it. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly privateKey: string;
  /** Failed attempts that are followed by another one; -1 for no limit. */
  readonly dialErrorLimit: number;
  /** Seconds; 0 for no limit. */
  readonly perDialTimeout: number;
  readonly hostKey?: string;
}

export interface Connection extends Login {
  /** A jump host, from which `host` is reached. */
  readonly proxy?: Login;
}

/** The defaults of the real provider's schema, which end up in the state. */
const DEFAULTS: Values = { user: "root", port: 22, dialErrorLimit: 10, perDialTimeout: 15 };
const REQUIRED = ["host", "privateKey"];
const LOGIN = [...REQUIRED, ...Object.keys(DEFAULTS), "hostKey"];

export function withDefaults(connection: Value | undefined): Value | undefined {
  if (!isObject(connection)) return connection;
  const given = Object.entries(connection).filter(([, value]) => value !== null);
  const { proxy, ...login } = Object.fromEntries(given);
  return { ...DEFAULTS, ...login, ...(proxy !== undefined && { proxy: withDefaults(proxy) as Value }) };
}

/** Secret by the real provider's schema, on their own within a connection that is secret as a whole: so they stand in a state. */
const SECRETS = ["password", "privateKey", "privateKeyPassword"];

export function withSecrets(connection: Value): Value {
  const login = (value: Value): Value =>
    isObject(value)
      ? mapValues(value, (item, key) => (SECRETS.includes(key) ? secret(item) : key === "proxy" ? login(item) : item))
      : value;
  return secret(login(connection));
}

export function connectionFailures(connection: Values): Failure[] {
  const { proxy = null } = connection;
  return [...loginFailures(connection, [...LOGIN, "proxy"], "connection."), ...proxyFailures(proxy)];
}

function proxyFailures(proxy: Value): Failure[] {
  const at = "connection.proxy";
  if (isObject(proxy)) return loginFailures(proxy, LOGIN, `${at}.`);
  if (proxy === null || proxy === UNKNOWN) return [];
  // It would be left out, and the host dialled directly.
  return [{ property: at, reason: `${at} must be an object` }];
}

function loginFailures(login: Values, supported: readonly string[], at: string): Failure[] {
  return [...missingProperties(login, REQUIRED, at), ...unsupportedProperties(login, supported, at)];
}

/** Of checked inputs, or of those of the state. */
export function readConnection(value: Value | undefined): Connection {
  const filled = withDefaults(value);
  if (!isObject(filled)) throw new Error("there is no connection");
  const [wrong] = connectionFailures(filled);
  if (wrong !== undefined) throw new Error(wrong.reason);
  const { proxy, ...login } = filled;
  return { ...readLogin(login), ...(isObject(proxy) && { proxy: readLogin(proxy) }) };
}

function readLogin(login: Values): Login {
  return { ...login, port: Math.trunc(Number(login.port)) } as unknown as Login;
}

/** Two resources with the same key share a connection. A digest, so that it can be logged. */
export function connectionKey({ proxy, ...login }: Connection): string {
  const logins = [login, ...(proxy ? [proxy] : [])].map((one) => Object.entries(one).sort());
  return createHash("sha256").update(JSON.stringify(logins)).digest("hex");
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

const HOST_KEYS = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];

/** A host key is pinned as a line of a known_hosts or authorized_keys file: type, base64, perhaps a comment. */
function parseHostKey(line: string): { type: string; blob: Buffer } {
  const [type, base64] = line.trim().split(/\s+/);
  const blob = Buffer.from(base64 ?? "", "base64");
  const length = blob.length < 4 ? 0 : blob.readUInt32BE(0);
  if (type === undefined || blob.subarray(4, 4 + length).toString() !== type) {
    throw new Error("failed to parse host key: ssh: no key found");
  }
  if (!HOST_KEYS.includes(type)) throw unsupported("a host key of type", type, HOST_KEYS);
  return { type, blob };
}

/** In Go's words, without repeating anything of the key. */
function checkPrivateKey(text: string): void {
  const parsed = utils.parseKey(text);
  if (!(parsed instanceof Error)) return;
  if (/no passphrase given/i.test(parsed.message)) throw new Error("ssh: this private key is passphrase protected");
  if (/Unsupported key format/i.test(parsed.message))
    throw new Error("ssh: no key found; supported in a rehearsal: a private key in OpenSSH's own format");
  throw new Error(`ssh: the private key cannot be read: ${parsed.message}`);
}

export interface Settings {
  readonly config: ConnectConfig;
  /** Set during the handshake. */
  readonly seen: { hostKeyMismatch: boolean };
}

/** Checks the keys and gives the settings for one attempt to connect. */
export function settings(connection: Login): Settings {
  const seen = { hostKeyMismatch: false };
  const pinned = connection.hostKey === undefined ? undefined : parseHostKey(connection.hostKey);
  checkPrivateKey(connection.privateKey);
  const config: ConnectConfig = {
    host: connection.host,
    port: connection.port,
    username: connection.user,
    privateKey: connection.privateKey,
    authHandler: ["publickey"],
    readyTimeout: connection.perDialTimeout * 1000,
    // A host that vanished is noticed after 30 s, also in the middle of a silent command.
    keepaliveInterval: 10_000,
    keepaliveCountMax: 3,
    algorithms: {
      kex: [...KEX],
      cipher: [...CIPHERS],
      ...(pinned !== undefined && { serverHostKey: [pinned.type as ServerHostKeyAlgorithm] }),
    },
    hostVerifier: (offered: Buffer) => {
      seen.hostKeyMismatch = pinned !== undefined && !pinned.blob.equals(offered);
      return !seen.hostKeyMismatch;
    },
  };
  return { config, seen };
}

/** An error of the library in the words of Go's SSH package, which is what users of the real provider know. */
export function dialError(error: Error & { level?: string; code?: string }, connection: Login, seen: Settings["seen"]) {
  const at = `dial tcp ${connection.host}:${connection.port}`;
  if (seen.hostKeyMismatch) return "ssh: handshake failed: ssh: host key mismatch";
  switch (error.level) {
    case "client-authentication":
      return "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain";
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
