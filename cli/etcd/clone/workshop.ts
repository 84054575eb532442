/**
 * Where a snapshot of one cluster is made one for another: an etcd of its own on this machine, which nobody but its user can reach. What must not
 * go on is removed from it with all of its history, and the rest is proved and handed to the other cluster's store by the very program that
 * takes the backups of a member.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { environmentFile } from "../../../components/machine/host-files";
import { tools } from "../../../components/machine/host-programs";
import { type Taken, taken } from "../../../components/rollout/etcd/backup";
import { UserError } from "../../../config/errors";
import { readAnswer } from "../../hosts/answer";
import { type Dropped, keysOf } from "./dropped";

/** Paths of programs. */
export interface WorkshopPrograms {
  readonly etcd: string;
  readonly etcdctl: string;
  readonly etcdutl: string;
  readonly restic: string;
}

export interface DroppedKeys extends Dropped {
  readonly keys: number;
}

const member = "clone";
const startMs = 300_000;
const workMs = 6 * 3_600_000;
/** Beside a database: its snapshot, the restored one, what a removal writes anew, and the sample of the backup. */
const room = 5;
const files = resolve(__dirname, "../../../components/machine/files");

export class Workshop {
  /** Private: mkdtemp gives it to its user alone. Its path is short, as that of a socket must be. */
  readonly folder = mkdtempSync(join(tmpdir(), "kn-clone-"));
  readonly snapshot = join(this.folder, "snapshot.db");
  #etcd: ChildProcess | undefined;

  constructor(readonly programs: WorkshopPrograms) {}

  async close(): Promise<void> {
    await this.#end();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** @throws when the folder has no room for a database of that size */
  wantRoom(bytes: number): void {
    const { bavail, bsize } = statfsSync(this.folder);
    if (bavail * bsize >= room * bytes) return;
    const mib = (size: number) => Math.ceil(size / 2 ** 20);
    throw new UserError(
      `${tmpdir()} has ${mib(bavail * bsize)} MiB free, wanted are ${mib(room * bytes)} MiB (${room} times the database); name another folder by TMPDIR`,
    );
  }

  /** Serves what is in the snapshot, on a socket in the folder. etcdutl compares the sum that the snapshot ends with. */
  async open(): Promise<void> {
    const { etcd, etcdutl } = this.programs;
    const peer = "unix://peer.sock";
    const cluster = [
      `--name=${member}`,
      `--initial-cluster=${member}=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
    ];
    await this.#run(etcdutl, ["snapshot", "restore", this.snapshot, "--data-dir=data", ...cluster]);
    rmSync(this.snapshot);
    const words = [
      ...[
        "--data-dir=data",
        "--unsafe-no-fsync",
        "--log-level=error",
        "--log-outputs=stderr",
        `--listen-peer-urls=${peer}`,
      ],
      ...["--listen-client-urls=unix://client.sock", "--advertise-client-urls=unix://client.sock", ...cluster],
      `--quota-backend-bytes=${16 * 2 ** 30}`,
    ];
    let said = "";
    const child = spawn(etcd, words, { cwd: this.folder, env: {}, stdio: ["ignore", "ignore", "pipe"] });
    this.#etcd = child;
    child.stderr.on("data", (text) => {
      said = `${said}${text}`.slice(-600);
    });
    for (const until = Date.now() + startMs; ; ) {
      const answered = await this.#etcdctl("endpoint", "health").then(
        () => true,
        () => false,
      );
      if (answered) return;
      if (child.exitCode !== null || Date.now() > until)
        throw new UserError(
          `an etcd does not start with the snapshot: ${said.replaceAll(/\p{Cc}/gu, " ") || "it said nothing"}`,
        );
      await new Promise((next) => setTimeout(next, 200));
    }
  }

  /** Removes them with all of their history: nothing of them is in the file afterwards. */
  async drop(all: readonly Dropped[]): Promise<DroppedKeys[]> {
    const found: DroppedKeys[] = [];
    for (const one of all) {
      const printed = await this.#etcdctl("del", ...keysOf(one.resource));
      found.push({ ...one, keys: Number(printed.trim()) || 0 });
    }
    const [status] = JSON.parse(await this.#etcdctl("endpoint", "status", "--write-out=json")) as [
      { Status: { header: { revision: number } } },
    ];
    await this.#etcdctl("compact", "--physical", String(status.Status.header.revision)).catch((error: Error) => {
      // So it is when nothing was removed, and the snapshot was taken right after a compaction.
      if (!/has been compacted/.test(error.message)) throw error;
    });
    await this.#etcdctl("defrag");
    for (const { resource } of all) {
      const left = await this.#etcdctl("get", "--keys-only", "--limit=1", ...keysOf(resource));
      if (left.trim() !== "") throw new UserError(`${resource}: some are left after their removal; run again`);
    }
    return found;
  }

  /** Hands it to a store, as a member hands its backup. @param settings restic's, and the store's */
  async keep(shard: string, settings: Readonly<Record<string, string>>): Promise<Taken> {
    const root = join(this.folder, "root");
    const write = (path: string, text: string, mode = 0o600) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text, { mode });
    };
    const own = { KILONODE_SHARD: shard, KILONODE_BACKUP_MINUTES: "30", RESTIC_CACHE_DIR: join(root, "cache") };
    write("/etc/etcd/backup/backup.env", environmentFile({ ...settings, ...own }).content);
    write("/etc/etcd/etcdctl.env", `ETCDCTL_ENDPOINTS=${this.#endpoint}\n`);
    write("/etc/etcd/etcd.env", `ETCD_NAME=${member}\n`);
    // What `etcd-look` prints of a member that has a name in the network; this one has a socket.
    const look = "#!/bin/sh\nset -eu\necho quorum\netcdctl -w json member list\netcdctl -w json endpoint status\n";
    write(`${tools}/etcd-look`, look, 0o700);
    const printed = await this.#run("python3", [
      "-IBS",
      `${files}${tools}/etcd-backup`,
      "--root",
      root,
      "take",
      "--now",
    ]);
    const answer = readAnswer("etcd-backup", printed, taken);
    if ("error" in answer) throw new UserError(answer.error);
    return answer.value;
  }

  get #endpoint(): string {
    return `unix://${this.folder}/client.sock`;
  }

  #etcdctl(...words: readonly string[]): Promise<string> {
    return this.#run(this.programs.etcdctl, [`--endpoints=${this.#endpoint}`, "--command-timeout=3600s", ...words]);
  }

  #run(program: string, words: readonly string[]): Promise<string> {
    const { programs, folder } = this;
    const folders = [...new Set(Object.values(programs).map(dirname)), "/usr/local/bin", "/usr/bin", "/bin"];
    return new Promise((done, reject) => {
      const child = spawn(program, words, {
        cwd: folder,
        env: { PATH: folders.join(":"), HOME: folder, TMPDIR: folder },
        timeout: workMs,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (text) => {
        stdout = `${stdout}${text}`.slice(-1_000_000);
      });
      child.stderr.on("data", (text) => {
        stderr = `${stderr}${text}`.slice(-10_000);
      });
      child.on("error", reject);
      child.on("close", (code, signal) => {
        if (code === 0) return done(stdout);
        const last = stderr.trim().split("\n").at(-1) ?? "";
        reject(
          new UserError(
            `${words[0] ?? program} ended with ${code ?? signal}: ${last.replaceAll(/\p{Cc}/gu, " ").slice(0, 500)}`,
          ),
        );
      });
    });
  }

  async #end(): Promise<void> {
    const child = this.#etcd;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((end) => child.once("exit", end));
    child.kill("SIGKILL");
    await gone;
  }
}
