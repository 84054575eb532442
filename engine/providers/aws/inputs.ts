/** Looking into inputs: by path, through lists, past what is not known yet. */
import { isObject, UNKNOWN, type Value, type Values } from "../../values/value";
import type { Failure } from "../unsupported";

/** Values at a path, lists looked through; none where a part is missing. */
export function valuesAt(value: Value | undefined, path: string): Value[] {
  const [head = "", ...rest] = path === "" ? [] : path.split(".");
  if (Array.isArray(value)) return value.flatMap((item) => valuesAt(item, path));
  if (head === "") return value === undefined || value === null ? [] : [value];
  return isObject(value) ? valuesAt(value[head], rest.join(".")) : [];
}

const known = (value: Value): boolean => value !== UNKNOWN;

export function textsAt(values: Values, path: string): string[] {
  return valuesAt(values, path).filter((value) => known(value) && typeof value === "string") as string[];
}

export function textAt(values: Values, path: string): string | undefined {
  return textsAt(values, path)[0];
}

export function numberAt(values: Values, path: string): number | undefined {
  const [value] = valuesAt(values, path);
  return typeof value === "number" ? value : undefined;
}

export function objectsAt(values: Values, path: string): Values[] {
  return valuesAt(values, path).filter(isObject);
}

export const isSet = (values: Values, path: string): boolean => valuesAt(values, path).length > 0;

export const isTrue = (values: Values, path: string): boolean => valuesAt(values, path)[0] === true;

/** A failure of a property, by a condition. */
export function failures(...all: readonly (readonly [wrong: boolean, property: string, reason: string])[]): Failure[] {
  return all.flatMap(([wrong, property, reason]) => (wrong ? [{ property, reason }] : []));
}
