/** Policy in the command: severities of a stack's file, rules on what a preview would do, and what a person reads. */
import { expect, test } from "vitest";
import { withStepRules } from "../../cli/run/step-rules";
import { policyText } from "../../cli/show/policy";
import { plainStyle } from "../../cli/show/style";
import { readStackFile } from "../../cli/stack/configuration";
import type { PolicyViolation, Result, Step } from "../../engine";
import { planOf } from "../support/plans";

const problemsOf = (text: string) => readStackFile(`config:\n${text}`, "stacks/Pulumi.here.yaml").problems;

test("severities are checked with the rest of a stack's file, and are no knob of the cluster", () => {
  const { problems, values } = readStackFile("config:\n  policy:severities: {imdsv2: advisory}\n", "file");
  expect([problems, values]).toEqual([[], {}]);
  expect(problemsOf("  policy:severities: {imdsv2: of}\n")).toEqual([
    'policy:severities.imdsv2: "of" is no severity; allowed are mandatory, advisory, disabled',
  ]);
  expect(problemsOf("  policy:severity: {imdsv2: advisory}\n")).toEqual([
    'stacks/Pulumi.here.yaml: "policy:severity": nothing reads it; the project\'s keys begin with "kilonode:", and policy:severities is that of its policy pack',
  ]);
});

const violation = (policy: string, level: PolicyViolation["level"], name: string): PolicyViolation => ({
  urn: name === "" ? "" : `urn:pulumi:prod-a::kilonode::aws:ebs/volume:Volume::${name}`,
  pack: "kilonode",
  packVersion: "0.1.0",
  policy,
  description: "",
  message: `Nothing is wrong.\n${name} is wrong. What to do: mend it`,
  level,
});

test("a person reads what is mandatory first, with what to do", () => {
  const lines = policyText([violation("a", "advisory", "one"), violation("b", "mandatory", "two")], plainStyle);
  expect(lines).toEqual([
    "",
    "policy: 2 violations; docs/policy.md says why, and how to change a severity",
    "  mandatory b (two): two is wrong",
    "    what to do: mend it",
    "  advisory a (one): one is wrong",
    "    what to do: mend it",
  ]);
  expect(policyText([], plainStyle)).toEqual([]);
  const many = policyText(
    Array.from({ length: 43 }, () => violation("a", "mandatory", "")),
    plainStyle,
  );
  expect(many.at(-1)).toBe("  and 3 more: --json has them all");
});

test("a preview that would delete data has failed, unless the stack may be thrown away", () => {
  const step = {
    op: "delete",
    type: "aws:ebs/volume:Volume",
    name: "prod-a-etcd-main-1-database",
    urn: "urn:pulumi:prod-a::kilonode::aws:ebs/volume:Volume::prod-a-etcd-main-1-database",
  } as Step;
  const result = { result: "succeeded", steps: [step], policy: [] } as unknown as Result;
  const judged = withStepRules(result, { plan: planOf("prod-a"), severities: {} });
  expect(judged.result).toBe("failed");
  expect(judged.policy).toEqual([
    expect.objectContaining({ pack: "kilonode", policy: "data-kept", level: "mandatory", urn: step.urn }),
  ]);
  const thrownAway = withStepRules(result, { plan: planOf("test"), severities: {} });
  expect([thrownAway.result, thrownAway.policy]).toEqual(["succeeded", []]);
});
