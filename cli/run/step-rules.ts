/** The rules on what a preview would do, which no engine asks a policy pack. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Result } from "../../engine";
import { type Severities, severitiesKey } from "../../policy/severities";
import { stepViolations } from "../../policy/steps";
import type { CheckedStack } from "../stack/configuration";
import { stackFile } from "../stack/project";

/** A preview that breaks a mandatory one has failed. */
export function withStepRules(result: Result, { plan, stack }: Pick<CheckedStack, "plan" | "stack">): Result {
  const found = stepViolations(result.steps, plan, severitiesOf(stack));
  const failed = result.result === "succeeded" && found.some(({ level }) => level === "mandatory");
  return { ...result, policy: [...result.policy, ...found], ...(failed && { result: "failed" as const }) };
}

/** They have been checked with the rest of the file. */
function severitiesOf(stack: string): Severities {
  const { config } = parse(readFileSync(stackFile(stack), "utf8"), { merge: true }) as {
    config?: Readonly<Record<string, Severities>>;
  };
  return config?.[severitiesKey] ?? {};
}
