/** Where tests of the lab run, and which of them a run takes: `npm test` those that a submission needs, `npm run test:nightly` all. */
import { describe, it, type TestFunction } from "vitest";

/** The lab makes hosts on this machine. */
export const onRoot = process.getuid?.() === 0 && process.platform === "linux";
/** Whether tests that take minutes run as well. */
export const everything = process.env.KILONODE_TESTS === "all";

const notRoot = "the lab makes network namespaces and mounts: run as root on Linux";
const tooLong = "it takes minutes, and shorter tests prove its parts: `npm run test:nightly` runs it";

function skipped(title: string, because: string): void {
  it(title, (context) => context.skip(because));
}

/** Tests of hosts in the lab; elsewhere a single one that says why it is skipped. */
export function inLab(title: string, body: () => void): void {
  if (onRoot) describe(title, body);
  else skipped(title, notRoot);
}

/** The same, of a file that is run every night. */
export function inLabNightly(title: string, body: () => void): void {
  if (everything) inLab(title, body);
  else skipped(title, tooLong);
}

/** One test of a file that a submission needs, which is itself run every night. */
export function nightly(title: string, test: TestFunction): void {
  if (everything) it(title, test);
  else skipped(title, tooLong);
}
