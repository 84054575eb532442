/** One member of a shard as an etcd of its own: alone in its cluster, otherwise as the plan has it. */
import { ports } from "../../../components/plan/ports";
import type { PlacedHost } from "./hosts";
import { Program } from "./process";

export interface EtcdStart {
  readonly env: Readonly<Record<string, string>>;
  readonly metricsUrl: string;
  readonly httpUrl: string;
}

/**
 * The file of the plan, and what a rollout adds at the very first start. Metrics and HTTP are served at the member's address:
 * every host has 127.0.0.1 for itself, the tests' machine has only one.
 */
export function etcdStart(host: PlacedHost): EtcdStart {
  const settings = host.environment("/etc/etcd/etcd.env");
  const metricsUrl = `http://${host.plan.address}:${ports.etcdMetrics}`;
  const httpUrl = `https://${host.plan.address}:${ports.etcdHttp}`;
  return {
    metricsUrl,
    httpUrl,
    env: {
      ...settings,
      ETCD_LISTEN_METRICS_URLS: metricsUrl,
      ETCD_LISTEN_CLIENT_HTTP_URLS: httpUrl,
      ETCD_INITIAL_CLUSTER: `${host.plan.name}=https://${host.plan.address}:${ports.etcdPeer}`,
      ETCD_INITIAL_CLUSTER_STATE: "new",
    },
  };
}

export const startEtcd = (path: string, start: EtcdStart): Program => new Program(path, [], { env: start.env });

/** "max-request-bytes" of ETCD_MAX_REQUEST_BYTES. */
export const settingOf = (variable: string): string =>
  variable
    .replace(/^ETCD_/, "")
    .toLowerCase()
    .replaceAll("_", "-");

/** Lines of the log with a message. */
export function logged(program: Program, message: string): Record<string, unknown>[] {
  return program.output
    .split("\n")
    .filter((line) => line.startsWith("{") && line.includes(`"${message}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Warnings of every etcd with these settings, with the reason why they may stay. Any other one fails the test. */
const known: readonly { readonly says: string; readonly because: string }[] = [
  {
    says: "simple token is not cryptographically signed",
    because: "tokens belong to etcd's own users and roles, which are off: clients are known by their certificates",
  },
  ...["Failed to detect schema version", "failed to update storage version"].map((says) => ({
    says,
    because: "a member that has just begun has no term on disk for a moment; etcd looks again some seconds later",
  })),
];

/** Warnings, errors, and whatever speaks of settings on their way out. Up to its end: what a killed etcd says is of no interest. */
export function warnings(program: Program): string[] {
  return program.output.split("\n").flatMap((text) => {
    if (!text.startsWith("{")) return text.trim() === "" ? [] : [text];
    const line = JSON.parse(text) as { level: string; msg: string };
    if (line.level === "info" && !/deprecat|decommission/i.test(line.msg)) return [];
    return known.some(({ says }) => line.msg.includes(says)) ? [] : [text];
  });
}
