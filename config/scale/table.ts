/** A scale as text: the short answer for a reader, and the full table that the golden files hold. */
import { prices } from "../instances";
import type { Scalar } from "./book";
import { asConfigured } from "./host";
import type { HostScale, Notice, Scale } from "./types";
import { assumptions, type Figure } from "./workload";

const number = (value: Scalar): string =>
  typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 3 }) : String(value);
const withUnit = (value: Scalar, unit: string): string => (unit ? `${number(value)} ${unit}` : number(value));

/** Left column padded, two spaces, right column. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}

const heading = (text: string): string[] => ["", text, "-".repeat(text.length)];

export function noticeLines(notices: readonly Notice[]): string[] {
  return notices.map(({ level, path, message, source }) => `  ${level.padEnd(7)} ${path}: ${message} [${source}]`);
}

const star = (scale: Scale, path: string): string => (scale.derivations[path]?.extrapolated ? " *" : "");

/** Every assumption and derived value, grouped; `*` marks what goes beyond published figures. */
export function fullTable(scale: Scale): string {
  const groups = new Map<string, [string, string][]>();
  for (const entry of Object.values(scale.derivations)) {
    const [group = ""] = entry.path.split(".");
    const rows = groups.get(group) ?? [];
    rows.push([entry.path.slice(group.length + 1), `${withUnit(entry.value, entry.unit)}${star(scale, entry.path)}`]);
    groups.set(group, rows);
  }
  const figures = (Object.keys(assumptions) as Figure[]).map((name): [string, string] => [
    name,
    withUnit(scale.workload[name], assumptions[name].unit),
  ]);
  const lines = [
    `${number(scale.workload.nodes)} nodes, ${number(scale.workload.pods)} pods`,
    ...heading("workload"),
    ...columns(figures),
  ];
  for (const [group, rows] of groups) lines.push(...heading(group), ...columns(rows));
  lines.push(...heading("notices"), ...(scale.notices.length > 0 ? noticeLines(scale.notices) : ["  none"]));
  return `${lines.join("\n")}\n`;
}

/** 11,467 USD. */
export const usd = (value: number): string => `${value.toLocaleString("en-US", { maximumFractionDigits: 0 })} USD`;

/** What a cost is of, and what it leaves out. */
export const priced = `instances ${prices.terms}, in ${prices.region}, prices of ${prices.date}; without volumes, load balancer, traffic and nodes`;

/** What a host must have, in words. */
export function needs({ vcpus, memoryGiB, networkGbit, nvmeDisks, diskGiB }: HostScale): string {
  const network = networkGbit > 0 ? [`${networkGbit} Gbit/s`] : [];
  const disks = nvmeDisks > 0 ? [`${nvmeDisks} NVMe disks of ${diskGiB} GiB`] : [];
  return [`${vcpus} vCPU`, `${memoryGiB} GiB`, ...network, ...disks].join(", ");
}

/** "7 x m5d.4xlarge, 4,619 USD a month: the cheapest with ...". */
function hosts(scale: Scale, path: string, count: number, host: HostScale, cost = 0): string {
  const why =
    scale.derivations[`${path}.instance`]?.formula === asConfigured ? "as configured, for" : "the cheapest with";
  return `${count} x ${host.instance}, ${usd(cost)} a month: ${why} ${needs(host)}`;
}

/** What somebody who asks "what does this size need" wants to see first. */
export function summary(scale: Scale): string {
  const { apiserver: a, masters: m, etcd, cost, controllerManager: k, scheduler: s, rates: r, node: n } = scale;
  const at = (path: string) => star(scale, path);
  const shards = Object.entries(etcd.shards).flatMap(([name, shard]): [string, string][] => [
    [
      `shard ${name}`,
      `${hosts(scale, `etcd.shards.${name}.host`, shard.members, shard.host, cost.shards[name])}${at(`etcd.shards.${name}.host.vcpus`)}`,
    ],
    [
      "",
      `${number(shard.writesPerSecond)} writes/s, database about ${number(shard.databaseGiB)} of ${shard.quotaGiB} GiB${at(`etcd.shards.${name}.databaseGiB`)}`,
    ],
  ]);
  const rows: [string, string][] = [
    ["masters", `${hosts(scale, "masters", m.count, m, cost.masters)}${at("masters.memoryGiB")}`],
    ["", `${m.needed} carry the load when a zone is lost; ${m.nodesPerMaster} nodes a master`],
    ["etcd", `${etcd.hosts} hosts, one for each member of each shard`],
    ...shards,
    ["cost", `${usd(cost.total)} a month: ${priced}`],
    [
      "kube-apiserver",
      `${number(a.maxRequestsInflight)} + ${number(a.maxMutatingRequestsInflight)} requests in flight each, GOMEMLIMIT ${a.goMemoryLimitGiB} GiB${at("apiserver.maxRequestsInflight")}`,
    ],
    [
      "controller manager",
      `${k.qps} requests/s, ${k.workers.deployment} deployment and ${k.workers.gc} gc workers${at("controllerManager.qps")}`,
    ],
    [
      "scheduler",
      `${s.qps} requests/s, parallelism ${s.parallelism}, scores ${s.nodesScored} nodes${at("scheduler.qps")}`,
    ],
    [
      "writes",
      `leases ${number(r.leaseWritesPerSecond)}, pods ${number(r.podWritesPerSecond)}, events ${number(r.eventWritesPerSecond)} a second`,
    ],
    [
      "watch traffic",
      `${number(r.watchEgressGbit)} Gbit/s over ${number(r.connections)} connections${at("rates.watchEgressGbit")}`,
    ],
    [
      "nodes",
      `${n.maxPods} pods each, ${n.proxyMode}, ${number(scale.kernel.conntrack.node)} tracked connections, ${number(scale.kernel.neighbours.node)} neighbours`,
    ],
  ];
  const head = `${number(scale.workload.nodes)} nodes, ${number(scale.workload.pods)} pods, ${number(scale.workload.services)} services; Kubernetes ${scale.versions.kubernetesVersion}, etcd ${scale.versions.etcdVersion}`;
  const note = scale.extrapolated
    ? ["", "  * extrapolated: no published figure of a self-managed control plane covers this size"]
    : [];
  const notices = scale.notices.length > 0 ? ["", ...noticeLines(scale.notices)] : [];
  return `${[head, "", ...columns(rows), ...note, ...notices].join("\n")}\n`;
}
