/**
 * npm run bench:backups [-- --objects N --mib N --rounds N --writes-per-second N --json]
 *
 * What backups of an etcd shard cost: three real members on this machine with N objects (default 100,000) of N MiB together (default 1,024), under
 * writes. Rounds of a quiet time and a backup, in turn: CPU seconds, bytes written, latency of writes with and without. Then the size of the
 * repository after a day at 30 and at 5 minutes. The day is simulated: of each interval a few steps are made in full (the writes of the
 * interval, then a backup), as fast as they go, and the rest is taken to grow alike.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ports } from "../components/plan/ports";
import { rolloutEtcd } from "../components/rollout/etcd/rollout";
import { Progress } from "../components/rollout/gate/progress";
import { ensureToolchain } from "../toolchain/ensure";
import { BackupHost } from "./lib/backup-host";
import { LocalShard } from "./lib/local-etcd";
import { machineLine } from "./lib/machine";
import { Objects, PacedWriters } from "./lib/objects";

const members = ["m1", "m2", "m3"];
const clients = 4;
const quietMs = 30_000;
const intervals = [30, 5];
const stepsEach = 3;
const minutesOfDay = 1_440;
const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
const say = (line: string) => void process.stderr.write(`${line}\n`);

interface Figures {
  readonly databaseMiB: number;
  readonly backups: readonly { readonly seconds: number; readonly cpuSeconds: number; readonly writtenMiB: number }[];
  readonly latencyMs: Readonly<
    Record<"quiet" | "backup", { readonly p50: number; readonly p99: number; readonly writes: number }>
  >;
  readonly failed: number;
  readonly days: readonly {
    readonly everyMinutes: number;
    readonly firstMiB: number;
    readonly stepMiB: number;
    readonly dayMiB: number;
  }[];
}

async function measure(objects: Objects, rounds: number, perSecond: number): Promise<Figures> {
  const tools = await ensureToolchain({ binaries: ["etcd", "etcdctl", "etcdutl", "restic"] });
  const path = (name: string) => tools.find((one) => one.name === name)?.path ?? "";
  const root = mkdtempSync(join(tmpdir(), "kilonode-bench-backups-"));
  const shard = new LocalShard({ etcd: path("etcd"), etcdctl: path("etcdctl") }, 65);
  shard.flags = [`--quota-backend-bytes=${8 * 2 ** 30}`];
  try {
    for (const name of members) shard.addHost(name, "only");
    await rolloutEtcd(shard, shard.plan(members), new Progress("etcd", () => undefined));
    const urls = members.map((name) => `http://${shard.host(name).address}:${ports.etcdClient}`);
    say(`filling: ${objects.count} objects of ${objects.bytes} bytes`);
    await objects.fill(urls[0] ?? "");
    const host = async (repository: string) => {
      const { endpoints, members: listed } = await shard.look("m1");
      const leader = [...endpoints.values()][0]?.leader;
      const follower = listed.find(({ id }) => id !== leader)?.name ?? "m1";
      const url = `http://${shard.host(follower).address}:${ports.etcdClient}`;
      return new BackupHost(join(root, repository), follower, url, [path("etcdctl"), path("etcdutl"), path("restic")]);
    };
    const writers = new PacedWriters(objects, urls, clients, (1_000 * clients) / perSecond);
    const backups: Figures["backups"][number][] = [];
    const own = await host("rounds");
    for (let round = 1; round <= rounds; round++) {
      writers.phase = "quiet";
      await new Promise((next) => setTimeout(next, quietMs));
      writers.phase = "backup";
      const { cpuSeconds, seconds, writtenBytes } = await own.take();
      writers.phase = "";
      backups.push({ seconds, cpuSeconds: Math.round(cpuSeconds * 10) / 10, writtenMiB: mib(writtenBytes) });
      say(`round ${round} of ${rounds}: ${seconds} s`);
    }
    await writers.stop();
    const days: Figures["days"][number][] = [];
    for (const everyMinutes of intervals) {
      const at = await host(`every-${everyMinutes}`);
      await at.take();
      const firstBytes = at.repositoryBytes;
      for (let step = 1; step <= stepsEach; step++) {
        await objects.change(urls[0] ?? "", everyMinutes * 60 * perSecond);
        await at.take();
        say(`every ${everyMinutes} minutes: step ${step} of ${stepsEach}`);
      }
      const stepBytes = (at.repositoryBytes - firstBytes) / stepsEach;
      const dayBytes = firstBytes + stepBytes * (minutesOfDay / everyMinutes - 1);
      days.push({ everyMinutes, firstMiB: mib(firstBytes), stepMiB: mib(stepBytes), dayMiB: mib(dayBytes) });
    }
    const view = await shard.look("m1");
    const databaseMiB = mib(Math.max(...[...view.endpoints.values()].map(({ database }) => database?.bytes ?? 0)));
    const of = (phase: "quiet" | "backup") => ({
      p50: Math.round(writers.percentile(phase, 50) * 10) / 10,
      p99: Math.round(writers.percentile(phase, 99) * 10) / 10,
      writes: writers.writes(phase),
    });
    return {
      databaseMiB,
      backups,
      latencyMs: { quiet: of("quiet"), backup: of("backup") },
      failed: writers.failed,
      days,
    };
  } finally {
    await shard.cleanUp();
    rmSync(root, { recursive: true, force: true });
  }
}

function report(
  { backups, databaseMiB, days, failed, latencyMs: { backup, quiet } }: Figures,
  objects: number,
): string[] {
  const list = (values: readonly number[]) => values.join(", ");
  return [
    `${machineLine()}; ${objects} objects, database ${databaseMiB} MiB, three members on one machine`,
    "",
    "| what | figure |",
    "|---|---|",
    `| a backup (the first one, then the others) | ${list(backups.map(({ seconds }) => seconds))} s |`,
    `| CPU of it, at the lowest priority | ${list(backups.map(({ cpuSeconds }) => cpuSeconds))} s |`,
    `| written by it | ${list(backups.map(({ writtenMiB }) => writtenMiB))} MiB |`,
    `| a write without a backup | p50 ${quiet.p50} ms, p99 ${quiet.p99} ms (${quiet.writes} writes) |`,
    `| a write beside a backup | p50 ${backup.p50} ms, p99 ${backup.p99} ms (${backup.writes} writes) |`,
    `| writes that failed | ${failed} |`,
    ...days.map(
      ({ dayMiB, everyMinutes, firstMiB, stepMiB }) =>
        `| repository after a day at ${everyMinutes} minutes (simulated) | ${dayMiB} MiB: ${firstMiB} at first, ${stepMiB} more with each |`,
    ),
  ];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      objects: { type: "string", default: "100000" },
      mib: { type: "string", default: "1024" },
      rounds: { type: "string", default: "3" },
      "writes-per-second": { type: "string", default: "20" },
      json: { type: "boolean", default: false },
    },
  });
  const count = Number(values.objects);
  const objects = new Objects(count, Math.floor((Number(values.mib) * 2 ** 20) / count));
  const figures = await measure(objects, Number(values.rounds), Number(values["writes-per-second"]));
  console.log(values.json ? JSON.stringify(figures, null, 2) : report(figures, count).join("\n"));
}

void main();
