/** TOML as containerd writes it: tables under their whole names; values on one line, or lists of texts over several. Nothing else. */
type Value = string | number | boolean | readonly Value[] | { [key: string]: Value };

export function readToml(text: string): Record<string, Value> {
  const whole: Record<string, Value> = {};
  let table = whole;
  // A list over several lines becomes one of one line.
  for (const line of text
    .replaceAll(/\[\s*\n\s*/g, "[")
    .replaceAll(/,\s*\n\s*/g, ", ")
    .split("\n")) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const head = /^\[([^[\]].*)\]$/.exec(trimmed);
    if (head) table = inside(whole, keysOf(head[1] ?? ""));
    else {
      const [, key = "", value = ""] = /^([\w-]+|'[^']*'|"[^"]*")\s*=\s*(.*)$/.exec(trimmed) ?? [];
      if (key !== "") table[unquoted(key)] = parsed(value);
    }
  }
  return whole;
}

const keysOf = (head: string): string[] => [...head.matchAll(/'[^']*'|"[^"]*"|[\w-]+/g)].map(([key]) => unquoted(key));
const unquoted = (key: string): string => key.replace(/^(['"])(.*)\1$/, "$2");

function inside(table: Record<string, Value>, [first, ...rest]: readonly string[]): Record<string, Value> {
  if (first === undefined) return table;
  table[first] ??= {};
  return inside(table[first] as Record<string, Value>, rest);
}

function parsed(text: string): Value {
  if (/^'[^']*'$/.test(text)) return text.slice(1, -1);
  if (/^\[.*\]$/.test(text))
    return [...text.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, one, other]) => one ?? other ?? "");
  try {
    return JSON.parse(text) as Value;
  } catch {
    return text;
  }
}
