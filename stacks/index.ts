/** The program: configuration, plan, platform, cluster. The only place that knows which platform a stack is on. */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { hostCount, plan } from "../components/plan";
import { MachineNotReady, prepareLab } from "../components/platform/lab/prepare";
import { ConfigurationError, readSpec } from "../config/read";
import { ToolchainError } from "../toolchain/errors";
import { rawConfiguration } from "./configuration";

/** Errors that say all that a user needs; anything else is a bug and shows where it comes from. */
const spoken = [ConfigurationError, MachineNotReady, ToolchainError];

export = async () => {
  try {
    return await program();
  } catch (error) {
    // The SDK shows a stack trace with every error but this.
    if (error instanceof Error && spoken.some((kind) => error instanceof kind))
      throw new pulumi.RunError(error.message);
    throw error;
  }
};

async function program() {
  const spec = readSpec(pulumi.getStack(), rawConfiguration());
  const change = !pulumi.runtime.isDryRun();
  const say = (line: string) => void pulumi.log.info(line);
  const preparing = prepareLab(spec, hostCount(spec), change, say);
  preparing.catch(() => undefined);
  // Loaded while other processes look at the machine.
  const { Cluster } = require("../components/cluster") as typeof import("../components/cluster");
  const { Lab } = require("../components/platform/lab") as typeof import("../components/platform/lab");
  const prepared = await preparing;
  const clusterPlan = plan(spec, prepared.sums);
  for (const { level, message, source } of clusterPlan.scale.findings) {
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
