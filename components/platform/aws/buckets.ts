/** Buckets: artifacts, which can be made again, and snapshots, which cannot. Both private, encrypted, versioned, over TLS alone. */
import { bucketName, nameOf, tagsOf } from "./names";
import { type AwsParts, type Buckets, type Keys, keptUnless } from "./parts";
import { type AwsResource, type AwsResourceOf, json, type ResourceOptions, refTo, resource, text } from "./resource";

/** Artifacts that were replaced or deleted, by whomever, can be had again for so long. */
const replacedDays = 30;
const unfinishedDays = 7;

export function buckets(parts: AwsParts, keys: Keys): Buckets {
  const { ephemeral } = parts.plan;
  const { snapshotDays } = parts.knobs;
  // What is in it can be built again.
  const artifacts = bucket(parts, keys, "artifacts", { forceDestroy: true, replacedDays }, {});
  const snapshots = bucket(
    parts,
    keys,
    "snapshots",
    { forceDestroy: ephemeral, replacedDays: snapshotDays },
    // With all that keeps it private: a bucket that stays without them is worse than none.
    keptUnless(ephemeral),
  );
  return {
    resources: [...artifacts.resources, ...snapshots.resources, lock(parts, snapshots.bucket)],
    artifacts: artifacts.bucket,
    snapshots: snapshots.bucket,
  };
}

interface Kind {
  /** True: goes with what is in it. */
  readonly forceDestroy: boolean;
  /** For how long what was replaced or deleted can be had again. Nothing that is current ever goes by itself. */
  readonly replacedDays: number;
}

/**
 * Snapshots cannot be removed for good before their time, whoever asks; a deletion hides them. "Governance": only who has a right of its own
 * to (s3:BypassGovernanceRetention), which nobody of ours has. Of a cluster that may be thrown away nothing is locked.
 */
function lock(parts: AwsParts, bucket: AwsResourceOf<"s3/bucket:Bucket">): AwsResource {
  const { knobs, plan } = parts;
  const defaultRetention = { mode: "GOVERNANCE", days: knobs.snapshotDays };
  return resource(
    "s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    bucket.name,
    { bucket: refTo(bucket, "id"), ...(!plan.ephemeral && { rule: { defaultRetention } }) },
    // Only what has versions can be locked.
    { ...keptUnless(plan.ephemeral), dependsOn: [`s3/bucketVersioning:BucketVersioning::${bucket.name}`] },
  );
}

function bucket(
  parts: AwsParts,
  keys: Keys,
  holds: string,
  kind: Kind,
  options: ResourceOptions,
): { readonly bucket: AwsResourceOf<"s3/bucket:Bucket">; readonly resources: readonly AwsResource[] } {
  const name = nameOf(parts, holds);
  const made = resource(
    "s3/bucket:Bucket",
    name,
    {
      bucket: bucketName(parts.stack, holds, parts.account, parts.region),
      forceDestroy: kind.forceDestroy,
      tags: tagsOf(parts, name),
    },
    options,
  );
  const id = refTo(made, "id");
  const versioning = resource(
    "s3/bucketVersioning:BucketVersioning",
    name,
    { bucket: id, versioningConfiguration: { status: "Enabled" } },
    options,
  );
  const closed = resource(
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    name,
    { bucket: id, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    options,
  );
  return {
    bucket: made,
    resources: [
      made,
      versioning,
      closed,
      resource(
        "s3/bucketOwnershipControls:BucketOwnershipControls",
        name,
        { bucket: id, rule: { objectOwnership: "BucketOwnerEnforced" } },
        options,
      ),
      resource(
        "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        name,
        {
          bucket: id,
          rules: [
            {
              applyServerSideEncryptionByDefault: {
                sseAlgorithm: "aws:kms",
                kmsMasterKeyId: refTo(keys.buckets, "arn"),
              },
              bucketKeyEnabled: true,
            },
          ],
        },
        options,
      ),
      resource(
        "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        name,
        {
          bucket: id,
          rules: [
            {
              id: "expire",
              status: "Enabled",
              filter: { prefix: "" },
              abortIncompleteMultipartUpload: { daysAfterInitiation: unfinishedDays },
              noncurrentVersionExpiration: { noncurrentDays: kind.replacedDays },
              // Of what was deleted the mark goes, too, once nothing is left behind it.
              expiration: { expiredObjectDeleteMarker: true },
            },
          ],
        },
        // Rules on versions want versions (the provider's documentation).
        { ...options, dependsOn: [`s3/bucketVersioning:BucketVersioning::${name}`] },
      ),
      resource(
        "s3/bucketPolicy:BucketPolicy",
        name,
        { bucket: id, policy: tlsOnly(made) },
        // S3 takes one change of a bucket's access at a time.
        { ...options, dependsOn: [`s3/bucketPublicAccessBlock:BucketPublicAccessBlock::${name}`] },
      ),
    ],
  };
}

function tlsOnly(bucket: AwsResourceOf<"s3/bucket:Bucket">) {
  const arn = refTo(bucket, "arn");
  const deny = { Effect: "Deny", Principal: "*", Action: "s3:*", Resource: [arn, text`${arn}/*`] };
  return json({
    Version: "2012-10-17",
    Statement: [
      { Sid: "TlsOnly", ...deny, Condition: { Bool: { "aws:SecureTransport": "false" } } },
      { Sid: "RecentTlsOnly", ...deny, Condition: { NumericLessThan: { "s3:TlsVersion": "1.2" } } },
    ],
  });
}
