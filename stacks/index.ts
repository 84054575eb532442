/** The program's entry: `pulumi up` and `kilonode up` run it for the stack whose file, Pulumi.<stack>.yaml, says what it is. */
import { platforms } from "../components/platform/registry";
import { program } from "../components/program";

<<<<<<< HEAD
export = () => program(platforms);
=======
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
>>>>>>> seam-flags
