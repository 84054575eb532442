/** Which properties of the `command` package a rehearsal knows, and which values of them. */
import { isObject, UNKNOWN, type Value, type Values } from "../../values/value";
import { type Failure, missingProperties, unsupported, unsupportedProperties } from "../unsupported";
import { connectionFailures } from "./connection";

export const LOCAL = "command:local:Command";
const REMOTE = "command:remote:Command";
export const COPY = "command:remote:CopyToRemote";

const COMMAND = ["create", "update", "delete", "stdin", "environment", "triggers", "logging", "addPreviousOutputInEnv"];
const TYPES: Readonly<Record<string, { readonly required: readonly string[]; readonly optional: readonly string[] }>> =
  {
    [LOCAL]: { required: [], optional: [...COMMAND, "dir"] },
    [REMOTE]: { required: ["connection"], optional: COMMAND },
    [COPY]: { required: ["connection", "source", "remotePath"], optional: ["triggers"] },
  };
const LOGGING = ["stdout", "stderr", "stdoutAndStderr", "none"];

const isString = (item: Value) => item === UNKNOWN || typeof item === "string";

/** What is wrong with the value of a property that is known here. */
function wrong(property: string, value: Value): string | undefined {
  switch (property) {
    case "environment":
      return isObject(value) && Object.values(value).every(isString) ? undefined : "must be a map of strings";
    case "triggers":
      return Array.isArray(value) ? undefined : "must be a list";
    case "logging":
      return LOGGING.includes(String(value)) ? undefined : `must be one of ${LOGGING.join(", ")}`;
    case "addPreviousOutputInEnv":
      return typeof value === "boolean" ? undefined : "must be a boolean";
    case "connection":
      return isObject(value) ? undefined : "must be an object";
    case "source":
      return isObject(value) && isString(value.text ?? null) ? undefined : "must be a text asset in a rehearsal";
    default:
      return isString(value) ? undefined : "must be a string";
  }
}

/** Everything that is wrong with the inputs; a type that is not known here is refused. */
export function failuresOf(type: string, inputs: Values): Failure[] {
  const known = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
  if (known === undefined) throw unsupported("Resource type", type, Object.keys(TYPES));
  const supported = [...known.required, ...known.optional];
  const values = supported.flatMap((property) => {
    const value = inputs[property] ?? null;
    const reason = value === null || value === UNKNOWN ? undefined : wrong(property, value);
    return reason === undefined ? [] : [{ property, reason: `${property} ${reason}` }];
  });
  return [
    ...missingProperties(inputs, known.required),
    ...unsupportedProperties(inputs, supported),
    ...values,
    ...(isObject(inputs.connection) ? connectionFailures(inputs.connection) : []),
  ];
}
