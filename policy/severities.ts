/** Severities that a stack's file gives to rules in the place of their own. */
import { type Rule, type Severity, severities } from "./rule";
import { rules } from "./rules";

export const severitiesKey = "policy:severities";

export type Severities = Readonly<Record<string, Severity>>;

export const severityOf = ({ name, severity }: Rule, given: Severities): Severity => given[name] ?? severity;

/** What is wrong with the value of the stack's file; empty when it can be used. */
export function severityProblems(given: unknown): string[] {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return [
      `${severitiesKey}: ${JSON.stringify(given)} is no map; give rules their severities: {required-tags: advisory}`,
    ];
  return Object.entries(given).flatMap(([name, severity]) => {
    if (!rules.some((rule) => rule.name === name))
      return [
        `${severitiesKey}.${name}: there is no such rule; there are ${rules.map((rule) => rule.name).join(", ")}`,
      ];
    return severities.includes(severity)
      ? []
      : [`${severitiesKey}.${name}: ${JSON.stringify(severity)} is no severity; allowed are ${severities.join(", ")}`];
  });
}
