/** Places a plan: what a cluster is held to, the platform's hosts, then everything on them. */
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import type { ClusterSpec } from "../config/cluster";
import { countOf, UserError } from "../config/errors";
import { Cluster } from "./cluster";
import { commitments } from "./commitments";
import { repairsOf } from "./host/repairs";
import { afterTrust } from "./host/trust";
import type { ClusterPlan } from "./plan/types";
import type { Placement, PlatformModule, Prepared } from "./platform/module";
import { numbered, resourceNames } from "./resources";

export async function placeCluster<P extends Prepared>(args: {
  readonly spec: ClusterSpec;
  readonly platform: PlatformModule<P>;
  readonly prepared: P;
  readonly plan: ClusterPlan;
}): Promise<pulumi.Inputs> {
  const { spec, platform, prepared, plan } = args;
  const after = commitments(plan);
  const owner = new random.RandomBytes(
    resourceNames.owner,
    { length: 8 },
    { dependsOn: after, protect: !plan.ephemeral },
  );
  const sshKey = new tls.PrivateKey(
    numbered(resourceNames.sshKey, plan.keys.ssh),
    { algorithm: "ED25519" },
    { dependsOn: after },
  );
  const placed = await platform.place({ plan, prepared, sshKey, after, owner: hexOf(owner.id) });
  refuseBothAtOnce(plan, placed);
  const { placement, waiting } = await afterTrust(plan, placed, sshKey.privateKeyOpenssh);
  if (waiting.length > 0)
    await pulumi.log.warn(
      `the machines of ${countOf(waiting, "host")} (${waiting[0]}) change in the next update: in this one hosts come to trust other authorities. \`kilonode up\` makes both`,
    );
  const repairs = await repairsOf(plan.hosts, placement, sshKey.privateKeyOpenssh);
  const cluster = new Cluster({ spec, plan, placement, repairs, sshKey: sshKey.privateKeyOpenssh });
  return {
    apiEndpoint: plan.api.endpoint,
    sshKey: sshKey.privateKeyOpenssh,
    hosts: cluster.hosts,
    waiting,
  };
}

/** The bytes themselves are marked as a secret, which they are not here; the id is the same in base64. */
const hexOf = (id: pulumi.Output<string>) => id.apply((base64) => Buffer.from(base64, "base64").toString("hex"));

/** With a new SSH key nobody is let in who could look at a gate, before hosts take the key; and that must not wait for a restart. */
function refuseBothAtOnce({ hosts, stack }: ClusterPlan, placement: Placement): void {
  const both = hosts.filter((host) => {
    const machine = placement.found(host);
    return machine.state === "running" && machine.change === "a restart" && !machine.knowsKey;
  });
  const [first] = both;
  if (!first) return;
  throw new UserError(
    `stack ${stack} has a new SSH key, and the machines of ${countOf(both, "host")} (${first.name}) change in a way that takes a restart: both at once cannot be done safely. ` +
      "Take the other change back, run `kilonode up` for the key, then make the change again. Nothing was touched",
  );
}
