/** Commands on hosts over SSH: one connection a host, kept and reused, with the host's key pinned. */
import type { Readable } from "node:stream";
import { Client, type ConnectConfig } from "ssh2";
import { UserError } from "../../config/errors";
import { asRoot, type Words } from "./privilege";
import { type HostTarget, hostKeyAlgorithms, loginOf, type SshServer } from "./target";

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const DIAL_ATTEMPTS = 3;
const DIAL_TIMEOUT_MS = 10_000;
const DIAL_PAUSE_MS = 500;
export const COMMAND_TIMEOUT_MS = 30_000;
/** Of one command's output: no answer of a host's program comes near it, and no host can fill this machine's memory. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;

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

  /** @param privateKey OpenSSH's own format, as `tls.PrivateKey.privateKeyOpenssh` gives it; for a jump host too */
  constructor(
    readonly target: HostTarget,
    private readonly privateKey: string,
  ) {}

  /**
   * As root. Resolves with whatever exit code the command has; rejects with {@link SshError} if that cannot be learned.
   * @param heard gets what it says on its standard error, as it comes
   */
  async run(words: Words, timeoutMs = COMMAND_TIMEOUT_MS, heard?: (text: string) => void): Promise<Outcome> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    return await execute(client, asRoot(this.target.user, words), timeoutMs, this.target, heard);
  }

  close(): void {
    this.#closed = true;
    this.#client?.then((client) => client.end()).catch(() => undefined);
  }

  async #connect(): Promise<Client> {
    for (let attempt = 1; ; attempt++) {
      try {
        const client = await reach(this.target, this.privateKey);
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

/** Directly, or through the jump host, whose connection ends with the one that it carries. */
async function reach({ jump, ...server }: HostTarget, privateKey: string): Promise<Client> {
  if (!jump) return dial(server, privateKey);
  const between = await dial(jump, privateKey);
  try {
    const client = await dial(server, privateKey, await forward(between, server));
    client.once("close", () => between.end());
    return client;
  } catch (error) {
    between.end();
    throw error;
  }
}

function forward(between: Client, server: SshServer): Promise<Readable> {
  return new Promise((resolve, reject) => {
    between.forwardOut("127.0.0.1", 0, server.address, server.port, (error, channel) =>
      error
        ? reject(new SshError(`SSH to ${loginOf(server)} through its jump host: ${error.message}`, true))
        : resolve(channel),
    );
  });
}

function dial(server: SshServer, privateKey: string, sock?: Readable): Promise<Client> {
  const pinned = Buffer.from(server.hostKey.trim().split(/\s+/)[1] ?? "", "base64");
  const where = loginOf(server);
  let mismatch = false;
  const config: ConnectConfig = {
    host: server.address,
    port: server.port,
    username: server.user,
    ...(sock && { sock }),
    privateKey,
    readyTimeout: DIAL_TIMEOUT_MS,
    // A host that vanished is noticed within 15 s, also in the middle of a silent command.
    keepaliveInterval: 5_000,
    keepaliveCountMax: 3,
    authHandler: ["publickey"],
    // Every OpenSSH of the last ten years has these; the handshake is what costs.
    algorithms: {
      kex: ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"],
      cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"],
      serverHostKey: [...hostKeyAlgorithms(server.hostKey)] as HostKeyAlgorithms,
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

function execute(
  client: Client,
  command: string,
  timeoutMs: number,
  target: HostTarget,
  heard?: (text: string) => void,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) return reject(new SshError(`SSH to ${loginOf(target)}: ${error.message}`, true));
      const output = { stdout: "", stderr: "" };
      let code: number | undefined;
      let signal: string | undefined;
      const timer = setTimeout(() => {
        reject(new SshError(`SSH to ${loginOf(target)}: no end of the command after ${timeoutMs / 1000} s`, false));
        channel.close();
      }, timeoutMs);
      channel.setEncoding("utf8");
      channel.stderr.setEncoding("utf8");
      const take = (stream: keyof typeof output) => (text: string) => {
        output[stream] += text;
        if (output.stdout.length + output.stderr.length <= OUTPUT_LIMIT) return;
        reject(new SshError(`SSH to ${loginOf(target)}: the command printed more than ${OUTPUT_LIMIT} bytes`, false));
        channel.close();
      };
      channel.on("data", take("stdout"));
      channel.stderr.on("data", take("stderr"));
      if (heard) channel.stderr.on("data", heard);
      channel.on("exit", (status: number | null, name?: string) => {
        if (status === null) signal = name ?? "unknown";
        else code = status;
      });
      channel.on("close", () => {
        clearTimeout(timer);
        if (code !== undefined) resolve({ code, ...output });
        else if (signal !== undefined) resolve({ code: 1, ...output, stderr: `${output.stderr}killed by ${signal}` });
        else reject(new SshError(`SSH to ${loginOf(target)}: the connection broke while a command was running`, true));
      });
      return undefined;
    });
  });
}
