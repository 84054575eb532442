/**
 * What is known of a stack's cluster: the plan says which hosts there are, and the state's resources hold their keys, from the
 * first moments of the first `up` on. What they do not tell is taken from the outputs, which come with the first `up` that
 * reaches its end.
 */
import type { ClusterHost } from "../../components/cluster";
import { operatorsGroup } from "../../components/objects/plan";
import type { ApiAccess } from "../../components/pki/operator-access";
import { keysOf } from "../../components/plan/authorities";
import { groupOf } from "../../components/plan/groups";
import type { ClusterPlan } from "../../components/plan/types";
import type { MadeResources, PlatformModule } from "../../components/platform/module";
import { hostContentType, resourceIds } from "../../components/resources";
import type { OpenedResource, OpenedState, Values } from "../../engine";
import { ROOT_STACK, urnName } from "../../engine";

/** A host of the plan that is not made, or that nobody has told the key of. */
export interface UnmadeHost {
  readonly name: string;
  readonly reason: string;
}

export interface Known {
  /** OpenSSH private key. */
  readonly sshKey: string | undefined;
  readonly hosts: readonly ClusterHost[];
  readonly unmade: readonly UnmadeHost[];
  /** What a kubeconfig is made with. */
  readonly access: ApiAccess | undefined;
  /** What that waits for. */
  readonly accessLacks: readonly string[];
  /** The API was told what operators may do. */
  readonly operatorsBound: boolean;
  readonly backups: BackupAccess;
  /** What the last run was at when it ended without an end. */
  readonly pending: OpenedState["pending"];
}

/** What opens the store of backups, and what is in it. */
export interface BackupAccess {
  /** Shard to what its snapshots are encrypted with. */
  readonly passwords: ReadonlyMap<string, string>;
  /** Of the user who may remove snapshots; absent where the store knows the operator by himself. */
  readonly keeperKey: string | undefined;
  /** Of the store's certificate. */
  readonly authorityPem: string | undefined;
}

export function knownFrom(
  plan: Pick<ClusterPlan, "stack" | "api" | "backup" | "hosts" | "groups" | "keys">,
  { madeHost }: Pick<PlatformModule, "madeHost">,
  { resources, pending }: Pick<OpenedState, "resources" | "pending">,
): Known {
  const find = finder(resources);
  const made = (name: string) => madeHost(find, name);
  const outputs = resources.find(({ type }) => type === ROOT_STACK)?.outputs ?? {};
  const told = Array.isArray(outputs.hosts) ? (outputs.hosts as unknown as ClusterHost[]) : [];
  // A destroy that keeps data keeps the outputs, too, and no host that they speak of.
  const destroyed =
    find(...resourceIds.commitments) !== undefined && !resources.some(({ type }) => type === hostContentType);
  const planned = plan.hosts.flatMap((host): ClusterHost[] => {
    const { name, zone, role } = host;
    // The host's own word is the newest: a failed `up` may have made it anew or elsewhere since the outputs were written.
    const target = made(name);
    const output = told.find((one) => one.name === name);
    if (target) return [{ ...output, ...target, name, zone, role, group: groupOf(plan, name).name }];
    return output && !destroyed ? [output] : [];
  });
  const leaving = told.filter(({ name }) => !plan.hosts.some((host) => host.name === name) && made(name));
  const hosts = [...planned, ...leaving];
  return {
    sshKey: text(find(...resourceIds.sshKey(plan.keys.ssh)), "privateKeyOpenssh") ?? text(outputs, "sshKey"),
    hosts,
    pending,
    unmade: plan.hosts
      .filter(({ name }) => !hosts.some((host) => host.name === name))
      .map(({ name }) => ({ name, reason: whyUnmade(name, pending) })),
    backups: backupsFrom(plan, find),
    operatorsBound: find(...resourceIds.binding(operatorsGroup)) !== undefined,
    ...accessFrom(plan, find, outputs),
  };
}

function finder(resources: readonly OpenedResource[]): MadeResources {
  const byName = new Map(
    resources.filter((one) => !one.delete).map((one) => [`${one.type} ${urnName(one.urn)}`, one.outputs] as const),
  );
  return (type, name) => byName.get(`${type} ${name}`);
}

function whyUnmade(name: string, pending: OpenedState["pending"]): string {
  const at = pending.find(({ urn }) => urnName(urn) === name);
  return at
    ? `it was still ${at.operation === "creating" ? "being made" : at.operation}, so its host key is not known`
    : "it is not made yet";
}

function accessFrom(
  plan: Pick<ClusterPlan, "stack" | "api" | "keys">,
  find: MadeResources,
  outputs: Values,
): Pick<Known, "access" | "accessLacks"> {
  // What was applied: the configuration may say something else that the cluster cannot become.
  const endpoint = text(outputs, "apiEndpoint") ?? plan.api.endpoint;
  const numbers = keysOf(plan, "kubernetes");
  const certificates = numbers.map((number) => text(find(...resourceIds.authority("kubernetes", number)), "certPem"));
  const [certPem] = certificates;
  const keyPem = text(find(...resourceIds.authorityKey("kubernetes", numbers[0] ?? 1)), "privateKeyPem");
  if (certPem && keyPem) {
    const authorityPem = certificates.join("");
    return { access: { stack: plan.stack, endpoint, authorityPem, signer: { certPem, keyPem } }, accessLacks: [] };
  }
  const lacks = [...(certPem ? [] : ["certificate"]), ...(keyPem ? [] : ["key"])];
  return { access: undefined, accessLacks: lacks.map((what) => `the ${what} of the kubernetes authority`) };
}

function backupsFrom({ backup, keys }: Pick<ClusterPlan, "backup" | "keys">, find: MadeResources): BackupAccess {
  const passwords = Object.keys(backup?.repositories ?? {}).flatMap((shard) => {
    const password = text(find(...resourceIds.backupPassword(shard)), "hex");
    return password === undefined ? [] : [[shard, password] as const];
  });
  const pems = keysOf({ keys }, "backup").map(
    (key) => text(find(...resourceIds.authority("backup", key)), "certPem") ?? "",
  );
  return {
    passwords: new Map(passwords),
    keeperKey: text(find(...resourceIds.backupKeeper), "hex"),
    authorityPem: pems.join("") || undefined,
  };
}

function text(values: Readonly<Record<string, unknown>> | undefined, key: string): string | undefined {
  const value = values?.[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}
