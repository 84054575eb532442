/** Prints the state of a cluster, compact enough for one look. */
import type { Degradation, ShardStatus, StatusReport } from "../hosts/status-types";
import { shortList } from "./names";
import type { Style } from "./style";
import { table } from "./table";
import { duration } from "./terminal";

export function statusText(report: StatusReport, style: Style, now: Date): string[] {
  const { stack, healthy, problems, unknown, etcd, masters, loadBalancer, nodes, hosts, degradations } = report;
  const { unfinished } = report;
  const verdict = healthy
    ? style.green("healthy")
    : problems.length > 0
      ? style.red("NOT HEALTHY")
      : style.yellow("NOT KNOWN: nothing is wrong, as far as was answered in time");
  const running = unfinished?.how === "running" ? ["", `  ${style.yellow(unfinished.text)}`] : [];
  const halfway =
    unfinished && running.length === 0 ? style.red(`, the last \`${unfinished.action}\` did not finish`) : "";
  const unreachable = hosts.filter(({ reachable }) => !reachable).length;
  const ready = masters.filter((master) => master.ready).length;
  const leads = masters.flatMap(({ name, leaderOf }) => leaderOf.map((lease) => `${lease} ${name}`));
  const versions = [...new Set(masters.flatMap(({ version }) => version ?? []))].sort();
  const rows = [
    [
      "masters",
      mark(ready, masters.length, style),
      [...(versions.length > 0 ? [versions.join(", ")] : []), leads.sort().join(", ") || "nobody leads"].join("; "),
    ],
    ...(loadBalancer
      ? [["balancer", mark(loadBalancer.ready, masters.length, style), `${loadBalancer.address}, backends in rotation`]]
      : []),
    ["nodes", mark(nodes.ready, nodes.total, style, nodes.error === undefined), nodes.error ?? "ready"],
    ["hosts", mark(hosts.length - unreachable, hosts.length, style), "reachable"],
  ];
  return [
    `${style.bold(`stack ${stack}`)}: ${verdict}${halfway} (asked in ${duration(report.durationMs)})`,
    ...running,
    "",
    ...table(
      [
        ["etcd", "up", "leader", "database", "raft index", "version", ""],
        ...etcd.map((shard) => shardRow(shard, style)),
      ],
      "  ",
    ),
    ...backupLines(etcd, style),
    ...moveLines(stack, etcd, style),
    "",
    ...table(rows, "  "),
    ...certificateLines(report, now, style),
    ...(degradations.length > 0 ? ["", "  degraded:"] : []),
    ...degradationLines(degradations, hosts.length).map((line) => `    ${line}`),
    ...(unknown.length > 0 ? ["", style.yellow("  not known, since a machine is busy or something hangs:")] : []),
    ...unknown.map((line) => `    ${line}`),
    ...(problems.length > 0 ? ["", style.red("  problems:")] : []),
    ...problems.map((problem) => `    ${problem}`),
  ];
}

function moveLines(stack: string, etcd: readonly ShardStatus[], style: Style): string[] {
  return etcd.flatMap(({ move, shard }) =>
    move
      ? [
          style.yellow(
            `  ${move.shard} moves out of ${shard} and is at "${move.step}": \`kilonode etcd move ${stack} --shard ${move.shard}\` goes on with it`,
          ),
        ]
      : [],
  );
}

function mark(number: number, of: number, style: Style, known = true): string {
  const text = `${number}/${of}`;
  return known && number === of ? style.green(text) : style.red(text);
}

function shardRow({ shard, voters, learners, leader, dbBytes, alarms, members }: ShardStatus, style: Style): string[] {
  const up = members.filter((member) => member.up);
  const indexes = up.map(({ raftIndex }) => raftIndex);
  const spread = indexes.length > 0 ? Math.max(...indexes) - Math.min(...indexes) : 0;
  const versions = [...new Set(up.map(({ version }) => version))].join(", ");
  const remarks = [
    ...(learners > 0 ? [`${learners} learner${learners === 1 ? "" : "s"}`] : []),
    ...(up.length > 0 && voters + learners !== members.length ? [`${voters + learners} listed`] : []),
    ...alarms.map((alarm) => style.red(`alarm ${alarm}`)),
  ];
  return [
    shard,
    mark(up.length, members.length, style),
    leader ?? style.red("none"),
    `${(dbBytes / 2 ** 20).toFixed(1)} MiB`,
    `${Math.max(0, ...indexes)}${spread > 0 ? ` (within ${spread})` : ""}`,
    versions,
    remarks.join(", "),
  ];
}

function backupLines(shards: readonly ShardStatus[], style: Style): string[] {
  const rows = shards.flatMap(({ shard, backup }) => {
    if (!backup) return [];
    const { ageSeconds, revision, bytes, result } = backup;
    const age = ageSeconds === null ? "" : `${duration(ageSeconds * 1000)} ago`;
    const what = ageSeconds === null ? "" : `revision ${revision}, ${((bytes ?? 0) / 2 ** 20).toFixed(1)} MiB`;
    return [[shard, result === "failed" ? style.red(result) : result, age, what]];
  });
  return rows.length > 0 ? ["", ...table([["backups", "last", "newest", ""], ...rows], "  ")] : [];
}

/** In a lab every host lacks the same dozen of sysctls: those of the same hosts share a line. */
function degradationLines(all: readonly Degradation[], hostCount: number): string[] {
  const where = (hosts: readonly string[]) =>
    hosts.length === 0 ? "" : ` on ${hosts.length === hostCount ? "all hosts" : shortList(hosts)}`;
  const sysctls = new Map<string, string[]>();
  for (const { what, wanted, got, hosts } of all) {
    if (!what.startsWith("sysctl ")) continue;
    const words = `${what.slice("sysctl ".length)} ${got} (wanted ${wanted})`;
    sysctls.set(where(hosts), [...(sysctls.get(where(hosts)) ?? []), words]);
  }
  return [
    ...all
      .filter(({ what }) => !what.startsWith("sysctl "))
      .map(({ what, effect, hosts }) => `${what}${where(hosts)}: ${effect}`),
    ...[...sysctls].map(([on, words]) => `sysctls${on}: ${words.join(", ")}`),
  ];
}

const dayMs = 86_400_000;

function certificateLines({ certificates }: StatusReport, now: Date, style: Style): string[] {
  const line = (title: string, authority: boolean): [string, string] => {
    const all = certificates.filter((one) => one.authority === authority);
    const [first] = all;
    if (!first) return [title, style.red("none seen")];
    const days = Math.floor((new Date(first.expires).getTime() - now.getTime()) / dayMs);
    const text = `${all.length}, the first ends in ${days} days (${first.name}, ${first.expires.slice(0, 10)})`;
    return [title, days < 14 ? style.red(text) : text];
  };
  return table([line("certificates", false), line("authorities", true)], "  ");
}
