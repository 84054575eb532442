/** Prints outputs: short values beside their names, lists as tables. */
import type { Value, Values } from "../../engine";
import { table } from "./table";

export function outputsText(outputs: Values): string[] {
  const entries = Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return ["there are no outputs yet; they come with the first `up` that succeeds"];
  return entries.flatMap(([name, value]) => entryText(name, value));
}

function entryText(name: string, value: Value): string[] {
  if (typeof value === "string")
    return value.includes("\n")
      ? [
          `${name}:`,
          ...value
            .trimEnd()
            .split("\n")
            .map((line) => `  ${line}`),
        ]
      : [`${name}: ${value}`];
  const rows = Array.isArray(value)
    ? value.filter((row): row is Values => typeof row === "object" && row !== null && !Array.isArray(row))
    : [];
  const [first] = rows;
  if (!first || rows.length !== (value as Value[]).length) return [`${name}: ${JSON.stringify(value)}`];
  // Keys are long and of no use to read; --json has them.
  const columns = Object.keys(first).filter((column) => column !== "hostKey");
  const cell = (item: Value | undefined) => (typeof item === "string" ? item : JSON.stringify(item ?? ""));
  return [`${name}:`, ...table([columns, ...rows.map((row) => columns.map((column) => cell(row[column])))], "  ")];
}
