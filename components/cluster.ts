/** Places a plan on a platform: hosts, their content, the rollouts in order, then the objects in the API. */
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterSpec } from "../config/cluster";
import type { Role } from "../config/names";
import { sshTarget } from "./access/pulumi";
import type { HostTarget } from "./access/target";
import { HostContent } from "./host/content";
import { clusterObjects } from "./objects/objects";
import { operatorKubeconfig } from "./pki/kubeconfig";
import { Pki } from "./pki/pki";
import type { ClusterPlan } from "./plan-types";
import type { Host, Platform } from "./platform/platform";
import { ports } from "./ports";
import { Gates, Rollout, type RolloutArgs } from "./rollout/component";

export interface ClusterArgs {
  readonly spec: ClusterSpec;
  readonly plan: ClusterPlan;
  readonly platform: Platform;
  /** Private key that logs in to every host, OpenSSH format. */
  readonly sshKey: pulumi.Output<string>;
}

/** How long one host may take to pass its gate. First creation starts everything at once, on whatever the machine has. */
const hostTimeoutSeconds = 300;

export class Cluster extends pulumi.ComponentResource {
  readonly kubeconfig: pulumi.Output<string>;
  /** Every host as an SSH target, for the command line. */
  readonly hosts: pulumi.Output<ClusterHost[]>;

  constructor(args: ClusterArgs) {
    super("kilonode:index:Cluster", args.spec.stack);
    const { plan, spec, platform } = args;
    const pki = new Pki("pki", { stack: spec.stack, certificates: spec.certificates }, { parent: this });

    // hosts and their content
    const hosts = plan.hosts.map((host) => platform.host(host));
    this.hosts = pulumi.all(hosts.map((host) => sshTarget(host).apply((target) => ({ ...target, ...place(host) }))));
    const staged = hosts.map((host) => ({
      host,
      digest: new HostContent(host, pki, { parent: this, dependsOn: host.resource }).digest,
    }));
    const group = (name: string) => staged.filter(({ host }) => host.plan.group === name);
    const rolloutArgs = (name: string, strategy: RolloutArgs["strategy"]): RolloutArgs => ({
      group: name,
      strategy,
      hosts: group(name),
      hostTimeoutSeconds,
      sshKey: args.sshKey,
    });
    const shardArgs = plan.shards.map((shard) =>
      rolloutArgs(shard.group, {
        kind: "etcd",
        shard: shard.name,
        token: shard.token,
        peerPort: ports.etcdPeer,
        clientPort: ports.etcdClient,
        release: plan.versions.etcd,
      }),
    );
    const loadBalancerArgs = rolloutArgs("load-balancer", { kind: "together" });
    const balancerHost = group("load-balancer")[0]?.host as Host;
    const mastersArgs = rolloutArgs(
      "masters",
      sshTarget(balancerHost).apply((target) => ({
        kind: "masters" as const,
        apiPort: ports.apiserver,
        release: plan.versions.kubernetes,
        apiServices: ["kube-apiserver.service"],
        loadBalancer: target,
      })),
    );

    // in order: all gates, etcd shards side by side, the load balancer, masters behind it, then what needs the API
    const storage = Object.fromEntries(
      plan.shards.flatMap(({ name, resources }) => resources.map((resource) => [resource, name])),
    );
    const groups = [...shardArgs, loadBalancerArgs, mastersArgs];
    const gates = new Gates({ groups, storage, sshKey: args.sshKey }, { parent: this });
    const running = hosts.some((host) => host.existed);
    const rollout = (one: RolloutArgs, after: pulumi.Resource[]) =>
      new Rollout(one, { parent: this, dependsOn: [...(running ? [gates] : []), ...after] });
    const shards = shardArgs.map((shard) => rollout(shard, []));
    const loadBalancer = rollout(loadBalancerArgs, []);
    const masters = rollout(
      mastersArgs,
      // Masters that start for the first time wait for what they need by themselves; running ones change only after it has.
      group("masters").some(({ host }) => host.existed) ? [...shards, loadBalancer] : [],
    );
    const operator = pki.operator("kilonode:operator", "system:masters");
    this.kubeconfig = pulumi.secret(
      pulumi
        .all([pki.authorityPem("kubernetes"), operator.certPem, operator.keyPem])
        .apply(([authority, cert, key]) => operatorKubeconfig(plan, authority, cert, key)),
    );
    const provider = new kubernetes.Provider(
      "cluster",
      { kubeconfig: this.kubeconfig, enableServerSideApply: true },
      { parent: this, dependsOn: [masters, loadBalancer, ...shards] },
    );
    const objects = clusterObjects(plan.objects, { parent: this, provider, deletedWith: platform.boundary });
    if (group("node-simulator").length > 0)
      rollout(rolloutArgs("node-simulator", { kind: "together" }), [masters, ...objects]);
    this.registerOutputs({});
  }
}

export interface ClusterHost extends HostTarget {
  readonly zone: string;
  readonly role: Role;
  readonly group: string;
}

function place({ plan }: Host): Pick<ClusterHost, "zone" | "role" | "group"> {
  return { zone: plan.zone, role: plan.role, group: plan.group };
}
