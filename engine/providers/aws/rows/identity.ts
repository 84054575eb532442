/** Roles, profiles and keys. */
import type { Values } from "../../../values/value";
import { refuse } from "../api-error";
import { hexOf } from "../cloud";
import { failures, numberAt, textAt } from "../inputs";
import type { Row } from "../row";
import { arn, iamArn, isJson, keyRef, othersOf, refTo, T, taken } from "./common";

/** Own rules: IAM user guide, "IAM and AWS STS quotas": characters without white space. */
const TRUST_POLICY = 2_048;
const INLINE_POLICIES = 10_240;
const sizeOf = (policy: string | undefined): number => (policy ?? "").replaceAll(/\s/g, "").length;

function policyFailures(inputs: Values, property: string, longest: number) {
  const policy = textAt(inputs, property);
  return failures(
    [!isJson(policy), property, `MalformedPolicyDocument: "${property}" contains an invalid JSON policy`],
    [
      sizeOf(policy) > longest,
      property,
      `LimitExceeded: a policy here has at most ${longest} characters without white space; this has ${sizeOf(policy)}`,
    ],
  );
}

const uniqueId = (prefix: string, id: string): string => `${prefix}${hexOf(id, 17).toUpperCase()}`;
const pathOf = (inputs: Values): string => textAt(inputs, "path") ?? "/";

const role: Row = {
  type: T.role,
  api: ["IAM", "CreateRole", "DeleteRole"],
  required: ["assumeRolePolicy"],
  optional: [
    ...["description", "forceDetachPolicies", "managedPolicyArns", "maxSessionDuration", "name", "namePrefix"],
    ...["path", "permissionsBoundary", "tags"],
  ],
  replaces: ["name", "namePrefix", "path"],
  source: "terraform-provider-aws iam/role.go; CloudFormation AWS::IAM::Role",
  computed: ["arn", "createDate", "uniqueId"],
  naming: { property: "name", prefix: "namePrefix", longest: 64 },
  check: (inputs) => policyFailures(inputs, "assumeRolePolicy", TRUST_POLICY),
  rules: ({ inputs, cloud, self }) => {
    if (taken(cloud, T.role, "name", textAt(inputs, "name"), self))
      refuse("EntityAlreadyExists", `Role with name ${inputs.name} already exists.`);
  },
  id: ({ inputs }) => String(inputs.name),
  make: ({ inputs, id, self, ...making }) => ({
    arn: iamArn({ ...making, inputs }, `role${pathOf(inputs)}${id}`),
    createDate: self?.outputs.createDate ?? new Date().toISOString(),
    uniqueId: uniqueId("AROA", id),
  }),
  inUse: () => ["DeleteConflict", `Cannot delete entity, must delete policies first.`],
};

const rolePolicy: Row = {
  type: T.rolePolicy,
  api: ["IAM", "PutRolePolicy", "DeleteRolePolicy"],
  required: ["policy", "role"],
  optional: ["name", "namePrefix"],
  replaces: ["name", "namePrefix", "role"],
  source: "terraform-provider-aws iam/role_policy.go; CloudFormation AWS::IAM::RolePolicy",
  computed: [],
  naming: { property: "name", prefix: "namePrefix", longest: 128 },
  references: [refTo("role", T.role, "NoSuchEntity", "role", { holds: true })],
  check: (inputs) => policyFailures(inputs, "policy", INLINE_POLICIES),
  rules: ({ inputs, cloud, self }) => {
    const others = othersOf(cloud, T.rolePolicy, self).filter((one) => one.inputs.role === inputs.role);
    const all = [...others.map((one) => textAt(one.inputs, "policy")), textAt(inputs, "policy")];
    if (all.reduce((sum, policy) => sum + sizeOf(policy), 0) > INLINE_POLICIES)
      refuse("LimitExceeded", `Maximum policy size of ${INLINE_POLICIES} bytes exceeded for role ${inputs.role}`);
  },
  id: ({ inputs }) => `${inputs.role}:${inputs.name}`,
  make: () => ({}),
};

const profile: Row = {
  type: T.profile,
  api: ["IAM", "CreateInstanceProfile", "DeleteInstanceProfile"],
  required: [],
  optional: ["name", "namePrefix", "path", "role", "tags"],
  replaces: ["name", "namePrefix", "path"],
  source: "terraform-provider-aws iam/instance_profile.go; CloudFormation AWS::IAM::InstanceProfile",
  computed: ["arn", "createDate", "uniqueId"],
  naming: { property: "name", prefix: "namePrefix", longest: 128 },
  // The role does not stay for it: the provider takes a role out of its profiles before it deletes it (iam/role.go).
  references: [refTo("role", T.role, "NoSuchEntity", "role", { retried: true })],
  rules: ({ inputs, cloud, self }) => {
    if (taken(cloud, T.profile, "name", textAt(inputs, "name"), self))
      refuse("EntityAlreadyExists", `Instance Profile ${inputs.name} already exists.`);
  },
  id: ({ inputs }) => String(inputs.name),
  make: ({ inputs, id, self, ...making }) => ({
    arn: iamArn({ ...making, inputs }, `instance-profile${pathOf(inputs)}${id}`),
    createDate: self?.outputs.createDate ?? new Date().toISOString(),
    uniqueId: uniqueId("AIPA", id),
  }),
};

