/** What the doctor found as the text of a comment or an issue on GitHub. */
import type { CheckResult, CheckStatus, CisResult, DoctorReport } from "../doctor/types";
import { alert, code, comment, type Fold, firstItems, html, htmlCode, marker } from "./markdown";
import { count, duration } from "./terminal";

export function doctorMarkdown({ checks, cis, durationMs, passed, stack }: DoctorReport, log?: string): string {
  const told = (status: CheckStatus) => (one: { readonly status: CheckStatus }) => one.status === status;
  const bad = (["failed", "unknown"] as const).flatMap((status) => [
    ...checks.filter(told(status)).map(checkItem),
    ...cis.items.filter(told(status)).map(cisItem),
  ]);
  const warnings = [
    ...checks.filter(told("warning")).map(checkItem),
    ...cis.items.filter(told("warning")).map(cisItem),
  ];
  const rows = Object.entries(statuses).map(([status, meaning]) => {
    const number = (of: readonly { readonly status: CheckStatus }[]) =>
      of.filter((one) => one.status === status).length;
    return `| ${status} | ${number(checks)} | ${number(cis.items)} | ${meaning} |`;
  });
  return comment(
    marker("doctor", stack),
    [
      `### Doctor: ${code(stack)}`,
      passed
        ? "**Nothing failed**: settings are in effect as planned."
        : alert("CAUTION", ["**Not as planned**", "", ...firstItems(bad)]),
      ...(warnings.length > 0 ? [alert("WARNING", ["**Warnings**", "", ...firstItems(warnings)])] : []),
      ["| | checks | CIS | |", "|---|---|---|---|", ...rows].join("\n"),
      `<sub>${count(checks.length, "check")} and ${count(cis.items.length, "item")} of ${code(cis.benchmark)} in ${duration(durationMs)}.</sub>`,
      ...checks.filter(({ status }) => ["failed", "unknown", "warning"].includes(status)).map(checkFold),
    ],
    log,
  );
}

const statuses: Readonly<Record<CheckStatus, string>> = {
  failed: "not as planned",
  unknown: "what shows it was not answered in time",
  warning: "works, and should be looked at",
  explained: "otherwise on purpose",
  skipped: "nothing to look at",
  ok: "in effect",
};

const checkItem = ({ found, id, status }: CheckResult): string => `- **${status}** ${code(id)}: ${code(found, 600)}`;

const cisItem = ({ found, id, status, title }: CisResult): string =>
  `- **${status}** CIS ${code(id)} ${code(title)}: ${code(found, 600)}`;

function checkFold({ because, details = [], found, id, remedy, source, title, wanted, why }: CheckResult): Fold {
  return {
    summary: `${htmlCode(id)}: ${html(title)}`,
    language: "text",
    lines: [
      `found:   ${found}`,
      ...(because === undefined ? [] : [`because: ${because}`]),
      ...details.map((line) => `         ${line}`),
      `wanted:  ${wanted}`,
      `why:     ${why}`,
      `remedy:  ${remedy}`,
      `source:  ${source}`,
    ],
  };
}
