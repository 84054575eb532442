/** Places a plan: what a cluster is held to, the platform's hosts, then everything on them. */
import type * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { ClusterSpec } from "../config/cluster";
import { Cluster } from "./cluster";
import { commitments } from "./commitments";
import { repairsOf } from "./host/repairs";
import type { ClusterPlan } from "./plan/types";
import type { PlatformModule, Prepared } from "./platform/module";
import { resourceNames } from "./resources";

export async function placeCluster<P extends Prepared>(args: {
  readonly spec: ClusterSpec;
  readonly platform: PlatformModule<P>;
  readonly prepared: P;
  readonly plan: ClusterPlan;
}): Promise<pulumi.Inputs> {
  const { spec, platform, prepared, plan } = args;
  const after = commitments(plan);
  const sshKey = new tls.PrivateKey(resourceNames.sshKey, { algorithm: "ED25519" });
  const placement = platform.place({ plan, prepared, sshKey, after });
  const repairs = await repairsOf(placement.hosts);
  const cluster = new Cluster({ spec, plan, placement, repairs, sshKey: sshKey.privateKeyOpenssh });
  return {
    apiEndpoint: plan.api.endpoint,
    kubeconfig: cluster.kubeconfig,
    sshKey: sshKey.privateKeyOpenssh,
    hosts: cluster.hosts,
  };
}
