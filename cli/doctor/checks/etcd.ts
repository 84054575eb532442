/** The etcd members: settings, notifications, quota, disks. */
import { answering, metricsOf, sectionOf } from "../evidence";
import { progressWait } from "../gather";
import { select } from "../metrics";
import type { Check } from "../types";
import { bounded, mib, noneDiffers, percent, plannedEnv, range } from "./judging";

const settings: Check = {
  id: "etcd-settings",
  group: "etcd",
  title: "etcd runs with the settings of the plan",
  wanted: () => "every ETCD_ setting of the plan in the environment of the running process",
  why: "compaction, snapshots, heartbeats and limits are read once, at the start",
  source: "/proc/PID/environ on every member",
  remedy: "run up: it restarts one member at a time, the leader last",
  ledger: ["E10", "E11", "E12"],
  judge: (evidence) => {
    let total = 0;
    const differences = answering(evidence, "etcd").flatMap(({ name, plan, processes }) => {
      const wanted = Object.entries(plannedEnv(plan, "etcd")).filter(([key]) => key.startsWith("ETCD_"));
      total += wanted.length;
      const env = processes.etcd?.env ?? {};
      return wanted
        .filter(([key, value]) => env[key] !== value)
        .map(([key, value]): [string, string] => [name, `${key} is ${env[key] ?? "not set"}, wanted ${value}`]);
    });
    return noneDiffers(differences, `${total} settings on ${answering(evidence, "etcd").length} members`);
  },
};

const progress: Check = {
  id: "progress-notify",
  group: "etcd",
  title: "idle watches hear of progress at the interval",
  wanted: ({ plan }) => `every ${plan.scale.etcd.progressNotifySeconds} s`,
  why: "the watch caches of quiet resources learn from it how recent they are; bookmarks depend on it",
  source:
    "https://etcd.io/docs/v3.6/op-guide/configuration/ (watch-progress-notify-interval); measured by a watch on every member",
  remedy: "run up; see etcd-settings",
  ledger: ["E10"],
  judge: (evidence) => {
    const seconds = evidence.plan.scale.etcd.progressNotifySeconds;
    const waited = progressWait(evidence.plan);
    if (seconds * 1.1 > waited) {
      const because = `nobody waits ${seconds} s for it; see etcd-settings`;
      return { status: "skipped", found: "not measured", because };
    }
    const times = answering(evidence, "etcd").map(({ name, sections }) => ({
      name,
      seconds: sections.progress?.text ? Number(sections.progress.text) / 1000 : Number.NaN,
    }));
    const heard = times.filter((time) => time.seconds <= waited).map((time) => time.seconds);
    const silent = times.filter((time) => !(time.seconds <= waited));
    const found =
      heard.length > 0
        ? `after ${range(heard.map((time) => Number(time.toFixed(1))))} s on ${heard.length} of ${times.length} members`
        : `none within ${waited} s`;
    // One member of many that is late has a busy host; a wrong setting is seen by etcd-settings too.
    const status = silent.length === 0 ? "ok" : heard.length > 0 ? "warning" : "failed";
    return { status, found, details: bounded(silent.map(({ name }) => `${name}: none within ${waited} s`)) };
  },
};

const quota: Check = {
  id: "quota",
  group: "etcd",
  title: "the database has its quota and stays well below",
  wanted: ({ plan }) => `${Object.values(plan.scale.etcd.shards)[0]?.quotaGiB} GiB, less than 80 % used`,
  why: "a member over its quota raises NOSPACE, and the shard takes no more writes",
  source:
    "https://etcd.io/docs/v3.6/op-guide/maintenance/#space-quota; etcd_server_quota_backend_bytes of the running member",
  remedy:
    "run `kilonode etcd defrag`; then look at largest objects and events, or move a resource to a shard of its own",
  ledger: ["E5", "E12"],
  judge: (evidence) => {
    const members = answering(evidence, "etcd").map((host) => {
      const samples = metricsOf(host);
      const one = (name: string) => select(samples, name)[0]?.value ?? Number.NaN;
      const wanted = Number(plannedEnv(host.plan, "etcd").ETCD_QUOTA_BACKEND_BYTES);
      const [limit, size] = [one("etcd_server_quota_backend_bytes"), one("etcd_mvcc_db_total_size_in_bytes")];
      return { name: host.name, wanted, limit, size, share: size / limit };
    });
    const wrong = members.filter(({ limit, wanted }) => limit !== wanted);
    if (wrong.length > 0)
      return noneDiffers(
        wrong.map(({ name, limit, wanted }) => [name, `quota ${limit} bytes, wanted ${wanted}`]),
        "",
      );
    const full = members.filter(({ share }) => !(share < 0.8));
    const largest = Math.max(...members.map(({ size }) => size));
    const found = `${range(members.map(({ limit }) => limit / 2 ** 30))} GiB; the largest database has ${mib(largest)} (${percent(Math.max(...members.map(({ share }) => share)))})`;
    const details = full.map(({ name, share, size }) => `${name}: ${mib(size)}, ${percent(share)} of the quota`);
    return {
      status: full.some(({ share }) => !(share < 0.95)) ? "failed" : full.length > 0 ? "warning" : "ok",
      found,
      details,
    };
  },
};

const volumes: Check = {
  id: "wal-volume",
  group: "etcd",
  title: "log and database are on devices of their own",
  wanted: () => "two devices on every member",
  why: "every write waits for the log's fdatasync; a snapshot on the same disk holds it up",
  source: "https://etcd.io/docs/v3.6/op-guide/hardware/#disks; stat of the mounted directories",
  remedy: "give the host a second disk; up refuses a member whose volumes share one",
  ledger: ["E3"],
  judge: (evidence) => {
    const shared = answering(evidence, "etcd").filter(
      (host) =>
        new Set(
          sectionOf(host, "disks")
            .split("\n")
            .map((line) => line.split(" ")[0]),
        ).size < 2,
    );
    const found = `on ${answering(evidence, "etcd").length} members`;
    return noneDiffers(
      shared.map(({ name }) => [name, "log and database share a device"]),
      found,
    );
  },
};

const priority: Check = {
  id: "etcd-io-priority",
  group: "etcd",
  title: "etcd's disk requests come first",
  wanted: () => "best-effort: prio 0 (ionice -c2 -n0)",
  why: "a backup or an update on the host must not hold up the log",
  source: "https://etcd.io/docs/v3.6/tuning/#disk; ionice of the running process",
  remedy: "run up; see IOSchedulingClass in etcd.service",
  ledger: ["E5"],
  judge: (evidence) => {
    const other = answering(evidence, "etcd").filter(({ processes }) => processes.etcd?.io !== "best-effort: prio 0");
    return noneDiffers(
      other.map(({ name, processes }) => [name, `etcd has ${processes.etcd?.io || "no known class"}`]),
      "on every member",
    );
  },
};

export const etcd: readonly Check[] = [settings, progress, quota, volumes, priority];
