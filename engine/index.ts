/**
 * The rehearsal engine: runs an unmodified Pulumi program where there is no Pulumi CLI.
 *
 * ```ts
 * const lab = new Rehearsal({ projectDir: ".", stack: "lab", stateFile, passphrase, providers, onEvent, signal });
 * const { result, changes, steps } = await lab.up();
 * ```
 */
export type { Diagnostic, EngineEvent, Op, PolicyViolation, Result, Severity, Step } from "./events";
export { hasChanges } from "./events";
export type { PolicyPack } from "./policy";
export type { ConfigValue } from "./project";
export type { Provider, ProviderFactory, Value, Values } from "./provider";
export { PartialFailure, UNKNOWN } from "./provider";
export { hasState, Rehearsal, type RehearsalOptions } from "./rehearsal";
export type { Deployment, ResourceState, StateFile } from "./state/types";
