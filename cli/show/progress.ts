/** Shows a run while it goes on: a line for each finished phase, and one that is always up to date on a terminal. */
import { resourceNames } from "../../components/resources";
import type { Diagnostic, EngineEvent, Step } from "../../engine";
import { closing, readable } from "./failures";
import { type PhaseReport, type Phases, phaseOf, preparation } from "./phases";
import type { Style } from "./style";
import { count, duration, type Terminal } from "./terminal";

/** A log that nobody watches gets a line of counts at most this often. */
const quietMs = 1000;
const verbs: Readonly<Record<string, string>> = {
  same: "unchanged",
  create: "created",
  update: "updated",
  delete: "deleted",
  "create-replacement": "created again",
  "delete-replaced": "replaced ones deleted",
  read: "read",
};

export class ProgressDisplay {
  readonly #started: number;
  #lastCounts = "";
  #lastCountsAt = 0;
  #prepared = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly terminal: Terminal,
    private readonly phases: Phases,
    private readonly style: Style,
    private readonly preview: boolean,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#started = now();
  }

  start(): void {
    if (!this.terminal.interactive) return;
    this.#timer = setInterval(() => this.#tick(), 100).unref();
  }

  stop(runMs: number): PhaseReport[] {
    clearInterval(this.#timer);
    this.terminal.status("");
    return this.phases.reports(runMs);
  }

  line(text: string): void {
    const at = `[${duration(this.now() - this.#started).padStart(6)}]`;
    this.terminal.line(`${this.style.dim(at)} ${text}`);
  }

  onEvent(event: EngineEvent): void {
    switch (event.type) {
      case "pre":
        this.phases.begin(event.step);
        this.#sayPrepared(event.step);
        break;
      case "done":
        this.#ended(event.step);
        break;
      case "failed":
        this.phases.end(event.step);
        this.line(
          this.style.red(
            `failed: ${event.step.name} (${phaseOf(event.step)}); what runs is finished, nothing new begins`,
          ),
        );
        break;
      case "diagnostic":
        this.#diagnostic(event);
        break;
      case "log":
        this.line(event.line);
        break;
      case "policy":
        // A preview ends with them.
        if (this.preview) break;
        this.line(
          this.style.yellow(
            `policy ${event.violation.pack}/${event.violation.policy} (${event.violation.level}): ${event.violation.message}`,
          ),
        );
        break;
      case "summary":
        break;
    }
    this.#tick();
  }

  #sayPrepared(step: Step): void {
    if (this.#prepared || !step.custom || step.type.startsWith("pulumi:")) return;
    this.#prepared = true;
    this.line(`${preparation}: done in ${duration(step.startedAt)}`);
  }

  #ended(step: Step): void {
    const finished = this.phases.end(step);
    // In a preview everything takes no time; the lines would only repeat the result.
    if (finished === undefined || this.preview) return;
    const report = this.phases.reports(0).find(({ name }) => name === finished);
    const done = [...this.phases.ops(finished)].map(([op, number]) => `${number} ${verbs[op] ?? op}`).join(", ");
    this.line(`${finished}: done in ${duration(report?.durationMs ?? 0)} (${done})`);
  }

  #diagnostic({ severity, message, urn, ephemeral }: Diagnostic): void {
    if (severity === "debug") return;
    const name = urn?.split("::").slice(3).join("::");
    if (severity === "error") {
      // Whole at the end; here one line, for what has not failed as a step.
      if (name === undefined && !closing.test(message.trim()))
        this.line(this.style.red(`error: ${readable(message).split("\n")[0]}`));
      return;
    }
    // What a command prints comes as a passing message: those of gates are the ones to follow.
    if (ephemeral && name !== resourceNames.gates && !name?.endsWith("-rollout")) return;
    for (const text of message.trimEnd().split("\n")) {
      // A rollout says its own time and the group's name; a gate's line for machines is not for people.
      if (text.startsWith("KILONODE-GATE ") || text.trim() === "") continue;
      const said = text.replace(/^\d+\.\d+s /, "");
      if (severity === "warning") this.line(this.style.yellow(`warning: ${name ? `${name}: ` : ""}${said}`));
      else this.line(`  ${said}`);
    }
  }

  #tick(): void {
    const counts = this.phases.running().join(" · ") || (this.#prepared ? "" : preparation);
    const at = this.now() - this.#started;
    if (this.terminal.interactive) {
      this.terminal.status(counts === "" ? "" : `${duration(at).padStart(6)}  ${counts}`);
      return;
    }
    const worth = counts !== "" && counts !== preparation && counts !== this.#lastCounts && !this.preview;
    if (!worth || at - this.#lastCountsAt < quietMs) return;
    this.#lastCounts = counts;
    this.#lastCountsAt = at;
    this.line(`  ${counts}`);
  }
}

/** "352 created, 3 unchanged": what happened, nothing first. */
export function changesText(changes: Readonly<Partial<Record<string, number>>>, planned: boolean): string {
  const words: Readonly<Record<string, string>> = planned
    ? { create: "to create", update: "to update", replace: "to replace", delete: "to delete", same: "unchanged" }
    : { ...verbs, replace: "replaced" };
  const order = ["create", "update", "replace", "delete", "read", "discard", "same"];
  const parts = order.flatMap((op) => {
    const number = changes[op] ?? 0;
    return number > 0 ? [`${number} ${words[op] ?? op}`] : [];
  });
  return parts.length > 0 ? parts.join(", ") : count(0, "resource");
}
