/** Buckets, what is set for them, and their objects. */
import { createHash } from "node:crypto";
import { isObject, type Values } from "../../../values/value";
import { refuse } from "../api-error";
import type { Cloud, Reference, Thing } from "../cloud";
import { failures, isSet, isTrue, objectsAt, textAt, textsAt } from "../inputs";
import type { Making, Row } from "../row";
import { bareArn, isJson, keyRef, othersOf, T, taken } from "./common";

/** S3 user guide, "General purpose bucket naming rules". */
function nameFailures(inputs: Values) {
  const name = textAt(inputs, "bucket");
  if (name === undefined) return [];
  return failures(
    [
      name.length < 3 || name.length > 63,
      "bucket",
      `InvalidBucketName: expected length of bucket to be in the range (3 - 63): "${name}" has ${name.length}`,
    ],
    [
      !/^[a-z0-9][a-z0-9.-]*[a-z0-9]$/.test(name),
      "bucket",
      `InvalidBucketName: "${name}" must have only lowercase letters, digits, dots and hyphens, and begin and end with a letter or digit`,
    ],
    [
      /\.\./.test(name) || /^\d+\.\d+\.\d+\.\d+$/.test(name),
      "bucket",
      `InvalidBucketName: "${name}" must not have two dots in a row or be formatted as an IP address`,
    ],
    [
      /^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3)$/.test(name),
      "bucket",
      `InvalidBucketName: "${name}" begins or ends with what is reserved`,
    ],
  );
}

