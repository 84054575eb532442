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
  const old = deliveryOf(step.oldInputs?.stdin);
  const now = deliveryOf(step.newInputs?.stdin);
  const before = old?.content;
  let after = now?.content;
  if (before && !after && plan) {
    // A certificate that is made anew makes the whole text unknown; all the rest of it is in the plan.
    after = withFilesOf(plan, before);
    notes.push("certificates: [known after up]");
  }
  const change = before && after ? machineDiff(before, after) : none;
  if (!before || !after) notes.push("content: [known after up]");
  const command = commandNotes(step.oldInputs?.create, step.newInputs?.create);
  const program = old && now && old.program !== now.program ? changedLines(lineDiff(old.program, now.program, 0)) : [];
  if (program.length > 0) notes.push("host program changed");
  const target = step.diffs.includes("connection") ? ["the host itself is new or made again"] : [];
  return { ...change, notes: [...notes, ...command, ...target], program: limited(program, programLines) };
}

/** What components/host/delivery.ts sends: the machine, and the program that puts it on the host. */
interface Delivery {
  readonly content: Machine;
  readonly program: string;
}

function deliveryOf(stdin: unknown): Delivery | undefined {
  if (typeof stdin !== "string" || stdin === UNKNOWN) return undefined;
  try {
    return JSON.parse(stdin) as Delivery;
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

/** The command loads the program, with two values around it: the digest of the secrets, the number of repairs. */
function commandNotes(before: unknown, after: unknown): string[] {
  if (typeof before !== "string" || before === after) return [];
  if (typeof after !== "string" || after === UNKNOWN) return ["secrets: [known after up]"];
  const [old, now] = [commandParts(before), commandParts(after)];
  const notes: string[] = [];
  if (old.secrets !== now.secrets) notes.push("secrets: [secret] -> [secret]");
  if (old.generation !== now.generation) notes.push(`differs from what was put on it: repair number ${now.generation}`);
  return notes;
}

function commandParts(command: string): { secrets: string; generation: string } {
  return {
    secrets: /^SECRETS=(\S*) /.exec(command)?.[1] ?? "",
    generation: /--generation (\d+)$/.exec(command)?.[1] ?? "",
  };
}
