/** Failures of the toolchain. */
import { exitCodes, UserError } from "../config/errors";

export type ErrorKind = "arguments" | "go" | "compiler" | "network" | "disk" | "pin" | "build" | "interrupted";

/** What a user reads: what is wrong with the value got, what is allowed, and what to do. One line each, in this order. */
export interface Explanation {
  readonly what: string;
  readonly got?: string;
  readonly allowed?: string;
  readonly todo?: string;
}

/** A failure the user can do something about. */
export class ToolchainError extends UserError {
  readonly kind: ErrorKind;

  constructor(kind: ErrorKind, explanation: Explanation) {
    const { what, got, allowed, todo } = explanation;
    const lines = [what, got && `  got:     ${got}`, allowed && `  allowed: ${allowed}`, todo && `  do:      ${todo}`];
    super(lines.filter(Boolean).join("\n"), kind === "arguments" ? exitCodes.badConfiguration : exitCodes.failed);
    this.name = "ToolchainError";
    this.kind = kind;
  }
}

export function interrupted(): ToolchainError {
  return new ToolchainError("interrupted", {
    what: "interrupted; binaries that were finished are kept",
    todo: "run the same command again: it goes on from there",
  });
}

/** The `code` of a Node system error such as ENOENT, or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
