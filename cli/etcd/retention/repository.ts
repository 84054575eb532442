/** A shard's repository, opened by the operator: with rights to remove, which no host has. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import * as z from "zod";
import type { StoreCredentials } from "../../../components/platform/module";
import { UserError } from "../../../config/errors";
import { type Snapshot, snapshot } from "../backup/answers";
import type { StoredSnapshot } from "./choose";
import { objectVersions, type S3Place } from "./s3";

export interface RepositoryArgs {
  readonly shard: string;
  /** As restic takes it: "s3:https://198.18.0.7:7070/etcd-main/main". */
  readonly repository: string;
  readonly region: string;
  readonly password: string;
  readonly credentials: StoreCredentials;
  /** Of the store's certificate; absent: one that everybody trusts. */
  readonly authorityPem?: string | undefined;
}

/** What `etcd-backup` marks its snapshots with. */
const mark = "kilonode";
const mostOutput = 64 << 20;
/** Removing reads and writes what is left of packs. */
const workMs = 6 * 3_600_000;
/** A member may be at its backup. */
const patience = "--retry-lock=10m";
/** Ids of one command. */
const atOnce = 500;

const numbers = ["revision", "keys", "bytes"];

/** What `etcd-backup` tells of a snapshot by tags: "revision=7". */
function told(tags: readonly string[] | null | undefined): Record<string, string | number> {
  const pairs = (tags ?? []).map((tag) => tag.split("=", 2) as [string, string | undefined]);
  return Object.fromEntries(pairs.map(([name, value = ""]) => [name, numbers.includes(name) ? Number(value) : value]));
}

const listed = z
  .array(
    z.object({
      id: z.string().regex(/^[0-9a-f]{64}$/, "wants 64 hexadecimal digits"),
      time: z.string().max(64),
      hostname: z.string().max(253).default(""),
      tags: z.array(z.string().max(256)).max(100).nullish(),
    }),
  )
  .max(1_000_000);

export class Repository {
  readonly #folder = mkdtempSync(join(tmpdir(), "kilonode-retention-"));
  readonly #env: Record<string, string>;

  /** @param restic the program */
  constructor(
    readonly restic: string,
    readonly args: RepositoryArgs,
  ) {
    const { authorityPem, credentials, password, region, repository } = args;
    // Files that nobody else can read: an environment is seen by whoever may look at the process.
    const file = (name: string, text: string) => {
      const path = join(this.#folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const token = credentials.sessionToken ? `aws_session_token = ${credentials.sessionToken}\n` : "";
    this.#env = {
      PATH: process.env.PATH ?? "",
      HOME: this.#folder,
      TMPDIR: this.#folder,
      AWS_DEFAULT_REGION: region,
      AWS_SHARED_CREDENTIALS_FILE: file(
        "credentials",
        `[default]\naws_access_key_id = ${credentials.accessKeyId}\naws_secret_access_key = ${credentials.secretAccessKey}\n${token}`,
      ),
      RESTIC_CACHE_DIR: join(this.#folder, "cache"),
      RESTIC_PASSWORD_FILE: file("password", `${password}\n`),
      RESTIC_REPOSITORY: repository,
      ...(authorityPem && { RESTIC_CACERT: file("store-ca.crt", authorityPem) }),
    };
  }

  /** For a program that runs restic itself. */
  get settings(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(this.#env).filter(([name]) => /^(AWS|RESTIC)_/.test(name)));
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Those of `etcd-backup`, as it lists them on a host. */
  async backups(): Promise<Snapshot[]> {
    const all = (await this.#list()).filter(({ tags }) => tags?.includes(mark));
    return all.flatMap(({ id, hostname, tags }) => {
      const read = snapshot.safeParse({ ...told(tags), id, member: hostname });
      return read.success ? [read.data] : [];
    });
  }

  /** Puts the database of a snapshot into a file. @throws when it is not what it is said to be */
  async fetch({ bytes, id, sha256 }: Snapshot, path: string): Promise<void> {
    const total = createHash("sha256");
    let left = bytes;
    const file = createWriteStream(path, { mode: 0o600 });
    const child = spawn(this.restic, ["dump", "--no-lock", id, "/snapshot.db"], {
      env: this.#env,
      timeout: workMs,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
    await pipeline(
      child.stdout,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          left -= chunk.length;
          if (left < 0)
            throw new UserError(`snapshot ${id.slice(0, 8)} has more than the ${bytes} bytes that it should have`);
          total.update(chunk);
          yield chunk;
        }
      },
      file,
    );
    if ((await ended) !== 0 || total.digest("hex") !== sha256)
      throw new UserError(
        `snapshot ${id.slice(0, 8)} of shard ${this.args.shard} is broken, or cannot be read: choose another one`,
      );
  }

  async #list(): Promise<z.output<typeof listed>> {
    const printed = await this.#run("snapshots", "--json", "--no-lock");
    const read = listed.safeParse(JSON.parse(printed || "[]"));
    if (read.success) return read.data;
    throw new Error(`restic listed something else than snapshots: ${z.prettifyError(read.error)}`);
  }

  async snapshots(): Promise<StoredSnapshot[]> {
    const all = await this.#list();
    const { bucket, folder } = this.place();
    const versions = await objectVersions(bucket, `${folder}/snapshots/`);
    return all.map(({ id, tags, time }) => {
      const stored = versions.get(`${folder}/snapshots/${id}`);
      const takenAt = Date.parse(tags?.find((tag) => tag.startsWith("takenAt="))?.slice("takenAt=".length) ?? time);
      return {
        id,
        ours: (tags?.includes(mark) ?? false) && !Number.isNaN(takenAt),
        takenAt,
        storedAt: stored?.firstAt,
        versions: stored?.versions ?? 0,
      };
    });
  }

  /** Whether all that snapshots name is there. @throws when it is not */
  async check(): Promise<void> {
    await this.#run("unlock");
    await this.#run("check", patience);
  }

  async forget(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += atOnce) await this.#run("forget", patience, ...ids.slice(at, at + atOnce));
  }

  /** Removes what no snapshot names any more. */
  async prune(): Promise<void> {
    await this.#run("prune", patience);
  }

  /** Where its files are. */
  place(): { readonly bucket: S3Place; readonly folder: string } {
    const { authorityPem, credentials, region, repository } = this.args;
    const [, url = "", folder = ""] = /^s3:(https:\/\/[^/]+\/[^/]+)\/([^/]+)$/.exec(repository) ?? [];
    if (url === "") throw new Error(`${repository} is no repository in a bucket`);
    return { bucket: { url, region, credentials, authorityPem }, folder };
  }

  #run(verb: string, ...words: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = spawn(this.restic, [verb, ...words], {
        env: this.#env,
        timeout: workMs,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (text) => {
        stdout += text;
        if (stdout.length > mostOutput) child.kill();
      });
      child.stderr.on("data", (text) => {
        stderr = `${stderr}${text}`.slice(-10_000);
      });
      child.on("error", reject);
      child.on("close", (code, signal) => {
        if (code === 0) return resolve(stdout);
        const last = stderr.trim().split("\n").at(-1) ?? "";
        const told = last.replaceAll(/\p{Cc}/gu, " ").slice(0, 500);
        reject(new UserError(`restic ${verb} of shard ${this.args.shard} ended with ${code ?? signal}: ${told}`));
      });
    });
  }
}
