/** The changes of hosts' content in a preview, hosts with the same change together. */
import type { Machine } from "../../components/machine/machine";
import type { ClusterPlan, HostPlan } from "../../components/plan-types";
import type { Step } from "../../engine/events";
import { UNKNOWN } from "../../engine/provider";
import { type MachineChange, machineDiff } from "./machine-diff";
import { changedLines, limited, lineDiff } from "./text-diff";

export interface HostChange extends MachineChange {
  /** All hosts that change in this way; lines around a change are those of the first. */
  readonly hosts: readonly string[];
  /** Changes beside the content: "secrets", "repair of what differs on the host", ... */
  readonly notes: readonly string[];
  /** Lines of the host program that change, not many. */
  readonly program: readonly string[];
}

const programLines = 20;
const none: MachineChange = { files: [], settings: [], restarts: [], reloads: [] };

/** Is this the step of a host's content (components/host/content.ts)? */
export function contentHost(step: Pick<Step, "type" | "name">): string | undefined {
  return step.type === "command:remote:Command" ? /^(.*)-machine$/.exec(step.name)?.[1] : undefined;
}

/** @param steps updates of `<host>-machine` */
export function hostChanges(steps: readonly Step[], plan: Pick<ClusterPlan, "hosts">): HostChange[] {
  const groups = new Map<string, HostChange & { hosts: string[] }>();
  for (const step of steps) {
    const host = contentHost(step);
    if (host === undefined) continue;
    const change = hostChange(
      step,
      plan.hosts.find(({ name }) => name === host),
    );
    const key = JSON.stringify({
      ...change,
      files: change.files.map((file) => ({ ...file, diff: changedLines(file.diff) })),
    });
    const group = groups.get(key);
    if (group) group.hosts.push(host);
    else groups.set(key, { hosts: [host], ...change });
  }
  return [...groups.values()];
}

function hostChange(step: Step, plan: HostPlan | undefined): Omit<HostChange, "hosts"> {
  const notes: string[] = [];
  const before = machineOf(step.oldInputs?.stdin);
  let after = machineOf(step.newInputs?.stdin);
  if (before && !after && plan) {
    // A certificate that is made anew makes the whole text unknown; all the rest of it is in the plan.
    after = withFilesOf(plan, before);
    notes.push("certificates: [known after up]");
  }
  const change = before && after ? machineDiff(before, after) : none;
  if (!before || !after) notes.push("content: [known after up]");
  const command = commandDiff(step.oldInputs?.create, step.newInputs?.create);
  const target = step.diffs.includes("connection") ? ["the host itself is new or made again"] : [];
  return { ...change, notes: [...notes, ...command.notes, ...target], program: command.program };
}

function machineOf(stdin: unknown): Machine | undefined {
  if (typeof stdin !== "string" || stdin === UNKNOWN) return undefined;
  try {
    return JSON.parse(stdin) as Machine;
  } catch {
    return undefined;
  }
}

/** The plan's machine with the public keys that are on the host now. */
function withFilesOf(plan: HostPlan, before: Machine): Machine {
  const paths = [...plan.certificates.map(({ certPath }) => certPath), ...Object.keys(plan.pem)];
  const kept = paths.flatMap((path) => (before.files[path] ? [[path, before.files[path]] as const] : []));
  return { ...plan.machine, files: { ...plan.machine.files, ...Object.fromEntries(kept) } };
}

/** The command is the host program with two values in front and behind: the digest of the secrets, the number of repairs. */
function commandDiff(before: unknown, after: unknown): { notes: string[]; program: string[] } {
  if (typeof before !== "string" || before === after) return { notes: [], program: [] };
  if (typeof after !== "string" || after === UNKNOWN) return { notes: ["secrets: [known after up]"], program: [] };
  const [old, now] = [commandParts(before), commandParts(after)];
  const notes: string[] = [];
  if (old.secrets !== now.secrets) notes.push("secrets: [secret] -> [secret]");
  if (old.generation !== now.generation) notes.push(`differs from what was put on it: repair number ${now.generation}`);
  if (old.program === now.program) return { notes, program: [] };
  return {
    notes: [...notes, "host program changed"],
    program: limited(changedLines(lineDiff(old.program, now.program, 0)), programLines),
  };
}

function commandParts(command: string): { secrets: string; generation: string; program: string } {
  const [, secrets = "", rest = command] = /^SECRETS=(\S*) ([\s\S]*)$/.exec(command) ?? [];
  const newline = rest.indexOf("\n");
  const generation = /--generation'? '?(\d+)/.exec(rest.slice(0, newline))?.[1] ?? "";
  return { secrets, generation, program: rest.slice(newline + 1) };
}
