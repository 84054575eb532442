/**
 * The face of the rehearsal engine: its words, its errors, and what a state file tells. Quick to load, so that every command may
 * have it. To run a program there is the other face, rehearsal.ts, which loads the rest:
 *
 * ```ts
 * const { providers, Rehearsal } = require("../engine/rehearsal") as typeof import("../engine/rehearsal");
 * const { result, changes, steps } = await new Rehearsal({ projectDir: ".", stack: "lab", stateFile, passphrase, providers }).up();
 * ```
 */
export { EngineError, type EngineErrorReason } from "./errors";
export type { PolicyPack } from "./policy/pack";
export type { ConfigValue } from "./program/project";
export type { DiffResult, Provider, ProviderFactory, ResourceCall } from "./provider/provider";
export { PartialFailure } from "./provider/provider";
export type { Diagnostic, EngineEvent, Op, PolicyViolation, Result, Severity, Step } from "./run/events";
export { hasChanges } from "./run/events";
export type { Rehearsal } from "./stack/rehearsal";
export type { RehearsalOptions } from "./stack/session";
export {
  type OpenedResource,
  type OpenedState,
  openDeployment,
  readOutputs,
  readResources,
  readState,
} from "./state/read";
export { type Deployment, type ResourceState, ROOT_STACK, type StateFile, urnName } from "./state/types";
export { UNKNOWN, type Value, type Values } from "./values/value";
