/** The program: configuration, plan, platform, cluster. The only place that knows which platform a stack is on. */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { hostCount, plan, planRules } from "../components/plan";
import { prepareLab } from "../components/platform/lab/prepare";
import { runError } from "../components/run-error";
import { readSpec } from "../config/read";
import { rawConfiguration } from "./configuration";

export = async () => {
  try {
    return await program();
  } catch (error) {
    throw runError(error);
  }
};

async function program() {
  const spec = readSpec(pulumi.getStack(), rawConfiguration(), planRules);
  const change = !pulumi.runtime.isDryRun();
  const say = (line: string) => void pulumi.log.info(line);
  const preparing = prepareLab(spec, hostCount(spec), change, say);
  preparing.catch(() => undefined);
  // Loaded while other processes look at the machine.
  const { Cluster } = require("../components/cluster") as typeof import("../components/cluster");
  const { Lab } = require("../components/platform/lab") as typeof import("../components/platform/lab");
  const prepared = await preparing;
  const clusterPlan = plan(spec, prepared.sums);
  for (const { level, message, source } of clusterPlan.scale.notices) {
    if (level === "warning") await pulumi.log.warn(`${message} (${source})`);
  }
  const sshKey = new tls.PrivateKey("ssh", { algorithm: "ED25519" });
  const platform = new Lab(clusterPlan, prepared, sshKey);
  const cluster = new Cluster({ spec, plan: clusterPlan, platform, sshKey: sshKey.privateKeyOpenssh });
  return {
    apiEndpoint: clusterPlan.apiEndpoint,
    kubeconfig: cluster.kubeconfig,
    sshKey: sshKey.privateKeyOpenssh,
    hosts: cluster.hosts,
  };
}
