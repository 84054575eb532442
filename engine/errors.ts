/** Errors of the engine that are meant for a person; whatever else it throws is a fault of its own. */

/** What it is about, for callers that answer differently: an exit code, another piece of advice. */
export type EngineErrorReason =
  /** No passphrase, or not the one that the secrets were encrypted with. */
  | "passphrase"
  /** Another run works on the state. */
  | "locked"
  /** The state or its journal is not whole, or cannot be written. */
  | "state"
  /** The project, its program or its policy packs cannot be read or started. */
  | "project"
  /** Something that this engine does not do, or will not. */
  | "refused";

export class EngineError extends Error {
  override readonly name = "EngineError";

  /** `problems`, each a line, are part of the message too. */
  constructor(
    readonly reason: EngineErrorReason,
    message: string,
    readonly problems: readonly string[] = [],
  ) {
    super([message, ...problems].join("\n  "));
  }
}
