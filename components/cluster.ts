/** A cluster on hosts that a platform has made: their content, the rollouts in order, then the objects in the API. */
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { HostRole } from "../config/names";
import type { HostTarget } from "./access/target";
import { type ClusterArgs, ClusterHosts } from "./cluster-hosts";
import { clusterObjects } from "./objects/objects";
import { kubeconfigWithKey } from "./pki/kubeconfig";
import { encryptionKeyName, Pki } from "./pki/pki";
import { groupOf, wavesOf } from "./plan/groups";
import { shardHolding } from "./plan/shards";
import type { ClusterPlan } from "./plan/types";
import type { Host } from "./platform/module";
import { Gates } from "./rollout/before-change";
import { doneOf, Rollout } from "./rollout/component";
import { memberships } from "./rollout/membership";
import type { StoredSecrets } from "./rollout/spec";

/** A host for the command line: where it is, and what it is to the cluster. */
export interface ClusterHost extends HostTarget {
  readonly zone: string;
  readonly role: HostRole;
  readonly group: string;
}

export class Cluster extends pulumi.ComponentResource {
  readonly hosts: pulumi.Output<ClusterHost[]>;

  constructor(args: ClusterArgs) {
    const { plan, spec, sshKey } = args;
    super("kilonode:index:Cluster", spec.stack);
    const pki = new Pki("pki", { ...plan, certificates: spec.certificates }, { parent: this });
    const kubeconfig = programAccess(plan, pki);
    const hosts = new ClusterHosts(args, pki, this);
    const groups = [...plan.groups].sort((a, b) => Number(a.needsApi) - Number(b.needsApi));
    const prepared = () => ({
      groups: groups.map(hosts.rollout),
      waves: wavesOf(groups),
      secrets: storedSecrets(plan),
      backups: plan.backup !== undefined,
      sshKey,
    });
    const gates = hosts.turning ? undefined : new Gates(prepared(), { parent: this });
    const done = new Map<string, Rollout>();
    const objects = once(() => this.#objects(args, kubeconfig, [...done.values()]));
    for (const group of groups) {
      const existed = hosts.existed(group);
      const before: pulumi.Resource[] = [
        ...(existed || group.needsApi ? group.after.flatMap((name) => done.get(name) ?? []) : []),
        ...(group.needsApi ? objects() : []),
      ];
      hosts.takeTurns(group, before);
      const after = [...(hosts.running ? [gates ?? hosts.gates] : []), ...before];
      done.set(group.name, new Rollout(hosts.rollout(group), { parent: this, after: after.map(doneOf) }));
      if (group.strategy.kind === "etcd")
        memberships(hosts.rollout(group), hosts.machines(group), {
          parent: this,
          deletedWith: args.placement.boundary,
        });
    }
    objects();
    // Changed machines had gates of their own, before each of them: this one is then the last look.
    if (!gates) new Gates(prepared(), { parent: this, dependsOn: [...done.values()] });
    this.hosts = pulumi.all(plan.hosts.map(({ name }) => clusterHost(plan, hosts.made(name))));
    this.registerOutputs({});
  }

  /** The plan's objects, once the API answers. */
  #objects(
    { placement, plan }: ClusterArgs,
    kubeconfig: pulumi.Output<string>,
    dependsOn: pulumi.Resource[],
  ): pulumi.Resource[] {
    const provider = new kubernetes.Provider(
      "cluster",
      // Without an identifier another certificate, of the program or of the authority, makes it another cluster for the provider,
      // and all objects have to be replaced.
      { kubeconfig, clusterIdentifier: plan.stack, enableServerSideApply: true },
      { parent: this, dependsOn },
    );
    return clusterObjects(plan.objects, { parent: this, provider, deletedWith: placement.boundary });
  }
}

function storedSecrets({ keys, shards }: ClusterPlan): StoredSecrets {
  return { group: shardHolding(shards, "/secrets").group, keys: keys.encryption.map(encryptionKeyName) };
}

/** Makes a value when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function clusterHost(plan: ClusterPlan, { target, plan: { name, role, zone } }: Host): pulumi.Output<ClusterHost> {
  return target.apply((made) => ({ ...made, zone, role, group: groupOf(plan, name).name }));
}

/** It makes the bindings that all others have their rights from, so it has its own without one. */
function programAccess({ stack, api: { endpoint } }: ClusterPlan, pki: Pki): pulumi.Output<string> {
  const user = "kilonode:program";
  const program = pki.program(user, "system:masters");
  return pulumi.secret(
    pulumi
      .all([pki.trusted(["kubernetes"]), program.certPem, program.keyPem])
      .apply(([authorityPem, certPem, keyPem]) =>
        kubeconfigWithKey({ stack, endpoint, authorityPem, certPem, keyPem, user }),
      ),
  );
}
