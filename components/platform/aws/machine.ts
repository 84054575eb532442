/**
 * What a host's machine is made with, and how an instance tells it again: in two of its tags, which the look of the next update reads. What
 * changes the first takes another instance; what changes the second takes effect while it runs.
 */
import { createHash } from "node:crypto";
import { maxQuotaGiB } from "../../../config/cluster";
import { instanceNamed } from "../../../config/instances";
import { shardOf } from "../../../config/scale";
import type { ClusterPlan, HostPlan } from "../../plan/types";
import { type EbsVolume, leastGiB } from "./ebs";
import { imageOf } from "./images";
import type { AwsParts } from "./parts";
import { userData } from "./user-data";

export interface HostMachine {
  /** Id of the image that it boots. */
  readonly image: string;
  readonly instanceType: string;
  readonly userData: string;
  readonly rootGiB: number;
  /** Its volumes of EBS by name; empty where its volumes are disks of the instance itself. */
  readonly volumes: Readonly<Record<string, EbsVolume>>;
}

/** Root file system of every host, GiB: Debian, the binaries of two releases, logs. */
export const rootGiB = 30;

/**
 * Room for the snapshot that is under way: itself, the same restored to see that it can be, and half as much for what comes in between. Of the
 * largest database that there can be: with another quota no host has to be another one.
 */
const scratchGiB = 2.5 * maxQuotaGiB;

const rootGiBOf = ({ backup }: ClusterPlan, { role }: Pick<HostPlan, "role">): number =>
  backup && role === "etcd" ? rootGiB + scratchGiB : rootGiB;

export function machineOf(
  { knobs, plan, region }: Pick<AwsParts, "knobs" | "plan" | "region">,
  { machine, name, role }: HostPlan,
): HostMachine {
  const { disks } = knobs;
  const volumes =
    disks === "instance-store"
      ? []
      : machine.volumes.map((one) => ({ name: one.name, ...disks, sizeGiB: Math.max(one.sizeGiB, leastGiB) }));
  return {
    image: imageOf({ image: knobs.image, region }),
    instanceType: instanceTypeOf(plan, name),
    userData: userData(name),
    rootGiB: rootGiBOf(plan, { role }),
    volumes: Object.fromEntries(volumes.map(({ name: volume, ...ebs }): [string, EbsVolume] => [volume, ebs])),
  };
}

function instanceTypeOf({ scale, shards }: ClusterPlan, host: string): string {
  const shard = shards.find(({ members }) => members.some(({ name }) => name === host));
  return shard ? shardOf(scale, shard.name).host.instance : scale.masters.instance;
}

/** Another one takes another instance. */
export function fingerprintOf({ image, instanceType, rootGiB: root, userData: text, volumes }: HostMachine): string {
  const sum = createHash("sha256").update(text).digest("hex").slice(0, 12);
  const disks = Object.keys(volumes).sort().join(" and ");
  return `${image} / ${instanceType} / root ${root} GiB / user-data ${sum}${disks === "" ? "" : ` / volumes ${disks}`}`;
}

/** Another one changes volumes that are in use. */
export function volumesTextOf({ volumes }: HostMachine): string {
  const one = ([name, { type, sizeGiB, iops, throughputMiB }]: [string, EbsVolume]) =>
    `${name} ${type} ${sizeGiB} GiB ${iops} IOPS${throughputMiB === undefined ? "" : ` ${throughputMiB} MiB/s`}`;
  return Object.entries(volumes).sort().map(one).join(" + ");
}

/** What an instance lacks for the volumes of its host; empty when it has them. */
export function diskProblems(
  { instanceType, volumes }: Pick<HostMachine, "instanceType" | "volumes">,
  { machine }: Pick<HostPlan, "machine">,
): string[] {
  const needed = machine.volumes.length;
  if (needed === 0 || Object.keys(volumes).length > 0) return [];
  const type = instanceNamed(instanceType);
  if (!type) return [`${instanceType} is not in the catalogue of instances (config/instances.ts)`];
  const { count, sizeGB } = type.disks;
  if (count < needed)
    return [
      `${instanceType} has ${count} local NVMe disks, ${needed} are needed; take another type, or \`aws.disks\` of EBS`,
    ];
  return machine.volumes
    .filter(({ sizeGiB }) => sizeGiB * 2 ** 30 > sizeGB * 1e9)
    .map(({ name, sizeGiB }) => `the volume ${name} takes ${sizeGiB} GiB, a disk of ${instanceType} has ${sizeGB} GB`);
}
