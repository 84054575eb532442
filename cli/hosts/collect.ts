/** Asks all hosts, the API and the platform at the same time. */
import { askAll, bashProgram } from "./ask";
import { type ClusterOptions, runningCluster } from "./cluster";
import { labDegradations } from "./lab";
import { countNodes } from "./nodes";
import { certificatePaths, type HostAnswer, statusReport } from "./status";
import type { StatusReport } from "./status-types";

/** @param script text of hosts/host-report */
export async function collectStatus(stack: string, options: ClusterOptions, script: string): Promise<StatusReport> {
  const started = performance.now();
  const { checked, hosts, kubeconfig, sshKey } = await runningCluster(stack, options);
  const { plan, spec } = checked;
  const paths = (name: string) => {
    const host = plan.hosts.find((one) => one.name === name);
    return host ? certificatePaths(host) : [];
  };
  const [answers, nodes, degradations] = await Promise.all([
    askAll(hosts, sshKey, ({ name, role }) => bashProgram(script, [role, ...paths(name)])),
    countNodes(kubeconfig),
    spec.platform === "lab" ? labDegradations(stack) : [],
  ]);
  return statusReport({
    plan,
    answers: answers.map((answer): HostAnswer => {
      const { name } = answer.host;
      if ("error" in answer) return { name, error: answer.error };
      const { code, stdout, stderr } = answer.outcome;
      return code === 0
        ? { name, report: stdout }
        : { name, error: stderr.trim().split("\n")[0] ?? `exit code ${code}` };
    }),
    nodes,
    degradations,
    simulatedNodes: spec.simulatedNodes,
    now: new Date(),
    durationMs: Math.round(performance.now() - started),
  });
}
