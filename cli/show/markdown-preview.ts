/** A preview as the text of a comment on a pull request: what is dangerous first, then what it costs, how it goes on, and every line. */
import type { ClusterPlan } from "../../components/plan/types";
import { priced, usd } from "../../config/scale/table";
import { type PolicyViolation, urnName } from "../../engine";
import { costDifference } from "./cost";
import { chainText } from "./creation";
import type { HostChange } from "./host-changes";
import { alert, type Block, code, comment, type Fold, firstItems, html, htmlCode, marker } from "./markdown";
import { shortList } from "./names";
import { foundBy } from "./policy";
import { forcesReplacement, type PreviewReport, type ResourceChange } from "./preview";
import { effect, marks, newFileLines } from "./preview-text";
import { changesText } from "./progress";
import type { RolloutChange } from "./rollout-changes";
import { about } from "./rollout-time";
import type { RunReport } from "./summary";
import { count } from "./terminal";
import { limited } from "./text-diff";

export function previewMarkdown(report: RunReport, preview: PreviewReport, plan: ClusterPlan, log?: string): string {
  return comment(
    marker("preview", report.stack),
    [
      `### ${report.action === "preview" ? "Preview" : "What a destroy removes"}: ${code(report.stack)}`,
      sentence(report, preview, plan),
      ...forbidden(report.policy),
      ...dangers(preview),
      ...errors(report),
      ...figures(report, preview),
      ...advice(report.policy),
      ...order(preview),
      ...preview.hosts.map(hostFold),
      ...resourceFold(preview.resources),
      ...warnings(report),
    ],
    log,
  );
}

/** What stopped a command before it began: a configuration that is refused, a change that the cluster cannot take. */
export function refusalMarkdown(stack: string, problems: readonly string[], log?: string): string {
  return comment(
    marker("preview", stack),
    [
      `### Preview: ${code(stack)}`,
      alert("CAUTION", [
        `**Refused**: ${count(problems.length, "problem")}. \`up\` would refuse it, too; nothing was touched.`,
      ]),
      {
        summary: "Why, and what to do",
        language: "text",
        lines: problems.map((problem) => `- ${problem}`),
        open: true,
      },
    ],
    log,
  );
}

function sentence(report: RunReport, preview: PreviewReport, plan: ClusterPlan): string {
  const { action, changes, creation, kept, policy, result } = report;
  if (result === "interrupted") return "The preview was **interrupted**: what is below is not all.";
  if (policy.some(({ level }) => level === "mandatory"))
    return "Policy **forbids** this change: `up` would end here, too.";
  if (result === "failed")
    return "The preview **failed**: `up` would end here, too. What is below is as far as it came.";
  if (action === "preview-destroy") {
    const stays = kept && kept.length > 0 ? `; ${count(kept.length, "resource")} stay with the data that is kept` : "";
    return `Removes ${count(changes.delete ?? 0, "resource")}${stays}.`;
  }
  if (creation) {
    const number = (role: string) => plan.hosts.filter((host) => host.role === role).length;
    const [etcd, masters] = [count(number("etcd"), "etcd host"), count(number("master"), "master")];
    return `Makes the cluster: ${etcd}, ${masters}, ${count(changes.create ?? 0, "resource")} in all.`;
  }
  const parts = changesInWords(preview);
  if (parts.length === 0) return "**Nothing changes**: the cluster is what its configuration says.";
  const harmless = preview.resources.some(isDanger) ? "" : "; nothing is replaced or deleted";
  const text = `${listed(parts)}${harmless}.`;
  return `${text[0]?.toUpperCase()}${text.slice(1)}`;
}

function changesInWords({ hosts, resources, rollouts }: PreviewReport): string[] {
  const number = (op: string) =>
    resources.filter((one) => one.op === op).reduce((sum, { names }) => sum + names.length, 0);
  const changed = hosts.reduce((sum, change) => sum + change.hosts.length, 0);
  const units = [...new Set(hosts.flatMap(({ restarts }) => restarts))];
  const restarts = units.length > 0 ? ` (restarts ${units.map((unit) => code(unit)).join(", ")})` : "";
  const part = (op: string, verb: string, where = "") =>
    number(op) > 0 ? [`${verb} ${count(number(op), "resource")}${where}`] : [];
  const moved = (verb: string, names: readonly string[]) =>
    names.length > 0 ? [`${verb} ${count(names.length, "host")} ${code(shortList(names))}`] : [];
  return [
    ...moved(
      "adds",
      rollouts.flatMap(({ joining }) => joining),
    ),
    ...moved(
      "takes away",
      rollouts.flatMap(({ leaving }) => leaving),
    ),
    ...(changed > 0 ? [`changes the content of ${count(changed, "host")}${restarts}`] : []),
    ...part("replace", "**replaces**"),
    ...part("delete", "**deletes**"),
    ...part("create", "makes"),
    ...part("update", "changes", " in place"),
  ];
}

