/** What a run of the engine came to, in the words of a test. */
import type { Result } from "../../../engine";

/** Why it failed, with what steps said; empty when it did not. */
export function problems({ result, diagnostics }: Result): string[] {
  return result === "succeeded" ? [] : diagnostics.map(({ message }) => message);
}

/** Steps that changed something, as "create workers-3". */
export function changed({ steps }: Result): string[] {
  return steps.filter(({ op, internal }) => op !== "same" && !internal).map(({ op, name }) => `${op} ${name}`);
}
