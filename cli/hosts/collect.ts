/** Asks all hosts, the API and the platform at the same time. */

import { unfinishedText } from "../show/unfinished";
import { askAll, bashProgram, type HostAnswer, hostAnswer } from "./ask";
import { type ClusterOptions, kubeconfigLack, reachableCluster } from "./cluster";
import { countNodes } from "./nodes";
import { certificatePaths, statusReport } from "./status";
import type { StatusReport } from "./status-types";

/** @param script text of hosts/host-report */
export async function collectStatus(stack: string, options: ClusterOptions, script: string): Promise<StatusReport> {
  const started = performance.now();
  const cluster = await reachableCluster(stack, options);
  const { checked, hosts, kubeconfig, sshKey, unfinished } = cluster;
  const { plan, platform, spec } = checked;
  const paths = (name: string) => {
    const host = plan.hosts.find((one) => one.name === name);
    return host ? certificatePaths(host) : [];
  };
  const [answers, nodes, degradations] = await Promise.all([
    askAll(hosts, sshKey, ({ name, role }, seconds) => bashProgram(script, [String(seconds), role, ...paths(name)])),
    kubeconfig === undefined ? { total: 0, ready: 0, error: kubeconfigLack(cluster) } : countNodes(kubeconfig),
    platform.degradations(spec),
  ]);
  return statusReport({
    plan,
    ...(unfinished && {
      unfinished: { ...unfinished, text: unfinishedText(stack, unfinished, cluster.pending) },
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
