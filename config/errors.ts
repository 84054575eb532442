/** What a person reads when something is wrong, and how a command ends then: the same in every part. */

export const exitCodes = { done: 0, failed: 1, badConfiguration: 2, gateRefused: 3, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/**
 * An error that says all that a user needs: it is shown without a stack trace. Anything else that is thrown is a bug and shows where it
 * comes from. A class of its own is only for an error that somebody catches by it.
 */
export class UserError extends Error {
  /** One text for each problem; of an error that is one sentence, that sentence. */
  readonly problems: readonly string[];

  /** @param problems listed below the headline, a line each */
  constructor(
    headline: string,
    readonly exitCode: ExitCode = exitCodes.failed,
    problems: readonly string[] = [],
  ) {
    super([headline, ...problems.map((problem) => `  - ${problem}`)].join("\n"));
    this.name = "UserError";
    this.problems = problems.length > 0 ? problems : [headline];
  }
}

/** "1 error", "3 errors". */
export const countOf = (items: readonly unknown[], noun: string): string =>
  `${items.length} ${noun}${items.length === 1 ? "" : "s"}`;
