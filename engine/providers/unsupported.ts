import { EngineError } from "../errors";

/** The refusal for what a program asks for beyond the part of a package that rehearsals know. */
export function unsupported(what: string, asked: string, supported: readonly string[]): EngineError {
  return new EngineError(
    "refused",
    `${what} ${asked} is not supported in a rehearsal; supported: ${supported.join(", ")}`,
  );
}