const key: Row = {
  type: T.key,
  api: ["KMS", "CreateKey", "ScheduleKeyDeletion"],
  required: [],
  optional: [
    ...["bypassPolicyLockoutSafetyCheck", "customerMasterKeySpec", "deletionWindowInDays", "description"],
    ...[
      "enableKeyRotation",
      "isEnabled",
      "keyUsage",
      "multiRegion",
      "policy",
      "region",
      "rotationPeriodInDays",
      "tags",
    ],
  ],
  replaces: ["customerMasterKeySpec", "keyUsage", "multiRegion", "region"],
  source: "terraform-provider-aws kms/key.go",
  computed: ["arn", "keyId", "multiRegion", "policy", "rotationPeriodInDays"],
  check: (inputs) => {
    const [days, period] = ["deletionWindowInDays", "rotationPeriodInDays"].map((name) => numberAt(inputs, name));
    return [
      ...policyFailures(inputs, "policy", 32_768),
      ...failures(
        // KMS API reference, ScheduleKeyDeletion and EnableKeyRotation.
        [
          days !== undefined && (days < 7 || days > 30),
          "deletionWindowInDays",
          `expected deletion_window_in_days to be in the range (7 - 30), got ${days}`,
        ],
        [
          period !== undefined && (period < 90 || period > 2560),
          "rotationPeriodInDays",
          `expected rotation_period_in_days to be in the range (90 - 2560), got ${period}`,
        ],
      ),
    ];
  },
  id: ({ cloud }) =>
    cloud
      .newId("key")
      .slice(4)
      .replace(/^(.{8})(.{4})(.{4})(.)$/, "$1-$2-4$30-8000-00000000000$4")
      .slice(0, 36),
  make: (making) => ({
    arn: arn(making, "kms", `key/${making.id}`),
    keyId: making.id,
    multiRegion: making.inputs.multiRegion ?? false,
    policy:
      making.inputs.policy ??
      `{"Statement":[{"Action":"kms:*","Effect":"Allow","Principal":{"AWS":"${iamArn(making, "root")}"},"Resource":"*"}]}`,
    rotationPeriodInDays: making.inputs.rotationPeriodInDays ?? 365,
  }),
  /** Whatever was encrypted with it is lost when the window is over: nothing keeps a key, as in AWS. */
  remove: (thing, cloud) => cloud.put({ ...thing, gone: "PendingDeletion" }),
};

const alias: Row = {
  type: T.alias,
  api: ["KMS", "CreateAlias", "DeleteAlias"],
  required: ["targetKeyId"],
  optional: ["name", "namePrefix", "region"],
  replaces: ["name", "namePrefix", "region"],
  source: "terraform-provider-aws kms/alias.go; CloudFormation AWS::KMS::Alias",
  computed: ["arn", "targetKeyArn"],
  naming: { property: "name", prefix: "namePrefix", longest: 238, start: "alias/" },
  references: [keyRef("targetKeyId")],
  check: (inputs) => {
    const name = textAt(inputs, "name");
    return failures(
      [
        name !== undefined && !/^alias\/[a-zA-Z0-9/_-]+$/.test(name),
        "name",
        `"name" must begin with 'alias/' and only contain [a-zA-Z0-9/_-]: "${name}"`,
      ],
      [name?.startsWith("alias/aws/") ?? false, "name", `NotAuthorizedException: the prefix "alias/aws/" is reserved`],
    );
  },
  rules: (making) => {
    const { inputs, cloud, self } = making;
    if (taken(cloud, T.alias, "name", textAt(inputs, "name"), self))
      refuse(
        "AlreadyExistsException",
        `An alias with the name ${arn(making, "kms", String(inputs.name))} already exists`,
      );
  },
  id: ({ inputs }) => String(inputs.name),
  make: (making) => ({
    arn: arn(making, "kms", making.id),
    targetKeyArn: making.cloud.named([T.key], String(making.inputs.targetKeyId))?.outputs.arn ?? null,
  }),
};

export const identity = [role, rolePolicy, profile, key, alias];
