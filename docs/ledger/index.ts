/**
 * The ledger: every recommendation of the three source documents, what became of it, and the test that proves it. A test
 * fails when an entry names a file or test that does not exist; docs/ledger.md is rendered from it (`npm run golden`).
 *
 * Sources: A: etcd course, lecture 20; B: notes on that lecture; C: the large-cluster tuning article, by section.
 */
import { apiserver } from "./apiserver";
import { controllers } from "./controllers";
import type { LedgerEntry, LedgerStatus } from "./entry";
import { etcd } from "./etcd";
import { hosts } from "./hosts";
import { nodes } from "./nodes";

export const ledger: readonly LedgerEntry[] = [...hosts, ...etcd, ...apiserver, ...controllers, ...nodes];

const statuses: readonly LedgerStatus[] = ["done", "replaced", "later", "not ours"];

/** Rows by status. */
export const ledgerCounts = (entries: readonly LedgerEntry[] = ledger): Readonly<Record<LedgerStatus, number>> =>
  Object.fromEntries(
    statuses.map((status) => [status, entries.filter((entry) => entry.status === status).length]),
  ) as Record<LedgerStatus, number>;

const cell = (text: string): string => text.replaceAll("|", "\\|");

function row(entry: LedgerEntry): string {
  const where = entry.implementedIn.map((path) => `\`${path}\``).join(", ");
  const proof = entry.evidence.map(({ file, test }) => `\`${file}\`: ${test}`).join("; ");
  const form = entry.reason
    ? `${entry.form}. ${entry.status === "later" ? "So far" : "Reason"}: ${entry.reason}`
    : entry.form;
  return `| ${[entry.id, entry.source, entry.recommendation, form, `**${entry.status}**`, where, proof].map(cell).join(" | ")} |`;
}

/** The ledger as a page of the docs. */
export function renderLedger(entries: readonly LedgerEntry[] = ledger): string {
  const counts = ledgerCounts(entries);
  const areas = [...new Set(entries.map(({ area }) => area))];
  const lines = [
    "# The ledger of recommendations",
    "",
    "Rendered from `docs/ledger/` by `npm run golden`; a test checks that every file and test named here exists.",
    "Sources: A: etcd course, lecture 20; B: notes on that lecture; C: the large-cluster tuning article, by section.",
    "",
    `${entries.length} rows: ${statuses.map((status) => `${counts[status]} ${status}`).join(", ")}.`,
  ];
  for (const area of areas) {
    lines.push(
      "",
      `## ${area}`,
      "",
      "| id | source | recommendation | the form it takes here | status | where | evidence |",
      "|---|---|---|---|---|---|---|",
    );
    lines.push(...entries.filter((entry) => entry.area === area).map(row));
  }
  return `${lines.join("\n")}\n`;
}
