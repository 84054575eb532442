/**
 * A host as resources: an interface with its fixed address, the instance behind it, and its volumes where they are of EBS. The interface
 * and the volumes stay when another instance takes its place.
 */
import { groupOf } from "../../plan/groups";
import { ports } from "../../plan/ports";
import type { HostPlan } from "../../plan/types";
import { hostTag, hostTags } from "./host-tags";
import { fingerprintOf, type HostMachine, machineOf, volumesTextOf } from "./machine";
import { nameOf, tagsOf } from "./names";
import { type AwsParts, type Keys, keptUnless, type Network, type Roles, type SecurityGroups } from "./parts";
import { type AwsResource, type AwsResourceOf, given, refTo, resource } from "./resource";

export interface Surroundings {
  readonly network: Pick<Network, "hosts">;
  readonly groups: Pick<SecurityGroups, "ofGroup">;
  readonly roles: Pick<Roles, "profiles">;
  readonly keys: Pick<Keys, "disks">;
  readonly placement: Pick<PlacementGroups, "byGroup">;
  /** Of the load balancer, in which masters are. */
  readonly targetGroup: AwsResourceOf<"lb/targetGroup:TargetGroup">;
}

/** What the look at the host decides: see found.ts. */
export interface Generation {
  /** Another one makes the instance anew, whatever the state says. */
  readonly incarnation: string;
  readonly keep: Kept;
}

/** What stays as it is, whatever is planned. */
export type Kept =
  | "nothing"
  /** The instance: it runs, and it is not its turn to be replaced. What changes while it runs does. */
  | "instance"
  /** Its volumes and tags, too: it waits for another update. */
  | "all";

/** A change of any of them takes another instance, or stops the one that there is, which wipes its disks. */
export const describing: readonly string[] = [
  "ami",
  "instanceType",
  "userData",
  "placementGroup",
  "primaryNetworkInterface",
  "rootBlockDevice",
  `tags["${hostTags.incarnation}"]`,
];

/** Under which volumes are attached, and by which the host finds them: boot/etc/udev/rules.d. */
const deviceNames: ReadonlyMap<string, string> = new Map([
  ["wal", "/dev/sdf"],
  ["database", "/dev/sdg"],
]);

type Instance = AwsResourceOf<"ec2/instance:Instance">;

export function hostResources(
  parts: AwsParts,
  host: HostPlan,
  around: Surroundings,
  generation: Generation,
): AwsResource[] {
  const machine = machineOf(parts, host);
  const card = networkInterface(parts, host, around);
  const own = instance(parts, host, around, { ...generation, machine, card });
  const volumes = Object.keys(machine.volumes).sort();
  return [
    card,
    own,
    ...volumes.flatMap((volume) =>
      volumeResources(parts, host, around, { volume, machine, instance: own, keep: generation.keep }),
    ),
    ...(host.role === "master" ? [target(host, around)] : []),
  ];
}

function networkInterface(parts: AwsParts, host: HostPlan, { groups, network }: Surroundings) {
  const { name } = groupOf(parts.plan, host.name);
  const [subnet, own] = [network.hosts[host.zone], groups.ofGroup[name]];
  if (subnet === undefined || !own) throw new Error(`no subnet or security group for ${host.name}`);
  return resource("ec2/networkInterface:NetworkInterface", host.name, {
    subnetId: subnet,
    privateIps: [host.address],
    securityGroups: own.map((group) => refTo(group, "id")),
    description: host.name,
    tags: ownTags(parts, host.name, host.name),
  });
}

function instance(
  parts: AwsParts,
  { name, role }: HostPlan,
  { keys, placement, roles }: Surroundings,
  how: Generation & {
    readonly machine: HostMachine;
    readonly card: AwsResourceOf<"ec2/networkInterface:NetworkInterface">;
  },
): Instance {
  const { card, incarnation, keep, machine } = how;
  const { ephemeral } = parts.plan;
  const spread = placement.byGroup[groupOf(parts.plan, name).name];
  if (!spread) throw new Error(`no placement group for ${name}`);
  const tags = ownTags(parts, name, name);
  return resource(
    "ec2/instance:Instance",
    name,
    {
      ami: machine.image,
      instanceType: machine.instanceType,
      userData: machine.userData,
      userDataReplaceOnChange: true,
      primaryNetworkInterface: { networkInterfaceId: refTo(card, "id") },
      placementGroup: refTo(spread, "name"),
      iamInstanceProfile: refTo(roles.profiles[role === "etcd" ? "etcd" : "master"], "name"),
      // Tokens only, which end at the host: nothing that it runs for others gets at its role. Tags: boot/usr/local/sbin/program-key.
      metadataOptions: {
        httpEndpoint: "enabled",
        httpTokens: "required",
        httpPutResponseHopLimit: 1,
        instanceMetadataTags: "enabled",
      },
      ebsOptimized: true,
      rootBlockDevice: {
        volumeType: "gp3",
        volumeSize: machine.rootGiB,
        encrypted: true,
        kmsKeyId: refTo(keys.disks, "arn"),
        deleteOnTermination: true,
        tags: ownTags(parts, name, `${name}-root`),
      },
      // Against a slip in the console. In its turn it is replaced all the same.
      disableApiTermination: !ephemeral,
      forceDestroy: true,
      tags: {
        ...tags,
        [hostTags.machine]: fingerprintOf(machine),
        [hostTags.volumes]: volumesTextOf(machine),
        [hostTags.incarnation]: incarnation,
        [hostTags.sshKey]: given("sshPublicKey"),
      },
    },
    {
      // An interface is on one instance at a time (pulumi/pulumi-aws#2394).
      deleteBeforeReplace: true,
      replaceOnChanges: ["instanceType", `tags["${hostTags.incarnation}"]`],
      ignoreChanges: [
        `tags["${hostTags.hostKey}"]`,
        ...(keep === "nothing" ? [] : describing),
        ...(keep === "all" ? ["tags", "disableApiTermination"] : []),
      ],
    },
  );
}

