/** The rules on what a preview would do, which no engine asks a policy pack. */
import type { Result } from "../../engine";
import { stepViolations } from "../../policy/steps";
import type { CheckedStack } from "../stack/configuration";

/** A preview that breaks a mandatory one has failed. */
export function withStepRules(result: Result, { plan, severities }: Pick<CheckedStack, "plan" | "severities">): Result {
  const found = stepViolations(result.steps, plan, severities);
  const failed = result.result === "succeeded" && found.some(({ level }) => level === "mandatory");
  return { ...result, policy: [...result.policy, ...found], ...(failed && { result: "failed" as const }) };
}
