/** Prints what the doctor found: a line for each check, more only where something is to be said. */
import { ledger } from "../../docs/ledger";
import type { Style } from "../show/style";
import { table } from "../show/table";
import { duration } from "../show/terminal";
import type { CheckCounts, CheckResult, CheckStatus, CisReport, CisResult, DoctorReport } from "./types";
import { countsOf } from "./verdict";

const paint: Readonly<Record<CheckStatus, keyof Style>> = {
  ok: "green",
  warning: "yellow",
  failed: "red",
  unknown: "yellow",
  explained: "dim",
  skipped: "dim",
};

export function doctorText({ stack, passed, counts, checks, cis, durationMs }: DoctorReport, style: Style): string[] {
  const groups = [...new Set(checks.map(({ group }) => group))];
  const width = Math.max(...checks.map(({ id }) => id.length));
  const failed = counts.failed + cis.counts.failed;
  const verdict = passed
    ? style.green("nothing failed")
    : failed > 0
      ? style.red(`${failed} FAILED`)
      : style.yellow(`nothing failed, ${counts.unknown + cis.counts.unknown} NOT KNOWN`);
  return [
    `${style.bold(`stack ${stack}`)}: ${verdict} (${checks.length} checks in ${duration(durationMs)}: ${totals(counts)})`,
    ...groups.flatMap((group) => [
      "",
      `  ${style.bold(group)}`,
      ...checks.filter((check) => check.group === group).flatMap((check) => lines(check, width, style)),
    ]),
    "",
    ...foldedCis(cis, style),
    "",
    `  item by item: kilonode doctor ${stack} --cis`,
    `  more about one: kilonode doctor ${stack} --explain ${checks.find(({ status }) => status !== "ok")?.id ?? "CHECK"}`,
  ];
}

const totals = (counts: CheckCounts): string =>
  Object.entries(counts)
    .filter(([, number]) => number > 0)
    .map(([status, number]) => `${number} ${status}`)
    .join(", ");

/** Chapters of the benchmark. */
const chapters: Readonly<Record<string, string>> = {
  "1": "control plane",
  "2": "etcd",
  "3": "users and audit",
  "4": "nodes",
  "5": "policies",
};

/** A line for each chapter, and the items that are not as they should be. */
function foldedCis({ benchmark, counts, items }: CisReport, style: Style): string[] {
  const told = items.filter(({ status }) => ["failed", "warning", "unknown"].includes(status));
  return [
    `  ${style.bold(benchmark)}: ${items.length} items, ${totals(counts)}`,
    ...table(
      Object.entries(chapters).map(([number, name]) => {
        const of = items.filter(({ id }) => id.startsWith(`${number}.`));
        return [number, name, totals(countsOf(of))];
      }),
      "    ",
    ),
    ...told.flatMap((item) => itemLines(item, style)),
  ];
}

/** Every item with what was found and why it is so. */
export function cisText({ stack, cis: { benchmark, counts, items } }: DoctorReport, style: Style): string[] {
  return [
    `${style.bold(`stack ${stack}`)}: ${benchmark}, ${items.length} items: ${totals(counts)}`,
    ...Object.entries(chapters).flatMap(([number, name]) => [
      "",
      `  ${style.bold(`${number} ${name}`)}`,
      ...items.filter(({ id }) => id.startsWith(`${number}.`)).flatMap((item) => itemLines(item, style)),
    ]),
  ];
}

const idWidth = 6;

function itemLines({ id, title, status, found, because, details = [] }: CisResult, style: Style): string[] {
  const indent = " ".repeat(idWidth + 15);
  return [
    `    ${style[paint[status]](status.padEnd(9))} ${id.padEnd(idWidth)} ${title}: ${found}`,
    ...[...(because === undefined ? [] : [because]), ...details].map((line) => `${indent}${style.dim(line)}`),
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
