/** What hosts may do on AWS: fetch artifacts; members of etcd store snapshots, which nobody on a host can delete; nodes pull images. */
import { nameOf, tagsOf } from "./names";
import type { AwsParts, AwsRole, Buckets, Keys, Roles } from "./parts";
import { type AwsResource, type AwsResourceOf, type JsonValue, json, refTo, resource, text } from "./resource";

export function roles(parts: AwsParts, buckets: Buckets, keys: Keys): Roles {
  const artifacts = [
    allow("Artifacts", ["s3:GetObject"], text`${refTo(buckets.artifacts, "arn")}/*`),
    allow("ReadEncrypted", ["kms:Decrypt"], refTo(keys.buckets, "arn")),
  ];
  const made = {
    etcd: role(parts, "etcd", [...artifacts, ...(parts.plan.backup ? snapshots(buckets, keys) : [])]),
    master: role(parts, "master", artifacts),
    node: role(parts, "node", [...artifacts, ...images(parts)]),
  };
  return {
    resources: Object.values(made).flatMap(({ resources }) => resources),
    profiles: { etcd: made.etcd.profile, master: made.master.profile, node: made.node.profile },
  };
}

const allow = (Sid: string, Action: readonly string[], Resource: JsonValue) => ({
  Sid,
  Effect: "Allow",
  Action,
  Resource,
});

/** As a store of ours gives them (backup-store of components/machine/files). What restic deletes are its locks. */
function snapshots(buckets: Buckets, keys: Keys) {
  const bucket = refTo(buckets.snapshots, "arn");
  return [
    allow("SeeSnapshots", ["s3:ListBucket"], bucket),
    allow("Snapshots", ["s3:GetObject", "s3:PutObject"], text`${bucket}/*`),
    allow("Locks", ["s3:DeleteObject"], text`${bucket}/*/locks/*`),
    allow("WriteEncrypted", ["kms:GenerateDataKey"], refTo(keys.buckets, "arn")),
  ];
}

/** Of the account's own registry. */
function images({ account, partition, region }: AwsParts) {
  const pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
  return [
    allow("Images", pull, `arn:${partition}:ecr:${region}:${account}:repository/*`),
    // Knows no resource (the service authorization reference).
    allow("Registry", ["ecr:GetAuthorizationToken"], "*"),
  ];
}

function role(
  parts: AwsParts,
  of: AwsRole,
  Statement: readonly JsonValue[],
): {
  readonly profile: AwsResourceOf<"iam/instanceProfile:InstanceProfile">;
  readonly resources: readonly AwsResource[];
} {
  const { permissionsBoundary } = parts.knobs;
  const name = nameOf(parts, of);
  const named = { path: rolePath(parts.stack), namePrefix: `${name}-`, tags: tagsOf(parts, name) };
  const made = resource("iam/role:Role", name, {
    ...named,
    assumeRolePolicy: json({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
    }),
    ...(permissionsBoundary !== undefined && { permissionsBoundary }),
  });
  const profile = resource("iam/instanceProfile:InstanceProfile", name, { ...named, role: refTo(made, "name") });
  const policy = resource("iam/rolePolicy:RolePolicy", name, {
    name: of,
    role: refTo(made, "name"),
    policy: json({ Version: "2012-10-17", Statement }),
  });
  return { profile, resources: [made, policy, profile] };
}

/** Of all roles of a cluster: who deploys it may pass these alone (docs/aws.md). */
export const rolePath = (stack: string): string => `/kilonode/${stack}/`;
