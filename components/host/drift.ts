/** How often a host has been repaired: a new number when it differs from what was put on it, so that `up` repairs it. */
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platform/platform";
import { runOnHost } from "../rollout/ssh";

/** A host that was never staged has nothing to differ from. */
const driftCommand = `if [ -x /usr/local/sbin/machine-apply ]; then machine-apply drift; else echo '{"generation": 0}'; fi`;

/**
 * @returns the number of repairs so far, or one more when the host drifted. A host that does not answer counts as not
 * drifted: whatever is wrong with it is for the platform or a gate to say.
 */
export function generationOf(host: Host): pulumi.Output<number> {
  if (!host.existed) return pulumi.output(0);
  const asked = host.connection.apply(async (connection) => {
    const target = connection as { host: string; port: number; user: string; privateKey: string; hostKey: string };
    try {
      const json = await runOnHost(target, driftCommand);
      return (JSON.parse(json) as { generation: number }).generation;
    } catch (error) {
      await pulumi.log.warn(`${host.plan.name} could not be compared with its plan: ${(error as Error).message}`);
      return 0;
    }
  });
  // A number of repairs is no secret, though the connection is one: a preview shows it.
  return pulumi.unsecret(asked);
}