const listed = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;

const isDanger = ({ op }: ResourceChange): boolean => op === "replace" || op === "delete";

/** What is deleted or replaced, with data first; then changes of what holds data. */
function dangers({ resources, rollouts }: PreviewReport): Block[] {
  const found = resources.filter(isDanger);
  const [withData, others] = [found.filter(({ data }) => data), found.filter(({ data }) => !data)];
  const leaving = rollouts.filter((rollout) => rollout.leaving.length > 0);
  const changed = resources.filter(({ data, op }) => data && op === "update");
  const releases = rollouts.flatMap(({ notes = [] }) => notes.map((note) => `- ${note}`));
  const caution = [
    ...dangerItems(withData),
    ...leaving.map(({ group, leaving: names }) => `- **takes away** ${code(shortList(names))} from ${code(group)}`),
    ...dangerItems(others),
  ];
  return [
    ...(caution.length > 0 ? [alert("CAUTION", ["**Replaces or deletes**", "", ...caution])] : []),
    ...(releases.length > 0 ? [alert("WARNING", ["**Another release**", "", ...releases])] : []),
    ...(changed.length > 0 ? [alert("WARNING", ["**Changes what holds data**", "", ...dangerItems(changed)])] : []),
  ];
}

/** Deletions first. Resources of a kind to which the same happens for the same reason are one item. */
function dangerItems(changes: readonly ResourceChange[]): string[] {
  const groups = new Map<string, { change: ResourceChange; forced: string; names: string[] }>();
  for (const change of changes) {
    const forced = change.details.filter((line) => line.endsWith(forcesReplacement)).join("; ");
    const key = JSON.stringify([change.op, change.kind, forced]);
    const group = groups.get(key) ?? { change, forced, names: [] };
    group.names.push(...change.names);
    groups.set(key, group);
  }
  const verbs: Readonly<Record<string, string>> = {
    delete: "deletes",
    replace: "replaces",
    update: "changes in place",
  };
  const items = [...groups.values()]
    .sort((a, b) => Number(b.change.op === "delete") - Number(a.change.op === "delete"))
    .map(({ change: { data, kind, op }, forced, names }) => {
      const holds = data ? "; **holds data, or what data cannot be read without**" : "";
      const because = forced === "" ? "" : `; ${code(forced, 200)}`;
      return `- **${verbs[op] ?? op}** ${names.length} ${code(kind)}: ${code(shortList(names))}${holds}${because}`;
    });
  return firstItems(items);
}

function forbidden(policy: readonly PolicyViolation[]): Block[] {
  const found = policy.filter(({ level }) => level === "mandatory");
  return found.length === 0 ? [] : [alert("CAUTION", ["**Policy forbids this change**", "", ...policyItems(found)])];
}

function errors({ failures }: RunReport): Block[] {
  return failures.map(
    ({ message, remedy, resource }, index): Fold => ({
      summary: `Error${resource ? ` in ${htmlCode(resource)}` : ""}`,
      language: "text",
      lines: [message, "", `what to do: ${remedy}`],
      ...(index < 3 && { open: true }),
    }),
  );
}

function advice(policy: readonly PolicyViolation[]): Block[] {
  const found = policy.filter(({ level }) => level === "advisory");
  return found.length === 0 ? [] : [alert("WARNING", ["**Policy advises against**", "", ...policyItems(found)])];
}

/** Each rule once for all resources that it speaks of in the same words, but for their names. */
function policyItems(violations: readonly PolicyViolation[]): string[] {
  const groups = new Map<string, { first: PolicyViolation; names: string[] }>();
  for (const violation of violations) {
    const { pack, policy, urn } = violation;
    const [found, name] = [foundBy(violation), urnName(urn)];
    const key = JSON.stringify([pack, policy, name ? found.replaceAll(name, "") : found]);
    const group = groups.get(key);
    if (group) group.names.push(name);
    else groups.set(key, { first: violation, names: [name] });
  }
  const items = [...groups.values()].map(({ first, names }) => {
    const resources = [...new Set(names.filter(Boolean))];
    const where =
      resources.length > 0 ? `, ${count(resources.length, "resource")} ${code(shortList(resources), 200)}` : "";
    return `- ${code(first.policy)}${where}: ${code(foundBy(first), 500)}`;
  });
  return firstItems(items);
}

