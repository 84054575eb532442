/** What is asked of AWS, before programs that know AWS and not us: see aws-judges/judges.ts. */
import { beforeAll, describe, expect, it } from "vitest";
import { deployerPolicy } from "../../components/platform/aws/deployer";
import { wholeCluster } from "../../components/platform/aws/plan";
import { awsPlanOf } from "../support/aws";
import { rawOf } from "../support/plans";
import { cloudFormation, type Template } from "./aws-judges/cloudformation";
import { excused, excuses } from "./aws-judges/excuses";
import { type Finding, judged } from "./aws-judges/judges";
import { missed, planted, withErrors } from "./aws-judges/planted";

function planOf(stack: string, aws: object = {}) {
  return awsPlanOf(stack, { aws: { ...(rawOf(stack).aws as object), ...aws } });
}
const ebs = { disks: { type: "gp3", iops: 4000, throughputMiB: 500 } };

function deployers(): Template {
  const permissionsBoundary = "arn:aws:iam::123456789012:policy/boundary";
  const policy = (aws: object) => ({
    Type: "AWS::IAM::ManagedPolicy",
    Properties: { PolicyDocument: deployerPolicy(planOf("prod-a", aws).parts) },
  });
  return {
    ...cloudFormation([]),
    Resources: { Deployer: policy({}), BoundedDeployer: policy({ permissionsBoundary }) },
  };
}

const right: ReadonlyMap<string, Template> = new Map([
  ["test", cloudFormation(wholeCluster(planOf("test")))],
  ["prod-a", cloudFormation(wholeCluster(planOf("prod-a")))],
  ["prod-a-on-ebs", cloudFormation(wholeCluster(planOf("prod-a", ebs)))],
  ["deployers", deployers()],
]);
const wrong = cloudFormation(withErrors(wholeCluster(planOf("test", ebs))));

let findings: ReadonlyMap<string, readonly Finding[]>;
const of = (template: string) => findings.get(template) ?? [];

beforeAll(async () => {
  findings = await judged(new Map([...right, ["wrong", wrong]]));
});

describe("cfn-lint, checkov and parliament", () => {
  it.each([...right.keys()])("find nothing in %s but what is excused", (template) => {
    expect(of(template).filter((one) => excused(one).length === 0)).toEqual([]);
  });

  it("need every excuse", () => {
    const used = [...right.keys()].flatMap(of).flatMap(excused);
    expect(excuses.filter((one) => !used.includes(one))).toEqual([]);
  });

  it.each(planted.map((one) => [one.error, one] as const))("find %s", (_, { found }) => {
    expect(of("wrong")).toContainEqual(expect.objectContaining(found));
  });

  // So that it is known what rests on tests of our own, and seen when it no longer does.
  it.each(missed.map((one) => [one.error, one] as const))("do not find %s", (_, { resource }) => {
    expect(Object.keys(wrong.Resources)).toContain(resource);
    expect(of("wrong").filter((one) => one.resource === resource && excused(one).length === 0)).toEqual([]);
  });
});
