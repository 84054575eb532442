/** Asks all hosts, the API and the platform at the same time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unfinishedText } from "../show/unfinished";
import { askAll, bashProgram, type HostAnswer, hostAnswer } from "./ask";
import { type ClusterOptions, type ReachableCluster, reachableCluster } from "./cluster";
import { accessLack, issuedFor } from "./kubeconfig";
import { countNodes, type Nodes } from "./nodes";
import { certificatePaths, statusReport } from "./status";
import type { StatusReport } from "./status-types";

export async function collectStatus(stack: string, options: ClusterOptions): Promise<StatusReport> {
  const started = performance.now();
  const cluster = await reachableCluster(stack, options);
  return { ...(await statusOf(cluster)), durationMs: Math.round(performance.now() - started) };
}

export async function statusOf(cluster: ReachableCluster): Promise<StatusReport> {
  const started = performance.now();
  const script = readFileSync(join(__dirname, "host-report"), "utf8");
  const { checked, hosts, sshKey, unfinished } = cluster;
  const { plan, platform, spec } = checked;
  const paths = (name: string) => {
    const host = plan.hosts.find((one) => one.name === name);
    return host ? certificatePaths(host) : [];
  };
  const [answers, nodes, degradations] = await Promise.all([
    askAll(hosts, sshKey, ({ name, role }, seconds) => bashProgram(script, [String(seconds), role, ...paths(name)])),
    nodesOf(cluster),
    platform.degradations(spec),
  ]);
  return statusReport({
    plan,
    ...(unfinished && {
      unfinished: { ...unfinished, text: unfinishedText(plan.stack, unfinished, cluster.pending) },
    }),
    answers: [
      ...answers.map(hostAnswer),
      ...cluster.unmade.map(({ name, reason }): HostAnswer => ({ name, error: reason })),
    ],
    nodes,
    degradations,
    now: new Date(),
    durationMs: Math.round(performance.now() - started),
  });
}

async function nodesOf(cluster: ReachableCluster): Promise<Nodes> {
  const lack = accessLack(cluster);
  if (lack !== undefined) return { total: 0, ready: 0, error: lack };
  return countNodes((await issuedFor(cluster, "operator")).text);
}
