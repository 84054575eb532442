/** What policy packs found, for a person: what is mandatory first, and what is said of many hosts once. */
import { countOf } from "../../config/errors";
import { type PolicyViolation, urnName } from "../../engine";
import type { Style } from "./style";

/** What is wrong, and what to do. The SDK puts what the rule asks in front of it. */
export const foundBy = ({ message }: Pick<PolicyViolation, "message">): string => message.split("\n").at(-1) ?? message;

/** More than these are for `--json`. */
const mostLines = 40;

export function policyText(violations: readonly PolicyViolation[], style: Style): string[] {
  const told = [...violations].sort((a, b) => Number(b.level === "mandatory") - Number(a.level === "mandatory"));
  const lines = told.map((violation) => {
    const { level, policy, urn } = violation;
    const colour = level === "mandatory" ? style.red : style.yellow;
    const [problem, remedy] = foundBy(violation).split(". What to do: ");
    return [
      `  ${colour(level)} ${style.bold(policy)}${urn === "" ? "" : ` (${urnName(urn)})`}: ${problem}`,
      ...(remedy === undefined ? [] : [`    ${style.bold("what to do:")} ${remedy}`]),
    ];
  });
  const more = lines.length - mostLines;
  return violations.length === 0
    ? []
    : [
        "",
        `${style.bold("policy")}: ${countOf(violations, "violation")}; docs/policy.md says why, and how to change a severity`,
        ...lines.slice(0, mostLines).flat(),
        ...(more > 0 ? [`  and ${more} more: --json has them all`] : []),
      ];
}
