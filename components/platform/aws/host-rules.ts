/** What AWS would refuse of a host, as far as its configuration tells; what takes the whole plan: machineProblems. */
import type { ClusterSpec } from "../../../config/cluster";
import type { Problem, Rule } from "../../../config/rules";
import type { ClusterPlan } from "../../plan/types";
import { type EbsVolume, ebsLimits, ebsProblems } from "./ebs";
import { spreadProblems } from "./hosts";
import { imageProblems } from "./images";
import type { AwsKnobs, AwsSpec } from "./knobs";
import { diskProblems, machineOf } from "./machine";
import type { AwsParts } from "./parts";

export const hostRules: readonly Rule[] = [
  { needs: ["aws", "aws.region", "aws.image"], check: (spec) => image(knobsOf(spec)) },
  { needs: ["aws", "aws.disks"], check: (spec) => disks(knobsOf(spec)) },
  { needs: ["aws", "aws.tags"], check: (spec) => tagNames(knobsOf(spec)) },
  { needs: ["aws", "aws.disks", "etcd.shards"], check: lonelyMembers },
];

const knobsOf = (spec: ClusterSpec): AwsKnobs => (spec as AwsSpec).own;

function image({ image: id, region }: AwsKnobs): Problem[] {
  // What is known depends on the region.
  if (region === undefined) return [];
  return imageProblems({ image: id, region }).map((message) => ({ path: ["aws", "image"], message }));
}

/** Of volumes as large as AWS makes them: what size asks for, the plan decides. */
function disks({ disks: own }: AwsKnobs): Problem[] {
  if (own === "instance-store") return [];
  const [, sizeGiB] = ebsLimits[own.type].sizeGiB;
  return ebsProblems({ ...own, sizeGiB }).map((message) => ({ path: ["aws", "disks"], message }));
}

/** Disks of an instance go with it, so with every new image a shard of one member would lose all that it holds. */
function lonelyMembers(spec: ClusterSpec): Problem[] {
  if (knobsOf(spec).disks !== "instance-store") return [];
  const lonely = Object.entries(spec.etcd.shards).filter(([, { members }]) => members < 3);
  return lonely.map(([shard, { members }]) => ({
    path: ["etcd", "shards", shard, "members"],
    message: `${members} on disks of the instance itself: another image or type takes them, and the shard's data with them; have at least 3, or volumes that stay (aws.disks: {type: gp3})`,
  }));
}

/** Hosts read their own tags from the metadata service, which takes fewer characters (EC2's user guide, "View tags using instance metadata"). */
function tagNames({ tags }: AwsKnobs): Problem[] {
  return Object.keys(tags)
    .filter((name) => !/^[\p{L}\p{N}+\-=.,_:@]+$/u.test(name))
    .map((name) => ({
      path: ["aws", "tags", name],
      message: `"${name}": instances carry it, and their metadata service takes letters, digits and + - = . , _ : @ in a tag's name, no blank and no slash`,
    }));
}

/** What AWS would refuse of the hosts of a plan: all of it, each once. */
export function machineProblems(parts: Pick<AwsParts, "knobs" | "plan" | "region">): string[] {
  const hosts = parts.plan.hosts.flatMap((host) => {
    const machine = machineOf(parts, host);
    const volumes = Object.entries(machine.volumes) as [string, EbsVolume][];
    return [
      ...diskProblems(machine, host),
      ...volumes.flatMap(([name, ebs]) => ebsProblems(ebs).map((problem) => `the volume ${name}: ${problem}`)),
    ].map((problem) => [problem, host.name] as const);
  });
  const each = [...new Set(hosts.map(([problem]) => problem))].map((problem) => {
    const names = hosts.flatMap(([other, name]) => (other === problem ? [name] : []));
    return `${names[0]}${names.length > 1 ? ` and ${names.length - 1} more` : ""}: ${problem}`;
  });
  return [...each, ...spreadProblems(parts.plan satisfies Pick<ClusterPlan, "groups" | "hosts">)];
}
