/**
 * What a program asks for beyond the part of a package that rehearsals know. The providers here do what this project's program
 * uses; everything else is refused by name, so that a rehearsal never does another thing than production would.
 */
import { EngineError } from "../errors";
import type { Values } from "../values/value";

export function unsupported(what: string, asked: string, supported: readonly string[]): EngineError {
  return new EngineError(
    "refused",
    `${what} ${asked} is not supported in a rehearsal; supported: ${supported.join(", ")}`,
  );
}

export interface Failure {
  readonly property: string;
  readonly reason: string;
}

/** A failure for each property that is set and not among the `supported` ones. `at` is the path of the values. */
export function unsupportedProperties(values: Values, supported: readonly string[], at = ""): Failure[] {
  return Object.entries(values)
    .filter(([name, value]) => value !== null && !supported.includes(name))
    .map(([name]) => ({
      property: `${at}${name}`,
      reason: unsupported("property", `${at}${name}`, supported).message,
    }));
}

export function missingProperties(values: Values, required: readonly string[], at = ""): Failure[] {
  return required
    .filter((name) => (values[name] ?? null) === null)
    .map((name) => ({ property: `${at}${name}`, reason: `${at}${name} is missing` }));
}
