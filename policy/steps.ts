/** What a preview would do, judged by the command itself: Pulumi shows a policy pack what there will be, and not what goes. */
import { version } from "./package.json";
import { messageOf, type PlannedStep, type Severity } from "./rule";
import { packName, rules } from "./rules";
import { type Severities, severityOf } from "./severities";
import type { Stack } from "./stack";

export interface StepViolation {
  readonly urn: string;
  readonly pack: string;
  readonly packVersion: string;
  readonly policy: string;
  readonly description: string;
  readonly message: string;
  readonly level: Exclude<Severity, "disabled">;
}

export function stepViolations(
  steps: readonly PlannedStep[],
  stack: Pick<Stack, "ephemeral">,
  severities: Severities,
): StepViolation[] {
  return rules.flatMap((rule) => {
    const level = severityOf(rule, severities);
    if (rule.kind !== "step" || level === "disabled") return [];
    return rule.judge(steps, stack).map(({ problem, urn = "" }) => ({
      urn,
      pack: packName,
      packVersion: version,
      policy: rule.name,
      description: rule.asks,
      // As the SDK has it in front of what a pack says.
      message: `${rule.asks}\n${messageOf(rule, problem)}`,
      level,
    }));
  });
}
