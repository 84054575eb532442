/** Commands on hosts over SSH: one connection a host, kept and reused, with the host's key pinned. */
import { Client, type ConnectConfig } from "ssh2";
import { UserError } from "../../config/errors";

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** OpenSSH's own format, as `tls.PrivateKey.privateKeyOpenssh` gives it. */
  readonly privateKey: string;
  /** "ssh-ed25519 AAAA...": any other key is refused. */
  readonly hostKey: string;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const DIAL_ATTEMPTS = 3;
const DIAL_TIMEOUT_MS = 10_000;
const DIAL_PAUSE_MS = 500;
export const COMMAND_TIMEOUT_MS = 30_000;

/** No connection, or it broke: what the command did is not known. */
export class SshError extends UserError {
  override readonly name = "SshError";
  constructor(
    message: string,
    /** False: a wrong key or user does not get better by trying again. */
    readonly worthAnotherTry: boolean,
  ) {
    super(message);
  }
}

export class SshConnection {
  #client: Promise<Client> | undefined;
  #closed = false;

  constructor(readonly target: SshTarget) {}

  /** Resolves with whatever exit code the command has; rejects with {@link SshError} if that cannot be learned. */
  async run(command: string, timeoutMs = COMMAND_TIMEOUT_MS): Promise<Outcome> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    return await execute(client, command, timeoutMs, this.target.host);
  }

  close(): void {
    this.#closed = true;
    this.#client?.then((client) => client.end()).catch(() => undefined);
  }

  async #connect(): Promise<Client> {
    for (let attempt = 1; ; attempt++) {
      try {
        const client = await dial(this.target);
        // The next command dials again; those under way are told by their channel.
        client.on("close", () => {
          this.#client = undefined;
        });
        if (this.#closed) client.end();
        return client;
      } catch (error) {
        if (attempt < DIAL_ATTEMPTS && error instanceof SshError && error.worthAnotherTry) {
          await new Promise((resolve) => setTimeout(resolve, DIAL_PAUSE_MS * attempt));
          continue;
        }
        this.#client = undefined;
        throw error;
      }
    }
  }
}

/** One command on one host; rejects when it fails, with what it said. */
export async function runOnHost(target: SshTarget, command: string, timeoutMs = COMMAND_TIMEOUT_MS): Promise<string> {
  const connection = new SshConnection(target);
  try {
    const { code, stdout, stderr } = await connection.run(command, timeoutMs);
    if (code !== 0)
      throw new Error(`\`${command}\` on ${target.host} exited with ${code}: ${stderr.trim() || stdout.trim()}`);
    return stdout;
  } finally {
    connection.close();
  }
}

function dial(target: SshTarget): Promise<Client> {
  const [type, blob] = target.hostKey.trim().split(/\s+/);
  const pinned = Buffer.from(blob ?? "", "base64");
  const where = `${target.user}@${target.host}:${target.port}`;
  let mismatch = false;
  const config: ConnectConfig = {
    host: target.host,
    port: target.port,
    username: target.user,
    privateKey: target.privateKey,
    readyTimeout: DIAL_TIMEOUT_MS,
    // A host that vanished is noticed within 15 s, also in the middle of a silent command.
    keepaliveInterval: 5_000,
    keepaliveCountMax: 3,
    authHandler: ["publickey"],
    // Every OpenSSH of the last ten years has these; the handshake is what costs.
    algorithms: {
      kex: ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"],
      cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"],
      serverHostKey: hostKeyAlgorithms(type),
    },
    hostVerifier: (offered: Buffer) => {
      mismatch = !pinned.equals(offered);
      return !mismatch;
    },
  };
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.once("ready", () => {
      client.removeAllListeners("error").on("error", () => undefined);
      resolve(client);
    });
    client.once("error", (error: Error & { level?: string }) => {
      client.on("error", () => undefined).destroy();
      if (mismatch) reject(new SshError(`SSH to ${where}: its host key is not the pinned one`, false));
      else reject(new SshError(`SSH to ${where}: ${error.message}`, error.level !== "client-authentication"));
    });
    try {
      client.connect(config);
    } catch (error) {
      reject(new SshError(`SSH to ${where}: ${(error as Error).message}`, false));
    }
  });
}

type HostKeyAlgorithms = NonNullable<NonNullable<ConnectConfig["algorithms"]>["serverHostKey"]>;

/** Only the pinned key's own type is asked for: a host offers one key of each. */
function hostKeyAlgorithms(type: string | undefined): HostKeyAlgorithms {
  if (type === "ssh-rsa") return ["rsa-sha2-512", "rsa-sha2-256"];
  return [type ?? "ssh-ed25519"] as HostKeyAlgorithms;
}

function execute(client: Client, command: string, timeoutMs: number, host: string): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(new SshError(`SSH to ${host}: ${error.message}`, true));
      const output = { stdout: "", stderr: "" };
      let code: number | undefined;
      let signal: string | undefined;
      const timer = setTimeout(() => {
        reject(new SshError(`SSH to ${host}: no end of the command after ${timeoutMs / 1000} s`, false));
        channel.close();
      }, timeoutMs);
      channel.setEncoding("utf8");
      channel.stderr.setEncoding("utf8");
      channel.on("data", (text: string) => (output.stdout += text));
      channel.stderr.on("data", (text: string) => (output.stderr += text));
      channel.on("exit", (status: number | null, name?: string) => {
        if (status === null) signal = name ?? "unknown";
        else code = status;
      });
      channel.on("close", () => {
        clearTimeout(timer);
        if (code !== undefined) resolve({ code, ...output });
        else if (signal !== undefined) resolve({ code: 1, ...output, stderr: `${output.stderr}killed by ${signal}` });
        else reject(new SshError(`SSH to ${host}: the connection broke while a command was running`, true));
      });
      return undefined;
    });
  });
}
