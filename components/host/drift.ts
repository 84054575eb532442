/** How often a host has been repaired: a new number when it differs from what was put on it, so that `up` repairs it. */
import * as pulumi from "@pulumi/pulumi";
import { asRoot, quote } from "../access/privilege";
import { sshTarget } from "../access/pulumi";
import { runOnHost } from "../access/ssh";
import { hostText } from "../machine/host-files";
import type { Host } from "../platform/platform";
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
const question = hostText("/usr/local/lib/kilonode/drift-of");
const driftCommand = `sh -c ${quote(question)} drift-of ${compiled(machineApply, ["drift"])}`;

/** A host that does not answer counts as not drifted: whatever is wrong with it is for the platform or a gate to say. */
export function repairsOf(host: Host): pulumi.Output<Repairs> {
  if (!host.existed) return pulumi.output(none);
  const asked = pulumi.all([sshTarget(host), host.connection]).apply(async ([target, connection]): Promise<Repairs> => {
    try {
      const printed = await runOnHost(target, connection.privateKey ?? "", asRoot(host.user, driftCommand));
      const answer = JSON.parse(printed) as Record<string, number>;
      return { content: answer.generation ?? 0, programs: answer.programRepairs ?? 1 };
    } catch (error) {
      await pulumi.log.warn(`${host.plan.name} could not be compared with its plan: ${(error as Error).message}`);
      return none;
    }
  });
  // A number of repairs is no secret, though the connection is one: a preview shows it.
  return pulumi.unsecret(asked);
}