function volumeResources(
  parts: AwsParts,
  host: HostPlan,
  { keys }: Surroundings,
  of: { readonly volume: string; readonly machine: HostMachine; readonly instance: Instance; readonly keep: Kept },
): AwsResource[] {
  const { keep, machine, volume } = of;
  const own = `${host.name}-${volume}`;
  const [planned, deviceName] = [machine.volumes[volume], deviceNames.get(volume)];
  const zone = parts.zones.find(({ name }) => name === host.zone);
  if (!planned || !zone || deviceName === undefined) throw new Error(`no zone or device name for ${own}`);
  const { iops, sizeGiB, throughputMiB, type } = planned;
  const made = resource(
    "ebs/volume:Volume",
    own,
    {
      availabilityZone: zone.availabilityZone,
      type,
      size: sizeGiB,
      iops,
      ...(throughputMiB !== undefined && { throughput: throughputMiB }),
      encrypted: true,
      kmsKeyId: refTo(keys.disks, "arn"),
      tags: ownTags(parts, host.name, own),
    },
    {
      ...keptUnless(parts.plan.ephemeral),
      ...(keep === "all" && { ignoreChanges: ["type", "size", "iops", "throughput", "tags"] }),
    },
  );
  const attached = resource(
    "ec2/volumeAttachment:VolumeAttachment",
    own,
    {
      deviceName,
      instanceId: refTo(of.instance, "id"),
      volumeId: refTo(made, "id"),
      // A volume that is mounted does not let go; what used it has ended in the host's turn.
      stopInstanceBeforeDetaching: true,
    },
    // Nor can a volume be on two (pulumi/pulumi-aws#2769).
    { deleteBeforeReplace: true },
  );
  return [made, attached];
}

/** By its address, which stays: another instance takes it without a change here. */
const target = (host: HostPlan, { targetGroup }: Surroundings) =>
  resource("lb/targetGroupAttachment:TargetGroupAttachment", host.name, {
    targetGroupArn: refTo(targetGroup, "arn"),
    targetId: host.address,
    port: ports.apiserver,
  });

export interface PlacementGroups {
  readonly resources: readonly AwsResource[];
  /** By name of the group of hosts. */
  readonly byGroup: Readonly<Record<string, AwsResourceOf<"ec2/placementGroup:PlacementGroup">>>;
}

/** Hosts of a group are on hardware of their own each. */
export function placementGroups(parts: AwsParts): PlacementGroups {
  const made = parts.plan.groups.map(({ name }) => {
    const own = nameOf(parts, name);
    const args = { name: own, strategy: "spread", tags: tagsOf(parts, own) };
    return [name, resource("ec2/placementGroup:PlacementGroup", own, args)] as const;
  });
  return { resources: made.map(([, one]) => one), byGroup: Object.fromEntries(made) };
}

/** Instances in one zone (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-strategies.html#placement-groups-spread). */
export const spreadLimit = 7;

/** Groups with more hosts in a zone than AWS spreads. */
export function spreadProblems({ groups, hosts }: Pick<AwsParts["plan"], "groups" | "hosts">): string[] {
  return groups.flatMap((group) => {
    const zones = hosts.filter(({ name }) => group.hosts.includes(name)).map(({ zone }) => zone);
    return [...new Set(zones)].flatMap((zone) => {
      const count = zones.filter((one) => one === zone).length;
      return count <= spreadLimit
        ? []
        : [
            `${group.name} has ${count} hosts in zone ${zone}; a spread placement group takes ${spreadLimit}: use more zones`,
          ];
    });
  });
}

const ownTags = (parts: AwsParts, host: string, name: string) => ({ ...tagsOf(parts, name), [hostTag]: host });
