/** A cluster on hosts that a platform has made: their content, the rollouts in order, then the objects in the API. */
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterSpec } from "../config/cluster";
import type { HostRole } from "../config/names";
import type { HostTarget } from "./access/target";
import { HostContent } from "./host/content";
import type { Repairs } from "./host/repairs";
import { clusterObjects } from "./objects/objects";
import { operatorKubeconfig } from "./pki/kubeconfig";
import { Pki } from "./pki/pki";
import { type GroupPlan, groupOf } from "./plan/groups";
import type { ClusterPlan } from "./plan/types";
import type { Host, Placement } from "./platform/module";
import { Gates, Rollout, type RolloutArgs } from "./rollout/component";

export interface ClusterArgs {
  readonly spec: ClusterSpec;
  readonly plan: ClusterPlan;
  readonly placement: Placement;
  /** By host; one that is absent does not answer. */
  readonly repairs: ReadonlyMap<string, Repairs>;
  /** Private key that logs in to every host, OpenSSH format. */
  readonly sshKey: pulumi.Output<string>;
}

/** A host for the command line: where it is, and what it is to the cluster. */
export interface ClusterHost extends HostTarget {
  readonly zone: string;
  readonly role: HostRole;
  readonly group: string;
}

export class Cluster extends pulumi.ComponentResource {
  readonly kubeconfig: pulumi.Output<string>;
  readonly hosts: pulumi.Output<ClusterHost[]>;

  constructor(args: ClusterArgs) {
    const { plan, placement, spec } = args;
    super("kilonode:index:Cluster", spec.stack);
    const pki = new Pki("pki", spec, { parent: this });
    const groups = stagedGroups(args, pki, this);
    const running = placement.hosts.some(({ existed }) => existed);
    const gates = new Gates({ groups: groups.map(({ rollout }) => rollout), sshKey: args.sshKey }, { parent: this });
    this.hosts = pulumi.all(placement.hosts.map((host) => clusterHost(plan, host)));
    this.kubeconfig = operatorAccess(plan, pki);

    const done = new Map<string, Rollout>();
    const objects = once(() => this.#objects(args, [...done.values()]));
    for (const { group, existed, rollout } of groups) {
      const before = existed || group.needsApi ? group.after.flatMap((name) => done.get(name) ?? []) : [];
      const applied = group.needsApi ? objects().map(({ urn }) => ({ done: urn })) : [];
      const after = [...(running ? [gates] : []), ...before, ...applied];
      done.set(group.name, new Rollout(rollout, { parent: this, after }));
    }
    objects();
    this.registerOutputs({});
  }

  /** The plan's objects, once the API answers. */
  #objects({ placement, plan }: ClusterArgs, dependsOn: pulumi.Resource[]): pulumi.Resource[] {
    const provider = new kubernetes.Provider(
      "cluster",
      { kubeconfig: this.kubeconfig, enableServerSideApply: true },
      { parent: this, dependsOn },
    );
    return clusterObjects(plan.objects, { parent: this, provider, deletedWith: placement.boundary });
  }
}

/** Makes a value when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

interface StagedGroup {
  readonly group: GroupPlan;
  /** False: it starts for the first time, as a whole. */
  readonly existed: boolean;
  readonly rollout: RolloutArgs;
}

/** Stages every host's content; groups that need the API come last. */
function stagedGroups(
  { placement, plan, repairs, sshKey }: ClusterArgs,
  pki: Pki,
  parent: pulumi.Resource,
): StagedGroup[] {
  const staged = new Map(
    placement.hosts.map((host) => {
      const content = new HostContent(host, pki, repairs.get(host.plan.name), { parent, dependsOn: host.resource });
      return [host.plan.name, { host, digest: content.digest }] as const;
    }),
  );
  const inOrder = [...plan.groups].sort((a, b) => Number(a.needsApi) - Number(b.needsApi));
  return inOrder.map((group) => {
    const hosts = group.hosts.flatMap((name) => staged.get(name) ?? []);
    const strategy = strategyOf(group, (name) => staged.get(name)?.host);
    return {
      group,
      existed: hosts.some(({ host }) => host.existed),
      rollout: {
        group: group.name,
        strategy,
        hosts,
        hostTimeoutSeconds: group.hostTimeoutSeconds,
        sshKey,
        kept: !plan.ephemeral && group.strategy.kind === "etcd",
      },
    };
  });
}

/** The group's strategy with the host that it names as a target. */
function strategyOf({ strategy }: GroupPlan, hostNamed: (name: string) => Host | undefined): RolloutArgs["strategy"] {
  if (strategy.kind !== "masters") return strategy;
  const { balancer, ...masters } = strategy;
  const host = balancer === undefined ? undefined : hostNamed(balancer);
  return host ? host.target.apply((loadBalancer) => ({ ...masters, loadBalancer })) : masters;
}

function clusterHost(plan: ClusterPlan, { target, plan: { name, role, zone } }: Host): pulumi.Output<ClusterHost> {
  return target.apply((made) => ({ ...made, zone, role, group: groupOf(plan, name).name }));
}

function operatorAccess(plan: ClusterPlan, pki: Pki): pulumi.Output<string> {
  const operator = pki.operator("kilonode:operator", "system:masters");
  return pulumi.secret(
    pulumi
      .all([pki.authorityPem("kubernetes"), operator.certPem, operator.keyPem])
      .apply(([authority, cert, key]) => operatorKubeconfig(plan.stack, plan.api.endpoint, authority, cert, key)),
  );
}
