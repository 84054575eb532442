/** Says of a run that it has not come to its end, how far it came and what goes on from there. */

import type { OpenedState } from "../../engine";
import { urnName } from "../../engine";
import type { Unfinished } from "../run/unfinished";
import { shortList } from "./names";

export function unfinishedText(stack: string, run: Unfinished, pending: OpenedState["pending"]): string {
  const { action, how, at, what } = run;
  const when = at === undefined ? "" : ` ${at.slice(0, 19).replace("T", " ")} UTC`;
  const again = `\`kilonode ${action} ${stack}\` goes on from there`;
  if (how === "running") return `\`${action}\` is running since${when}: what is shown changes while it does`;
  const verb = { failed: "it failed", interrupted: "it was interrupted", killed: "it was killed" }[how];
  const ended = how !== "killed" ? `${verb}${when && ` at${when}`}` : when ? `it began${when} and was killed` : verb;
  const under = pending.length > 0 ? `, while at work on ${shortList(pending.map(({ urn }) => urnName(urn)))}` : "";
  const failures = what.map(({ resource, message }) => `${resource ? `${resource}: ` : ""}${firstLines(message)}`);
  return [`the last \`${action}\` did not finish: ${ended}${under}; ${again}`, ...failures].join("\n      ");
}

/** The rest was shown when it happened, and is in the file beside the state. */
function firstLines(message: string): string {
  const lines = message.split("\n").map((line) => line.trim());
  return lines.slice(0, 3).join("; ") + (lines.length > 3 ? "; ..." : "");
}