function figures(report: RunReport, { rolloutSeconds }: PreviewReport): Block[] {
  const { changes, costBeforeUsdPerMonth, costUsdPerMonth, creation } = report;
  const rows: [string, string][] = [["resources", changesText(changes, true)]];
  if (costUsdPerMonth !== undefined) {
    const difference = costDifference(costUsdPerMonth, costBeforeUsdPerMonth);
    const before =
      costBeforeUsdPerMonth === undefined || usd(costBeforeUsdPerMonth) === usd(costUsdPerMonth)
        ? ""
        : `${usd(costBeforeUsdPerMonth)} -> `;
    rows.push(["cost a month", `${before}${usd(costUsdPerMonth)}${difference ? ` (**${difference}**)` : ""}`]);
  }
  if (rolloutSeconds !== undefined) rows.push(["rolling change", about(rolloutSeconds)]);
  if (creation?.longestChain) rows.push(["longest chain", about(creation.longestChain.seconds)]);
  const notes = [
    ...(costUsdPerMonth === undefined ? [] : [`Cost: ${priced}.`]),
    ...(rolloutSeconds === undefined ? [] : ["The time is an estimate."]),
    ...(creation?.longestChain ? [`Longest chain: ${code(chainText(creation.longestChain), 600)}, an estimate.`] : []),
  ];
  const lines = ["| | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)];
  return [lines.join("\n"), ...(notes.length > 0 ? [notes.map((note) => `<sub>${note}</sub>`).join("<br>\n")] : [])];
}

function order({ rolloutSeconds, rollouts }: PreviewReport): Block[] {
  if (rollouts.length === 0) return [];
  const title = rolloutSeconds === undefined ? "#### Order" : `#### Order, ${about(rolloutSeconds)} in all`;
  return [`${title}\n\n${rollouts.map(orderItem).join("\n")}`];
}

function orderItem(
  { group, hostTimeoutSeconds, joining, leaving, order: how, seconds }: RolloutChange,
  index: number,
): string {
  const time =
    seconds === undefined
      ? ""
      : `: **${about(seconds)}**; a host that takes more than ${hostTimeoutSeconds} s stops it`;
  return [
    `${index + 1}. ${code(group)}: ${how}${time}`,
    ...(joining.length > 0 ? [`   - joins: ${code(shortList(joining))}`] : []),
    ...(leaving.length > 0 ? [`   - leaves: ${code(shortList(leaving))}`] : []),
  ].join("\n");
}

function hostFold(change: HostChange): Fold {
  const { files, hosts, notes, ownNames, settings } = change;
  const but = ownNames ? ", the same but for their own names" : "";
  const what = [
    ...(files.length > 0 ? [count(files.length, "file")] : []),
    ...(settings.length > 0 ? [count(settings.length, "setting")] : []),
  ];
  return {
    summary: `Content of ${count(hosts.length, "host")} ${htmlCode(shortList(hosts))}${but}: ${html([...what, effect(change).replace(/^=> /, "")].join(", "))}`,
    language: "diff",
    lines: [
      ...notes.map((note) => `! ${note}`),
      ...settings.map((setting) => `! ${setting}`),
      ...files.flatMap(({ diff, kind, path }) => [
        `@@ ${path}${kind === "changed" ? "" : ` (${kind})`} @@`,
        ...(kind === "added" ? limited(diff, newFileLines) : diff),
      ]),
    ],
  };
}

/** In the marks of a diff: "!" is changed. */
function resourceFold(resources: readonly ResourceChange[]): Block[] {
  if (resources.length === 0) return [];
  const number = resources.reduce((sum, { names }) => sum + names.length, 0);
  const lines = resources.flatMap(({ details, kind, names, op }) => {
    const mark = op === "create" ? "+" : op === "delete" ? "-" : "!";
    const word = op === "create" || op === "delete" ? "" : `${marks[op] ?? op} `;
    const many = names.length > 1 ? ` (${names.length})` : "";
    return [`${mark} ${word}${kind} ${shortList(names)}${many}`, ...details.map(detailLine)];
  });
  return [{ summary: `${count(number, "resource")}, by name and property`, language: "diff", lines }];
}

/** Lines of a text that changes keep their marks, which a diff has at the start. */
const detailLine = (line: string) => (/^\s*[-+]/.test(line) ? line.trimStart() : `      ${line}`);

function warnings({ diagnostics }: RunReport): Block[] {
  const found = diagnostics.filter(({ severity }) => severity === "warning").map(({ message }) => message.trim());
  if (found.length === 0) return [];
  return [{ summary: count(found.length, "warning"), language: "text", lines: found }];
}
