/** What differs on hosts as the text of a comment or an issue on GitHub. */
import { type DriftReport, groupedDrift } from "../hosts/drift";
import { alert, code, comment, type Fold, htmlCode, marker } from "./markdown";
import { shortList } from "./names";
import { count } from "./terminal";

export function driftMarkdown({ hosts, stack, unfinished }: DriftReport, log?: string): string {
  const groups = groupedDrift(hosts);
  const differing = groups.reduce((sum, { names }) => sum + names.length, 0);
  const verdict =
    groups.length === 0
      ? `${count(hosts.length, "host")}: **none differs** from what was put on it.`
      : alert("CAUTION", [
          `**${differing} of ${count(hosts.length, "host")} differ** from what was put on them, or cannot be asked. ${code(`kilonode up ${stack}`)} repairs what differs.`,
        ]);
  return comment(
    marker("drift", stack),
    [
      `### Drift: ${code(stack)}`,
      verdict,
      ...(unfinished === undefined ? [] : [alert("WARNING", [code(unfinished, 1000)])]),
      ...groups.map(driftFold),
    ],
    log,
  );
}

/** As a diff from what is wanted to what there is. */
function driftFold({ drift, error, names }: ReturnType<typeof groupedDrift>[number]): Fold {
  const where = `${count(names.length, "host")} ${htmlCode(shortList(names), 600)}`;
  if (error !== undefined)
    return { summary: `${where}: cannot be compared`, language: "text", lines: [error], open: true };
  return {
    summary: `${where}: ${count(drift.length, "difference")}`,
    language: "diff",
    lines: drift.flatMap(({ have, kind, name, want }) => [
      `@@ ${kind} ${name} @@`,
      ...want.split("\n").map((line) => `-${line}`),
      ...have.split("\n").map((line) => `+${line}`),
    ]),
  };
}
