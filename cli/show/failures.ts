/** What went wrong in a run, for a person: the resource, the host, what was said, what to do. */

import type { ClusterPlan } from "../../components/plan/types";
import type { Refusal } from "../../components/rollout/gate/refusal";
import type { Result } from "../../engine";

export interface Failure {
  readonly resource?: string;
  readonly host?: string;
  readonly message: string;
  readonly remedy: string;
  readonly gate?: Refusal;
}

/** Closing lines of an engine that repeat what the errors before them said. */
export const closing = /^(update|preview) failed$/;

export function failuresOf(
  result: Pick<Result, "diagnostics">,
  plan: Pick<ClusterPlan, "hosts">,
  command: string,
): Failure[] {
  const again = `mend the cause, then run \`${command}\` again: it goes on from there`;
  return result.diagnostics
    .filter(({ severity, message }) => severity === "error" && !closing.test(message.trim()))
    .map(({ message, urn }): Failure => {
      const resource = urn?.split("::").slice(3).join("::");
      const gate = gateOf(message);
      if (gate) {
        const found = gate.findings.map(
          (finding) => `${finding.host}: checked: ${finding.checked}; found: ${finding.found}`,
        );
        const kept =
          gate.changed.length === 0
            ? "nothing was changed by this rollout"
            : `changed before it stopped: ${gate.changed.join(", ")}`;
        return {
          ...(resource && { resource }),
          host: gate.host,
          message: [`a health gate of ${gate.group} refused to go on; ${kept}`, ...found].join("\n"),
          remedy: `${gate.advice} Then run \`${command}\` again: it goes on from there`,
          gate,
        };
      }
      const host = resource && hostOf(resource, plan);
      return { ...(resource && { resource }), ...(host && { host }), message: readable(message), remedy: again };
    });
}

/** A rollout that refuses prints one line for machines (components/rollout/main.ts). */
export function gateOf(message: string): Refusal | undefined {
  const json = /^KILONODE-GATE (\{.*\})$/m.exec(message)?.[1];
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as Refusal;
  } catch {
    // Cut off: the text before it still tells.
    return undefined;
  }
}

/** The host that a resource belongs to: the longest name that it is or begins with. */
export function hostOf(resource: string, plan: Pick<ClusterPlan, "hosts">): string | undefined {
  const names = plan.hosts
    .map(({ name }) => name)
    .filter((name) => resource === name || resource.startsWith(`${name}-`));
  return names.sort((a, b) => b.length - a.length)[0];
}

/**
 * A failed command's message quotes the command, which may be a program of hundreds of lines; and repeats the progress of a
 * rollout, which was shown when it came.
 */
export function readable(message: string): string {
  return message
    .replace(/running "((?:[^"\\]|\\.)*)"/g, (whole, text: string) =>
      text.length > 100 ? "running the host program" : whole,
    )
    .split("\n")
    .filter((line) => !/^\d+\.\d+s [a-z0-9-]+: /.test(line))
    .join("\n")
    .trim();
}
