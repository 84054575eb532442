/** Where tests of the lab run. */
import { describe } from "vitest";
import { everything, skipped, tooLong } from "../../support/nightly";

/** The lab makes hosts on this machine. */
export const onRoot = process.getuid?.() === 0 && process.platform === "linux";

const notRoot = "the lab makes network namespaces and mounts: run as root on Linux";

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
