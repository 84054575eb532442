/** Asks every host once, every API server for its metrics and the API for a few pages, all at the same time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMember } from "../../components/plan/groups";
import { ports } from "../../components/plan/ports";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import type { PlatformDegradation } from "../../components/platform/module";
import { askAll, bashProgram, type HostAnswer, hostAnswer } from "../hosts/ask";
import type { RunningCluster } from "../hosts/cluster";
import { certificatePaths } from "../hosts/status";
import { ApiClient, type Credential } from "./api";
import { type ApiAnswers, askApi, attempt, type Read } from "./ask-api";
import { judgedPaths } from "./cis/paths";
import { prefixOf } from "./shards";

/** Everything that was read, as text and plain data: enough to judge it again elsewhere. */
export interface Gathered {
  readonly hosts: readonly HostAnswer[];
  /** The kept lines of each API server's /metrics, by the name of its master. */
  readonly servers: Readonly<Record<string, Read<string>>>;
  readonly api: ApiAnswers;
  readonly degradations: readonly PlatformDegradation[];
  /** By whom the API was asked: of the certificate, nothing of its key. */
  readonly credential: Credential;
  /** ISO 8601. */
  readonly now: string;
}

/** Tens of megabytes, of a server that may be busy. */
const metricsMs = 30_000;

/** Families that a check looks at. An API server of 5,000 nodes prints tens of megabytes; this keeps some 100 KiB. */
const kept =
  /^(kubernetes_build_info|kubernetes_feature_enabled|apiserver_flowcontrol_nominal_limit_seats|apiserver_watch_list_duration_seconds_count|apiserver_watch_cache_consistent_read_total|apiserver_storage_list_total|apiserver_storage_list_fetched_objects_total|apiserver_resource_objects|etcd_bookmark_total)\{/;

/** Of the histogram of body sizes only the buckets that hold more than the one before: the rest of its 32 repeat it. */
export function keeper(): (line: string) => boolean {
  let last = "";
  return (line) => {
    const [, series, value] = /^(apiserver_request_body_size_bytes_bucket\{.*),le="[^"]*"\} (\S+)$/.exec(line) ?? [];
    if (series === undefined) return kept.test(line);
    const repeats = last === `${series} ${value}` || value === "0";
    last = `${series} ${value}`;
    return !repeats;
  };
}

export async function gather({ checked, hosts, kubeconfig, sshKey }: RunningCluster): Promise<Gathered> {
  const { plan, platform, spec } = checked;
  const script = readFileSync(join(__dirname, "host-questions"), "utf8");
  const client = new ApiClient(kubeconfig);
  const now = new Date().toISOString();
  try {
    const [answers, servers, api, degradations] = await Promise.all([
      askAll(hosts, sshKey, ({ name }, limit) => bashProgram(script, [String(limit), ...hostArguments(plan, name)])),
      askServers(client, plan),
      askApi(client),
      platform.degradations(spec),
    ]);
    return {
      hosts: answers.map(hostAnswer),
      servers,
      api,
      degradations,
      credential: client.credential,
      now,
    };
  } finally {
    client.close();
  }
}

/** Of kinds that grow large; the shards of other resources sample their own. */
const largeKinds = ["/configmaps", "/secrets", "/pods", "/nodes", "/endpoints", "discovery.k8s.io/endpointslices"];

export function hostArguments(plan: ClusterPlan, name: string): string[] {
  const host = plan.hosts.find((one) => one.name === name);
  if (!host) return ["other", "1", "no", "no", "", "", "", "", ""];
  const shard = plan.shards.find((one) => isMember(one, host.name));
  const leases = plan.shards.find(({ resources }) => resources.includes("coordination.k8s.io/leases"));
  const prefixes = plan.shards.flatMap(({ resources }) => resources.map(prefixOf));
  const kinds = shard === undefined || shard.resources.length === 0 ? largeKinds : shard.resources;
  return [
    host.role,
    String(progressWait(plan)),
    sampling(plan, host),
    shard !== undefined && shard === leases ? "yes" : "no",
    ["/registry/", ...prefixes].map(encoded).join(" "),
    kinds.map(prefixOf).map(encoded).join(" "),
    Object.keys(host.machine.sysctls).join(" "),
    certificatePaths(host).join(" "),
    judgedPaths(host).join(" "),
  ];
}

/** Key and range end of a prefix, as etcd's gateway takes them: the end is the prefix with its last byte one higher. */
function encoded(prefix: string): string {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return [prefix, Buffer.from(prefix).toString("base64"), end.toString("base64")].join(":");
}

/**
 * A notification comes after the interval and up to a tenth more (etcd server/etcdserver/api/v3rpc/watch.go); a machine under
 * load is given as much again. Never more than 10 s.
 */
export function progressWait(plan: ClusterPlan): number {
  return Math.min(10, Math.ceil(plan.scale.etcd.progressNotifySeconds * 2));
}

/** The last two members of a shard: one of them is a follower. Where there is no other, the only member. */
function sampling(plan: ClusterPlan, host: HostPlan): string {
  const members = plan.shards.find((one) => isMember(one, host.name))?.members ?? [];
  if (members.length === 1) return "always";
  return members.slice(-2).some(({ name }) => name === host.name) ? "yes" : "no";
}

/** Each server itself; behind a wall, where only the load balancer is open, the one that it gives. */
async function askServers(client: ApiClient, plan: ClusterPlan): Promise<Record<string, Read<string>>> {
  const masters = plan.hosts.filter(({ role }) => role === "master");
  const asked = await Promise.all(
    masters.map(async ({ name, endpoint }): Promise<[string, Read<string>]> => {
      const server = `https://${endpoint}:${ports.apiserver}`;
      return [name, await attempt(() => client.text("/metrics", { server, keep: keeper(), timeoutMs: metricsMs }))];
    }),
  );
  if (asked.some(([, { value }]) => value !== undefined)) return Object.fromEntries(asked);
  return { "load balancer": await attempt(() => client.text("/metrics", { keep: keeper(), timeoutMs: metricsMs })) };
}
