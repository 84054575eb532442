/** Property paths as users write them: `a.b[0]["c.d"]`, with `*` for any key (sdk/go/common/resource/property_path.go). */
import { isSecret } from "./secrets";
import { isObject, type Value, type Values } from "./value";

export type PropertyPath = readonly (string | number)[];

export function parsePath(text: string): PropertyPath {
  const path: (string | number)[] = [];
  const token = /\.?([^.[\]"]+)|\[(\d+)\]|\[\*\]|\.?\["((?:[^"\\]|\\.)*)"\]/y;
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (match === null) {
      throw new Error(
        `"${text}" is not a property path: cannot read it from character ${at}; write for instance a.b[0]["c.d"]`,
      );
    }
    if (match[1] !== undefined) path.push(match[1]);
    else if (match[2] !== undefined) path.push(Number(match[2]));
    else path.push(match[3] === undefined ? "*" : match[3].replaceAll('\\"', '"'));
  }
  return path;
}

/** True when `outer` names `inner` or something around it. */
export function contains(outer: PropertyPath, inner: PropertyPath): boolean {
  return outer.length <= inner.length && outer.every((key, i) => key === "*" || key === inner[i]);
}

/** Inputs with the old value (or absence) at each of the paths: the `ignoreChanges` option (`PropertyPath.Reset`). */
export function resetPaths(inputs: Values, old: Values, paths: readonly string[]): Values {
  return paths.reduce((result, text) => reset(result, old, parsePath(text)) as Values, inputs);
}

function reset(now: Value | undefined, old: Value | undefined, path: PropertyPath): Value | undefined {
  if (isSecret(now)) return { ...now, value: reset(now.value, isSecret(old) ? old.value : old, path) as Value };
  if (isSecret(old)) return reset(now, old.value, path);
  const [key, ...rest] = path;
  if (key === undefined) return old;
  if (Array.isArray(now) && Array.isArray(old)) {
    // Lists of other lengths are left alone: elements cannot be told apart (the real engine says the same in a message).
    return now.map((item, i) =>
      (key === "*" || key === i) && i < old.length ? (reset(item, old[i], rest) as Value) : item,
    );
  }
  if (!isObject(now) || !isObject(old)) return now;
  const result: Values = { ...now };
  for (const name of key === "*" ? new Set([...Object.keys(now), ...Object.keys(old)]) : [String(key)]) {
    if (rest.length > 0 && !(name in now && name in old)) continue;
    const value = reset(now[name], old[name], rest);
    if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}
