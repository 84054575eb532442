/** Prints a preview for a person. */

import type { HostChange } from "./host-changes";
import { shortList } from "./names";
import type { PreviewReport, ResourceChange } from "./preview";
import type { RolloutChange } from "./rollout-changes";
import { about } from "./rollout-time";
import type { Style } from "./style";
import { count } from "./terminal";
import { limited } from "./text-diff";

/** A new file is shown from its beginning; the whole of it is in `kilonode plan --host`. */
export const newFileLines = 40;
export const marks: Readonly<Record<string, string>> = { create: "+", update: "~", replace: "+-", delete: "-" };

export function previewText({ hosts, rollouts, resources }: PreviewReport, style: Style): string[] {
  return [
    ...resources.flatMap((change) => resourceLines(change, style)),
    ...hosts.flatMap((change) => hostLines(change, style)),
    ...(rollouts.length > 0 ? [style.bold("order")] : []),
    ...rollouts.flatMap(rolloutLines),
  ];
}

function resourceLines({ op, kind, names, details }: ResourceChange, style: Style): string[] {
  const mark = marks[op] ?? op;
  const colour = op === "create" ? style.green : op === "delete" ? style.red : style.yellow;
  const number = names.length > 1 ? ` (${names.length})` : "";
  return [
    `${colour(`${mark} ${kind}`)} ${shortList(names)}${number}`,
    ...details.map((line) => `    ${diffLine(line, style)}`),
  ];
}

function hostLines(change: HostChange, style: Style): string[] {
  const [first, ...others] = change.hosts;
  const but = change.ownNames ? ", but for their own names," : "";
  const same =
    others.length > 0 ? ` (same${but} on ${shortList(others)}; ${count(change.hosts.length, "host")} in all)` : "";
  return [
    `${style.yellow("~ content of host")} ${first}${same}`,
    ...change.notes.map((note) => `    ${note}`),
    ...change.settings.map((line) => `    ${line}`),
    ...change.files.flatMap(({ path, kind, diff }) => [
      `    ${path}${kind === "changed" ? "" : ` (${kind})`}`,
      ...limited(diff, kind === "added" ? newFileLines : Number.POSITIVE_INFINITY).map(
        (line) => `      ${diffLine(line, style)}`,
      ),
    ]),
    `    ${effect(change)}`,
  ];
}

export function effect({ restarts, reloads }: HostChange): string {
  const parts = [
    ...(restarts.length > 0 ? [`restarts ${restarts.join(", ")}`] : []),
    ...(reloads.length > 0 ? [`reloads ${reloads.join(", ")}`] : []),
  ];
  return parts.length > 0 ? `=> ${parts.join("; ")}` : "=> restarts nothing";
}

function rolloutLines({ group, hostTimeoutSeconds, order, joining, leaving, notes, seconds }: RolloutChange): string[] {
  const time =
    seconds === undefined ? "" : `: ${about(seconds)}; a host that takes more than ${hostTimeoutSeconds} s stops it`;
  return [
    `    ${group}: ${order}${time}`,
    ...(notes ?? []).map((note) => `      ${note}`),
    ...(joining.length > 0
      ? [`      joins: ${shortList(joining)}${group.startsWith("etcd-") ? " (as learner, then promoted)" : ""}`]
      : []),
    ...(leaving.length > 0
      ? [`      leaves: ${shortList(leaving)}${group.startsWith("etcd-") ? " (its member is removed first)" : ""}`]
      : []),
  ];
}

function diffLine(line: string, style: Style): string {
  if (/^\s*\+/.test(line)) return style.green(line);
  return /^\s*-/.test(line) ? style.red(line) : line;
}
