/** What can be said of inputs before anything is touched: all of it at once. */
import { hasUnknown, isObject, UNKNOWN, type Value, type Values } from "../../values/value";
import { type Failure, missingProperties, unsupportedProperties } from "../unsupported";
import type { Constraint } from "./constraints/constraint";
import table from "./constraints/table.json";
import { failures, valuesAt } from "./inputs";
import type { Row } from "./row";

const inputs: Readonly<Record<string, Readonly<Record<string, string | Constraint>>>> = table.inputs as never;
const enums: Readonly<Record<string, string>> = table.enums;

export function problemsOf(row: Row, values: Values): Failure[] {
  const supported = [...row.required, ...row.optional];
  return [
    ...unsupportedProperties(values, supported),
    ...missingProperties(values, row.required),
    ...modelFailures(row.type, values),
    ...tagFailures(values),
    ...(row.check?.(values) ?? []),
  ];
}

function modelFailures(type: string, values: Values): Failure[] {
  return Object.entries(inputs[type] ?? {}).flatMap(([path, constraint]) => {
    if (typeof constraint === "string") return [];
    const property = path.split(".")[0] ?? path;
    return valuesAt(values, path).flatMap((value) => {
      const reason = value === UNKNOWN ? undefined : against(value, constraint);
      return reason === undefined
        ? []
        : [{ property, reason: `InvalidParameterValue: ${path}: ${reason} (${constraint.member})` }];
    });
  });
}

function against(
  value: Value,
  { kind, enum: name, pattern, min = 0, max = Number.POSITIVE_INFINITY }: Constraint,
): string | undefined {
  if (kind === "number") {
    const number = Number(value);
    return number < min || number > max ? `${number} is not in the range ${min} - ${max}` : undefined;
  }
  if (typeof value !== "string") return undefined;
  const allowed = name && enums[name]?.split(" ");
  if (allowed && !allowed.includes(value)) {
    const said =
      allowed.length > 20
        ? `${allowed.length} values, among them ${nearest(value, allowed).join(", ")}`
        : allowed.join(", ");
    return `"${value}" is not one of: ${said}`;
  }
  if (value.length < min || value.length > max)
    return `"${short(value)}" has ${value.length} characters; allowed are ${min} - ${max}`;
  return pattern && !new RegExp(`^(?:${pattern})$`, "u").test(value)
    ? `"${short(value)}" does not match ${pattern}`
    : undefined;
}

const short = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}...` : text);

/** Values that begin alike. */
function nearest(value: string, all: readonly string[]): string[] {
  const common = (other: string): number => [...other].findIndex((letter, i) => letter !== value[i]);
  return [...all].sort((a, b) => common(b) - common(a)).slice(0, 5);
}

/** Own rules: AWS General Reference, "Tag naming limits and requirements". */
function tagFailures({ tags }: Values): Failure[] {
  if (!isObject(tags) || tags === null) return [];
  const entries = Object.entries(tags);
  return [
    ...failures([
      entries.length > 50,
      "tags",
      `InvalidParameterValue: a resource has at most 50 tags; this has ${entries.length}`,
    ]),
    ...entries.flatMap(([key, value]) =>
      failures(
        [
          key === "" || key.length > 128,
          "tags",
          `InvalidParameterValue: the key of a tag has 1 to 128 characters: "${short(key)}"`,
        ],
        [
          /^aws:/i.test(key),
          "tags",
          `InvalidParameterValue: Tag keys starting with 'aws:' are reserved for internal use: "${key}"`,
        ],
        [
          !hasUnknown(value) && String(value).length > 256,
          "tags",
          `InvalidParameterValue: the value of the tag "${key}" has more than 256 characters`,
        ],
      ),
    ),
  ];
}
