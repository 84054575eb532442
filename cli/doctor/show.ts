/** Prints what the doctor found: a line for each check, more only where something is to be said. */
import { ledger } from "../../docs/ledger";
import type { Style } from "../show/style";
import { table } from "../show/table";
import { duration } from "../show/terminal";
import type { CheckResult, CheckStatus, DoctorReport } from "./types";

const paint: Readonly<Record<CheckStatus, keyof Style>> = {
  ok: "green",
  warning: "yellow",
  failed: "red",
  unknown: "yellow",
  explained: "dim",
  skipped: "dim",
};

export function doctorText({ stack, passed, counts, checks, durationMs }: DoctorReport, style: Style): string[] {
  const groups = [...new Set(checks.map(({ group }) => group))];
  const width = Math.max(...checks.map(({ id }) => id.length));
  const totals = Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([status, number]) => `${number} ${status}`);
  const verdict = passed
    ? style.green("nothing failed")
    : counts.failed > 0
      ? style.red(`${counts.failed} FAILED`)
      : style.yellow(`nothing failed, ${counts.unknown} NOT KNOWN`);
  return [
    `${style.bold(`stack ${stack}`)}: ${verdict} (${checks.length} checks in ${duration(durationMs)}: ${totals.join(", ")})`,
    ...groups.flatMap((group) => [
      "",
      `  ${style.bold(group)}`,
      ...checks.filter((check) => check.group === group).flatMap((check) => lines(check, width, style)),
    ]),
    "",
    `  more about one: kilonode doctor ${stack} --explain ${checks.find(({ status }) => status !== "ok")?.id ?? "CHECK"}`,
  ];
}

function lines(
  { id, status, found, because, details = [], wanted, remedy }: CheckResult,
  width: number,
  style: Style,
): string[] {
  const indent = " ".repeat(width + 15);
  const more =
    status === "ok"
      ? []
      : [
          ...(because === undefined ? [] : [because]),
          ...details,
          ...(status === "failed" || status === "warning" ? [`wanted: ${wanted}`, `remedy: ${remedy}`] : []),
        ];
  return [
    `    ${style[paint[status]](status.padEnd(9))} ${id.padEnd(width)} ${found}`,
    ...more.map((line) => `${indent}${style.dim(line)}`),
  ];
}

/** Everything about one check. */
export function explainText(check: CheckResult, style: Style): string[] {
  const rows = ledger.filter(({ id }) => check.ledger.includes(id));
  const { id, title, status, found, because, details = [], wanted, why, source, remedy } = check;
  return [
    `${style.bold(id)}: ${title}`,
    "",
    ...table(
      [
        ["status", style[paint[status]](status)],
        ["found", found],
        ...(because === undefined ? [] : [["because", because]]),
        ...details.map((line) => ["", line]),
        ["wanted", wanted],
        ["why", why],
        ["source", source],
        ["remedy", remedy],
        ...rows.map(({ id: row, recommendation, form }) => [`ledger ${row}`, `${recommendation} -> ${form}`]),
      ],
      "  ",
    ),
  ];
}
