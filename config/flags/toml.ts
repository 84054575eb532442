/** TOML of plain objects, as containerd's configuration is written: values first, then each table under its whole name. */
export type TomlValue = string | number | boolean | readonly string[];
export type TomlTable = { readonly [key: string]: TomlValue | TomlTable };

/** A key of letters, digits, dashes and underscores stands bare; any other, and any text, is a JSON string, which TOML reads alike. */
const keyOf = (key: string): string => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key));

export function renderToml(table: TomlTable): string {
  return `${tableLines(table, []).join("\n")}\n`;
}

function tableLines(table: TomlTable, path: readonly string[]): string[] {
  const entries = Object.entries(table);
  const values = entries.flatMap(([key, value]) =>
    isTable(value) ? [] : [`${keyOf(key)} = ${JSON.stringify(value)}`],
  );
  const tables = entries.flatMap(([key, value]) => (isTable(value) ? tableLines(value, [...path, keyOf(key)]) : []));
  const head = path.length > 0 && values.length > 0 ? ["", `[${path.join(".")}]`] : [];
  return [...head, ...values, ...tables];
}

function isTable(value: TomlValue | TomlTable): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value);
}
