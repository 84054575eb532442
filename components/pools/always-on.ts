/** A unit that a node runs from its boot on. */
import type { UnitService } from "../machine/machine";

/** Activation waits until it is up. @param restartOn paths that it reads once */
export const alwaysOn = (restartOn: readonly string[]): UnitService => ({
  kind: "unit",
  enabled: true,
  running: true,
  restartOn,
  reloadOn: [],
  wait: true,
});
