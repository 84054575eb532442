/** Line diffs as reviewers know them: " " kept, "-" gone, "+" new. */
import { structuredPatch } from "diff";

/** Lines around a change: enough to know where one is in a file of settings. */
const contextLines = 1;

/** Hunks are apart by a line "@@". */
export function lineDiff(before: string, after: string, context = contextLines): string[] {
  const { hunks } = structuredPatch("", "", before, after, "", "", { context });
  return hunks.flatMap(({ lines }, index) => [
    ...(index > 0 ? ["@@"] : []),
    // The remark "\ No newline at end of file".
    ...lines.filter((line) => !line.startsWith("\\")),
  ]);
}

const longest = 200;

export function limited(lines: readonly string[], most: number): string[] {
  const shown = lines.slice(0, most).map((line) => (line.length > longest ? `${line.slice(0, longest)}...` : line));
  return lines.length <= most ? shown : [...shown, `... ${lines.length - most} more lines`];
}

/** What makes two diffs the same: their changed lines, whatever is around them. */
export function changedLines(lines: readonly string[]): string[] {
  return lines.filter((line) => /^[-+]/.test(line));
}
