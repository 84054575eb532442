/** How often a host has been repaired: a new number when it differs from what was put on it, so that `up` repairs it. */
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platform/platform";
import { runOnHost } from "../rollout/ssh";
import { compiled, machineApply } from "./delivery";

/** Each is the number of repairs so far, or one more when the host drifted. */
export interface Repairs {
  /** Of what was activated on it. */
  readonly content: number;
  /** Of the host programs themselves. */
  readonly programs: number;
}

const none: Repairs = { content: 0, programs: 0 };

/** A host that was never staged has nothing to differ from; one that lost its programs needs them once more. */
const driftCommand = `if [ -x ${machineApply} ]; then ${compiled(machineApply, ["drift"])}; else
  n=$(sed -n 's/.*"repairs": \\([0-9]*\\).*/\\1/p' /var/lib/kilonode/programs.json 2>/dev/null)
  echo "{\\"generation\\": 0, \\"programRepairs\\": $((\${n:-0} + 1))}"
fi`;

/** A host that does not answer counts as not drifted: whatever is wrong with it is for the platform or a gate to say. */
export function repairsOf(host: Host): pulumi.Output<Repairs> {
  if (!host.existed) return pulumi.output(none);
  const asked = host.connection.apply(async (connection): Promise<Repairs> => {
    const target = connection as { host: string; port: number; user: string; privateKey: string; hostKey: string };
    try {
      const answer = JSON.parse(await runOnHost(target, driftCommand)) as Record<string, number>;
      return { content: answer.generation ?? 0, programs: answer.programRepairs ?? 1 };
    } catch (error) {
      await pulumi.log.warn(`${host.plan.name} could not be compared with its plan: ${(error as Error).message}`);
      return none;
    }
  });
  // A number of repairs is no secret, though the connection is one: a preview shows it.
  return pulumi.unsecret(asked);
}
