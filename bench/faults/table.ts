/** A fault's report as a row for people, and what is remarkable below it. */
import type { Stretch } from "../lib/history";
import type { FaultReport } from "./run";

const columns = [
  ["fault", 20],
  ["last failure, s", 16],
  ["longest pause, s", 17],
  ["failed", 7],
  ["unknown", 8],
  ["after heal, s", 14],
  ["healthy, s", 11],
  ["ok", 7],
  ["lost", 5],
  ["verdict", 0],
] as const;

const row = (cells: readonly string[]) =>
  columns
    .map(([, width], index) => (cells[index] ?? "").padEnd(width))
    .join("")
    .trimEnd();

/** "last failure": seconds from the fault until every request succeeded again while it lasted; "-": not before it was healed. */
export const heading = row(columns.map(([title]) => title));

const seconds = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(1));

export function faultLine(report: FaultReport): readonly string[] {
  const { after, before, during } = report;
  const cells = [
    report.fault,
    seconds(during.quietAfterSeconds),
    seconds(Math.max(during.longestPauseSeconds, after.longestPauseSeconds)),
    String(during.failed + after.failed),
    String(during.unknown + after.unknown),
    seconds(after.quietAfterSeconds),
    seconds(report.healthySeconds),
    String(report.acknowledged),
    String(report.lost?.length ?? "?"),
    report.verdict,
  ];
  return [
    row(cells),
    ...notes(report).map((line) => `    ${line}`),
    ...(before.failed + before.unknown > 0 ? ["    requests failed before it, too"] : []),
  ];
}

const errorLines = (when: string, { errors }: Stretch) =>
  Object.entries(errors).map(([text, count]) => `${when}: ${count} x ${text}`);

function notes(report: FaultReport): readonly string[] {
  const { after, during, history, lost = [], noticed, text, verdict, wrong } = report;
  return [
    `${report.what} (${report.hit}), ${report.heldSeconds.toFixed(0)} s`,
    ...errorLines("while it lasts", during),
    ...errorLines("after it", after),
    ...noticed.map((line) => `noticed: ${line}`),
    ...wrong.map((line) => `still wrong: ${line}`),
    ...(lost.length > 0 ? [`lost: ${lost.slice(0, 10).join(", ")}`] : []),
    ...(verdict === "linearizable" ? [] : text.split("\n")),
    ...(history ? [`history: ${history}`] : []),
  ];
}
