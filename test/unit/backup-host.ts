/** A member's host below a temporary directory, for the tests of etcd-backup; restic and etcd's tools are played by backup-fakes/. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "vitest";
import { database, type Entry } from "./backup-database";

const libraries = resolve("components/machine/files/usr/local/lib/kilonode");

/** What `expression` is with everything of a module of the package and `given` in sight. */
export function python(module: string, expression: string, given: unknown = null): unknown {
  const code = `import json, sys; sys.path.insert(0, ${JSON.stringify(libraries)})
from etcd_backup.${module} import *
from etcd_backup.report import Refused
given = json.load(sys.stdin)
try: print(json.dumps(${expression}))
except Refused as error: print(json.dumps({"refused": str(error)}))`;
  const { stdout, stderr, status } = spawnSync("python3", ["-IBS", "-c", code], {
    input: JSON.stringify(given),
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

export interface ShownMember {
  readonly name: string;
  readonly applied?: number;
  readonly learner?: boolean;
  /** Absent: it does not answer. */
  readonly sees?: string;
  readonly errors?: readonly string[];
}

const idOf = (name: string | undefined) => (name === undefined ? 0 : 1000 + Number(name.split("-").at(-1)));

/** What etcd-look prints. */
export function lookOf(members: readonly ShownMember[], how = "quorum"): string {
  const listed = members.map(({ name, learner }) => ({ ID: idOf(name), name, ...(learner && { isLearner: true }) }));
  const statuses = members
    .filter(({ sees }) => sees !== undefined)
    .map(({ name, applied = 100, learner, sees, errors }) => ({
      Endpoint: "https://10.0.0.1:2379",
      Status: {
        header: { cluster_id: 0xc1, member_id: idOf(name) },
        version: "3.7.3",
        dbSize: 24_576,
        leader: idOf(sees),
        raftAppliedIndex: applied,
        ...(learner && { isLearner: true }),
        ...(errors && { errors }),
      },
    }));
  return `${how}\n${JSON.stringify({ members: listed })}\n${JSON.stringify(statuses)}\n`;
}

export const three: readonly ShownMember[] = ["m-1", "m-2", "m-3"].map((name) => ({ name, sees: "m-1" }));
export const entries: readonly Entry[] = [
  { revision: 2, key: "/registry/pods/a/x", value: "1" },
  { revision: 3, key: "/registry/nodes/n", value: "1" },
  { revision: 4, key: "/registry/pods/a/x", value: "2", version: 2 },
  { revision: 5, key: "/registry/pods/a/y", value: "1" },
  { revision: 6, key: "/registry/nodes/n" },
];

// biome-ignore lint/suspicious/noExplicitAny: the answers are what the tests look at
type Answer = any;

export class BackupHost {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), "kilonode-backup-")));

  constructor(readonly member = "m-2") {
    cpSync("test/unit/backup-fakes", this.path("/fake/bin"), { recursive: true });
    this.write("/fake/calls", "");
    this.write(
      "/etc/etcd/backup/backup.env",
      `KILONODE_SHARD=main\nKILONODE_BACKUP_MINUTES=30\nRESTIC_REPOSITORY="s3:https://store/main"\n`,
    );
    this.write("/etc/etcd/etcdctl.env", "ETCDCTL_ENDPOINTS=http://127.0.0.1:9\n");
    this.write("/etc/etcd/etcd.env", `ETCD_NAME=${member}\n`);
    this.look(three);
    this.holds(entries);
  }

  path(path: string): string {
    return join(this.root, path);
  }

  write(path: string, content: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), content, { mode });
  }

  read(path: string): string {
    return readFileSync(this.path(path), "utf8");
  }

  has(path: string): boolean {
    return existsSync(this.path(path));
  }

  look(members: readonly ShownMember[], how?: string): void {
    this.write("/fake/look", lookOf(members, how));
    this.write("/usr/local/lib/kilonode/etcd-look", `#!/bin/sh\ncat ${this.path("/fake/look")}\n`, 0o755);
  }

  /** The member's database, and what etcdutl says of a snapshot of it. */
  holds(all: readonly Entry[], keys = 2): void {
    this.write("/fake/db", database(all));
    this.write("/fake/status", JSON.stringify({ hash: 48_879, revision: all.at(-1)?.revision, totalKey: keys }));
  }

  /** Snapshots that are in the repository, taken so many minutes ago. */
  kept(...minutesAgo: readonly number[]): void {
    const taken = minutesAgo.map((minutes, index) => ({
      id: String(index).repeat(64),
      hostname: "m-3",
      tags: tagsOf(new Date(Date.now() - minutes * 60_000)),
    }));
    this.write("/fake/snapshots.json", JSON.stringify(taken));
  }

  calls(): string[] {
    const calls = this.read("/fake/calls").trim().split("\n").filter(Boolean);
    this.write("/fake/calls", "");
    return calls;
  }

  run(words: readonly string[], failpoint = "") {
    const env = {
      PATH: `${this.path("/fake/bin")}:${process.env.PATH}`,
      KILONODE_FAILPOINT: failpoint,
      KILONODE_TURN_SECONDS: "0.1",
      KILONODE_LOCK_SECONDS: "1",
      KILONODE_ANSWER_SECONDS: this.has("/fake/hanging") ? "1" : "60",
    };
    return spawnSync(join(libraries, "etcd-backup"), ["--root", this.root, ...words], { env, encoding: "utf8" });
  }

  ok(...words: readonly string[]): Answer {
    const { status, stdout, stderr } = this.run(words);
    if (status !== 0) throw new Error(`etcd-backup ${words.join(" ")}: exit ${status}: ${stderr}`);
    return JSON.parse(stdout);
  }

  refused(...words: readonly string[]): string {
    const { status, stdout, stderr } = this.run(words);
    expect([status, stdout]).toEqual([1, ""]);
    return stderr.trim().split("\n").at(-1) ?? "";
  }

  last(): Answer {
    return JSON.parse(this.read("/var/lib/kilonode/backup/last.json"));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

function tagsOf(taken: Date): string[] {
  const takenAt = `${taken.toISOString().slice(0, 19)}Z`;
  const told = { takenAt, revision: 5, hash: "beef", keys: 2, bytes: 9, etcdVersion: "3.7.3", sha256: "0".repeat(64) };
  return ["kilonode", ...Object.entries(told).map(([name, value]) => `${name}=${value}`)];
}
