/** Which tests a run takes: `npm test` those that a submission needs, `npm run test:nightly` all. */
import { it, type TestFunction } from "vitest";

/** Whether tests that take minutes run as well. */
export const everything = process.env.KILONODE_TESTS === "all";

export const tooLong = "it takes minutes, and shorter tests prove its parts: `npm run test:nightly` runs it";

export function skipped(title: string, because: string): void {
  it(title, (context) => context.skip(because));
}

/** A test that is run every night. */
export function nightly(title: string, test: TestFunction): void {
  if (everything) it(title, test);
  else skipped(title, tooLong);
}