const bucket: Row = {
  type: T.bucket,
  api: ["S3", "CreateBucket", "DeleteBucket"],
  required: [],
  optional: ["bucket", "bucketPrefix", "forceDestroy", "objectLockEnabled", "region", "tags"],
  replaces: ["bucket", "bucketPrefix", "objectLockEnabled", "region"],
  source: "terraform-provider-aws s3/bucket.go; CloudFormation AWS::S3::Bucket",
  computed: ["arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "hostedZoneId"],
  naming: { property: "bucket", prefix: "bucketPrefix", longest: 63 },
  check: nameFailures,
  rules: ({ inputs, cloud, self }) => {
    if (taken(cloud, T.bucket, "bucket", textAt(inputs, "bucket"), self))
      refuse(
        "BucketAlreadyOwnedByYou",
        `Your previous request to create the named bucket succeeded and you already own it.`,
      );
    if (cloud.foreignBuckets.includes(String(inputs.bucket)))
      refuse(
        "BucketAlreadyExists",
        `The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.`,
      );
  },
  id: ({ inputs }) => String(inputs.bucket),
  make: ({ id, region, ...making }) => ({
    arn: bareArn({ ...making, region }, "s3", id),
    bucketDomainName: `${id}.s3.amazonaws.com`,
    bucketRegion: region,
    bucketRegionalDomainName: `${id}.s3.${region}.amazonaws.com`,
    hostedZoneId: "Z3AQBSTGFYJSTF",
  }),
  remove: (thing, cloud) => {
    const objects = cloud.all(T.object).filter(({ inputs }) => inputs.bucket === thing.id);
    if (objects.length > 0 && !isTrue(thing.inputs, "forceDestroy"))
      refuse(
        "BucketNotEmpty",
        `The bucket you tried to delete is not empty. You must delete all versions in the bucket.`,
      );
    for (const object of objects) cloud.remove(object);
    // What is set for a bucket goes with it.
    for (const setting of settings)
      for (const one of cloud.all(setting.type)) if (one.inputs.bucket === thing.id) cloud.remove(one);
  },
};

const bucketRef: Reference = {
  path: "bucket",
  to: [T.bucket],
  code: "NoSuchBucket",
  reason: () => "The specified bucket does not exist",
  retried: true,
};

/** What is set for a bucket is there once: a second one would take the first one's place, and the two would change in turns. */
function setting(
  type: string,
  call: string,
  inputs: readonly string[],
  required: readonly string[],
  more: Partial<Row> = {},
): Row {
  return {
    type,
    api: ["S3", `Put${call}`, `Delete${call}`],
    required: ["bucket", ...required],
    optional: [...inputs, "region"],
    replaces: ["bucket", "region"],
    source: `terraform-provider-aws s3/bucket_*.go: all but the bucket is Put${call}`,
    computed: [],
    references: [bucketRef],
    id: ({ inputs: given }) => String(given.bucket),
    make: () => ({}),
    ...more,
    rules: (making: Making) => {
      const { inputs: given, cloud, self } = making;
      // The API would take it. Two resources that say different things of a bucket are a slip; the same once more is not.
      if (othersOf(cloud, type, self).some((one) => one.inputs.bucket === given.bucket && !same(one.inputs, given)))
        refuse("OperationAborted", `${call} is set for the bucket ${given.bucket} by another resource already`);
      more.rules?.(making);
    },
  };
}

const same = (one: Values, other: Values): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Principals of everyone, without a condition: what S3 calls public (S3 user guide, "The meaning of public"). */
function isPublic(policy: string | undefined): boolean {
  if (policy === undefined || !isJson(policy)) return false;
  return objectsAt(JSON.parse(policy) as Values, "Statement").some(
    ({ Effect, Principal, Condition }) =>
      Effect === "Allow" &&
      Condition === undefined &&
      (Principal === "*" || (isObject(Principal) && textsAt(Principal, "AWS").includes("*"))),
  );
}

const settings: readonly Row[] = [
  setting(T.versioning, "BucketVersioning", ["expectedBucketOwner", "mfa"], ["versioningConfiguration"], {
    rules: ({ inputs, cloud, self }) => {
      const status = textAt(inputs, "versioningConfiguration.status");
      if (
        self !== undefined &&
        textAt(self.inputs, "versioningConfiguration.status") === "Enabled" &&
        status === "Disabled"
      )
        refuse(
          "IllegalVersioningConfigurationException",
          `versioning_configuration.status cannot be updated from 'Enabled' to 'Disabled'`,
        );
      if (cloud.find(T.bucket, String(inputs.bucket))?.inputs.objectLockEnabled === true && status !== "Enabled")
        refuse(
          "InvalidBucketState",
          `An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.`,
        );
    },
  }),
  setting(T.encryption, "BucketEncryption", ["expectedBucketOwner"], ["rules"], {
    references: [bucketRef, keyRef("rules.applyServerSideEncryptionByDefault.kmsMasterKeyId")],
  }),
  setting(
    T.accessBlock,
    "PublicAccessBlock",
    ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets", "skipDestroy"],
    [],
  ),
  setting(T.bucketPolicy, "BucketPolicy", [], ["policy"], {
    check: (inputs) =>
      failures([
        !isJson(textAt(inputs, "policy")),
        "policy",
        `MalformedPolicy: "policy" contains an invalid JSON policy`,
      ]),
    rules: ({ inputs, cloud }) => {
      const blocked = cloud
        .all(T.accessBlock)
        .some((one) => one.inputs.bucket === inputs.bucket && isTrue(one.inputs, "blockPublicPolicy"));
      if (blocked && isPublic(textAt(inputs, "policy")))
        refuse(
          "AccessDenied",
          `User is not authorized to perform: s3:PutBucketPolicy on resource: "${cloud.find(T.bucket, String(inputs.bucket))?.outputs.arn}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access`,
        );
    },
  }),
  setting(
    T.lifecycle,
    "BucketLifecycleConfiguration",
    ["expectedBucketOwner", "rules", "transitionDefaultMinimumObjectSize"],
    [],
    {
      computed: ["transitionDefaultMinimumObjectSize"],
      make: ({ inputs }) => ({
        transitionDefaultMinimumObjectSize: inputs.transitionDefaultMinimumObjectSize ?? "all_storage_classes_128K",
      }),
      check: (inputs) => {
        const ids = textsAt(inputs, "rules.id");
        return failures([
          new Set(ids).size < ids.length,
          "rules",
          `InvalidArgument: Rule ID must be unique. Found same ID for more than one rule`,
        ]);
      },
    },
  ),
  setting(T.ownership, "BucketOwnershipControls", [], ["rule"]),
  setting(T.objectLock, "ObjectLockConfiguration", ["expectedBucketOwner", "objectLockEnabled", "rule"], [], {
    computed: ["objectLockEnabled"],
    make: ({ inputs }) => ({ objectLockEnabled: inputs.objectLockEnabled ?? "Enabled" }),
    rules: ({ inputs, cloud }) => {
      const isVersioned = cloud
        .all(T.versioning)
        .some(
          (one) =>
            one.inputs.bucket === inputs.bucket && textAt(one.inputs, "versioningConfiguration.status") === "Enabled",
        );
      if (!isVersioned && cloud.find(T.bucket, String(inputs.bucket))?.inputs.objectLockEnabled !== true)
        refuse("InvalidBucketState", `Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration`);
    },
  }),
];

/** Of a text or of the hash that the engine took of a file; never the content. */
function tagOf(inputs: Values): string {
  const hash = isObject(inputs.source) ? inputs.source.hash : undefined;
  return createHash("md5")
    .update(String(hash ?? inputs.content ?? inputs.contentBase64 ?? ""))
    .digest("hex");
}

const object: Row = {
  type: T.object,
  api: ["S3", "PutObject", "DeleteObject"],
  required: ["bucket"],
  optional: [
    ...["acl", "bucketKeyEnabled", "cacheControl", "checksumAlgorithm", "content", "contentBase64", "contentType"],
    ...["forceDestroy", "key", "kmsKeyId", "metadata", "region", "serverSideEncryption", "source", "sourceHash"],
    ...["storageClass", "tags"],
  ],
  replaces: ["bucket", "key", "region"],
  source: "terraform-provider-aws s3/object.go",
  computed: [
    "arn",
    "bucketKeyEnabled",
    "checksumSha256",
    "contentType",
    "etag",
    "key",
    "kmsKeyId",
    "serverSideEncryption",
    "storageClass",
    "versionId",
  ],
  renewed: ["etag", "versionId", "checksumSha256"],
  naming: { property: "key", longest: 1024, plain: true },
  references: [bucketRef, keyRef("kmsKeyId")],
  check: (inputs) =>
    failures(
      [
        ["content", "contentBase64", "source"].filter((name) => isSet(inputs, name)).length > 1,
        "content",
        "only one of content, contentBase64, source can be specified",
      ],
      // S3 user guide, "Object key names": at most 1,024 bytes.
      [Buffer.byteLength(textAt(inputs, "key") ?? "") > 1024, "key", `KeyTooLongError: Your key is too long`],
    ),
  rules: ({ inputs, cloud, self }) => {
    if (
      othersOf(cloud, T.object, self).some(
        (one) => one.inputs.bucket === inputs.bucket && one.inputs.key === inputs.key,
      )
    )
      refuse(
        "OperationAborted",
        `${inputs.key} is an object of another resource in the bucket ${inputs.bucket} already`,
      );
  },
  id: ({ inputs }) => `${inputs.bucket}/${inputs.key}`,
  make: ({ inputs, cloud, ...making }) => ({
    arn: bareArn({ ...making, inputs, cloud }, "s3", `${inputs.bucket}/${inputs.key}`),
    bucketKeyEnabled: inputs.bucketKeyEnabled ?? false,
    checksumSha256: inputs.checksumAlgorithm === "SHA256" ? tagOf(inputs) : "",
    contentType: inputs.contentType ?? "application/octet-stream",
    etag: tagOf(inputs),
    key: inputs.key ?? null,
    kmsKeyId: inputs.kmsKeyId ?? "",
    serverSideEncryption: inputs.serverSideEncryption ?? "AES256",
    storageClass: inputs.storageClass ?? "STANDARD",
    versionId: isVersioned(cloud, inputs) ? cloud.newId("v").slice(2) : "",
  }),
};

const isVersioned = (cloud: Cloud, inputs: Values): boolean =>
  cloud
    .all(T.versioning)
    .some(
      (one: Thing) =>
        one.inputs.bucket === inputs.bucket && textAt(one.inputs, "versioningConfiguration.status") === "Enabled",
    );

export const buckets = [bucket, ...settings, object];
