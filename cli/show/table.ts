/** Columns as wide as their widest cell; numbers to the right. */
export type Cell = string | number;

export function table(rows: readonly (readonly Cell[])[], indent = ""): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => width(row[column] ?? ""))),
  );
  return rows.map((row) =>
    `${indent}${row.map((cell, column) => pad(cell, widths[column] ?? 0)).join("  ")}`.trimEnd(),
  );
}

function pad(cell: Cell, to: number): string {
  const space = " ".repeat(Math.max(0, to - width(cell)));
  return typeof cell === "number" ? `${space}${cell}` : `${cell}${space}`;
}

/** Without escape sequences of colours. */
function width(cell: Cell): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one
  return [...String(cell).replace(/\x1b\[[0-9;]*m/g, "")].length;
}
