/** Who may do what, and for how long somebody is who a certificate says. */
import { listAt, type Resource, shown, textAt, unknown } from "../resource";
import type { Rule } from "../rule";

const documents =
  /^aws:(iam\/(role|rolePolicy|policy|userPolicy|groupPolicy):|kms\/key:|s3\/bucketPolicy:|ec2\/vpcEndpoint:)/;

/** Macs and iPhones refuse longer ones of private authorities, too (https://support.apple.com/en-us/103769). */
const longestDays = 825;
const longestAuthorityDays = 7300;
const leastRenewalDays = 30;
const hoursPerDay = 24;

export const identityRules: readonly Rule[] = [
  {
    kind: "resource",
    name: "no-star-on-star",
    severity: "mandatory",
    of: documents,
    asks: "No right is for every action on everything: not `*` on `*`, not all actions of a service on `*`, and none by exception (NotAction, NotResource).",
    why: "A host that is taken over has the rights of its role (AWS Foundational Security Best Practices, IAM.1 and IAM.21).",
    remedy: "name the actions and the resources that are needed (components/platform/aws/roles.ts)",
    judge: (resource) =>
      // A key's policy is about the key alone, which it calls "*".
      resource.type === "aws:kms/key:Key"
        ? []
        : statementsOf(resource).flatMap((statement) => {
            if (statement.Effect !== "Allow") return [];
            const what = `statement ${shown(statement.Sid)} of ${resource.name}`;
            if (statement.NotAction !== undefined || statement.NotResource !== undefined)
              return [`${what} allows everything but what it names; it may name what it allows`];
            const wide = listAt(statement, "Action").filter((action) => /^(\*|[a-z0-9-]+:\*)$/i.test(String(action)));
            return wide.length > 0 && listAt(statement, "Resource").includes("*")
              ? [`${what} allows ${wide.join(", ")} on *`]
              : [];
          }),
  },
  {
    kind: "resource",
    name: "named-principals",
    severity: "mandatory",
    of: documents,
    asks: "Nothing is allowed to everybody: a principal `*` has a condition that says who is meant.",
    why: "A role, key or bucket that trusts `*` is open to every account of AWS (AWS Foundational Security Best Practices, S3.2 and KMS.5).",
    remedy: "name the account, role or service, or say it in a condition",
    judge: (resource) =>
      statementsOf(resource).flatMap((statement) => {
        const principals = [statement.Principal, ...listAt(statement, "Principal", "AWS")];
        return statement.Effect === "Allow" && principals.includes("*") && statement.Condition === undefined
          ? [
              `statement ${shown(statement.Sid)} of ${resource.name} allows ${listAt(statement, "Action").join(", ")} to everybody`,
            ]
          : [];
      }),
  },
  {
    kind: "resource",
    name: "certificate-lifetime",
    severity: "mandatory",
    of: /^tls:index\/(locallySignedCert|selfSignedCert):/,
    asks: `A certificate is valid for ${longestDays} days at most, an authority's own for ${longestAuthorityDays}.`,
    why: `Nothing here revokes one: what is stolen is good for as long as it is valid. Clients refuse more than ${longestDays} days (https://support.apple.com/en-us/103769); kubeadm gives 365 days and authorities 3,650.`,
    remedy: "set `certificates.days` and `certificates.authorityDays` lower",
    judge: ({ name, props }) => {
      const most = props.isCaCertificate === true ? longestAuthorityDays : longestDays;
      const hours = props.validityPeriodHours;
      return typeof hours === "number" && hours > most * hoursPerDay
        ? [`certificate ${name} is valid for ${hours / hoursPerDay} days; at most ${most} are allowed`]
        : [];
    },
  },
  {
    kind: "resource",
    name: "certificate-renewal",
    severity: "advisory",
    of: /^tls:index\/locallySignedCert:/,
    asks: `A certificate is renewed ${leastRenewalDays} days before it ends, or at half of a life that is shorter than twice that.`,
    why: "A certificate is renewed by an `up`: where these are a month apart, one that ends sooner ends the cluster (kubernetes/kubeadm#581).",
    remedy: "set `certificates.renewBeforeDays` higher",
    judge: ({ name, props }) => {
      const { earlyRenewalHours: early = 0, validityPeriodHours: hours } = props;
      if (typeof hours !== "number" || typeof early !== "number") return [];
      const least = Math.min(leastRenewalDays * hoursPerDay, hours / 2);
      return early < least
        ? [
            `certificate ${name} is renewed ${early / hoursPerDay} days before it ends; at least ${least / hoursPerDay} are allowed`,
          ]
        : [];
    },
  },
];

type Statement = Readonly<Record<string, unknown>>;

/** Of every policy that the resource has; none of one that is not known yet. */
function statementsOf({ props }: Resource): Statement[] {
  const inline = listAt(props, "inlinePolicies").map((one) => textAt(one, "policy"));
  return [textAt(props, "policy"), textAt(props, "assumeRolePolicy"), ...inline].flatMap((text) =>
    text === undefined ? [] : (listAt(JSON.parse(text), "Statement").filter((one) => one !== unknown) as Statement[]),
  );
}
