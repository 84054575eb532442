/**
 * Nodes: a pool is a group of instances from one template, which AWS keeps at its size and renews when the template changes. So far a node
 * boots, and nobody is let in to it: what makes it join the cluster is not here yet.
 */
import type { PoolPlan } from "../../plan/types";
import { imageOf } from "./images";
import { rootGiB } from "./machine";
import { nameOf, tagsOf } from "./names";
import type { AwsParts, Keys, Network, Roles, SecurityGroups } from "./parts";
import { type AwsResource, type AwsResourceOf, refTo, resource } from "./resource";
import { userData } from "./user-data";

interface Surroundings {
  readonly network: Pick<Network, "nodes">;
  readonly groups: Pick<SecurityGroups, "ofGroup">;
  readonly roles: Pick<Roles, "profiles">;
  readonly keys: Pick<Keys, "disks">;
}

/** Of every node, until a pool says its own. */
export const nodeInstanceType = "m7i.2xlarge";

export function pools(parts: AwsParts, around: Surroundings): { readonly resources: readonly AwsResource[] } {
  return {
    resources: parts.plan.pools.flatMap((pool) => {
      const template = launchTemplate(parts, pool, around);
      return [template, group(parts, pool, around, template)];
    }),
  };
}

function launchTemplate(parts: AwsParts, pool: PoolPlan, { groups, keys, roles }: Surroundings) {
  const name = nameOf(parts, pool.name);
  const tags = tagsOf(parts, name);
  return resource("ec2/launchTemplate:LaunchTemplate", name, {
    imageId: imageOf({ image: parts.knobs.image, region: parts.region }),
    instanceType: nodeInstanceType,
    userData: Buffer.from(userData()).toString("base64"),
    vpcSecurityGroupIds: (groups.ofGroup.nodes ?? []).map((own) => refTo(own, "id")),
    iamInstanceProfile: { arn: refTo(roles.profiles.node, "arn") },
    metadataOptions: {
      httpEndpoint: "enabled",
      httpTokens: "required",
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: "enabled",
    },
    ebsOptimized: "true",
    blockDeviceMappings: [
      {
        deviceName: "/dev/xvda",
        ebs: {
          volumeType: "gp3",
          volumeSize: rootGiB,
          encrypted: "true",
          kmsKeyId: refTo(keys.disks, "arn"),
          deleteOnTermination: "true",
        },
      },
    ],
    updateDefaultVersion: true,
    tagSpecifications: [
      { resourceType: "instance", tags },
      { resourceType: "volume", tags },
    ],
    tags,
  });
}

function group(
  parts: AwsParts,
  { count, name: pool }: PoolPlan,
  { network }: Surroundings,
  template: AwsResourceOf<"ec2/launchTemplate:LaunchTemplate">,
) {
  const name = nameOf(parts, pool);
  return resource("autoscaling/group:Group", name, {
    minSize: count,
    maxSize: count,
    desiredCapacity: count,
    vpcZoneIdentifiers: parts.zones.flatMap((zone) => network.nodes[zone.name] ?? []),
    // By its number: with "$Latest" another template starts no refresh (pulumi/pulumi-aws#1577).
    launchTemplate: { id: refTo(template, "id"), version: refTo(template, "latestVersion") },
    instanceRefresh: { strategy: "Rolling", preferences: { minHealthyPercentage: 90 } },
    // Nodes come when AWS has them: the control plane does not wait.
    waitForCapacityTimeout: "0",
    tags: Object.entries(tagsOf(parts, name)).map(([key, value]) => ({ key, value, propagateAtLaunch: false })),
  });
}
