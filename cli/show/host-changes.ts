/** The changes of hosts' content in a preview, hosts with the same change together. */
import type { Machine } from "../../components/machine/machine";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import { resourceKind } from "../../components/resources";
import type { Step } from "../../engine";
import { UNKNOWN } from "../../engine";
import { readMachine } from "./delivery";
import { type MachineChange, machineDiff } from "./machine-diff";
import { withoutNames } from "./names";
import { changedLines } from "./text-diff";

export interface HostChange extends MachineChange {
  /** All hosts that change in this way; lines around a change are those of the first. */
  readonly hosts: readonly string[];
  /** True: each has its own name or address where the first one's stands. */
  readonly ownNames?: true;
  /** Changes beside the content: "secrets", "repair of what differs on the host", ... */
  readonly notes: readonly string[];
}

/** What a static pod is made from, in which its host's name may be: see StaticPodService. */
const ownDigest = /kilonode\.io\/content: (\\")?[0-9a-f]+(\\")?/g;

export const unknownContent = "content: [known after up]";

const none: MachineChange = { files: [], settings: [], restarts: [], reloads: [] };

/** The host whose content this step is (components/host/content.ts). */
export function contentHost(step: Pick<Step, "type" | "name">): string | undefined {
  const resource = resourceKind(step);
  return resource.kind === "content" && resource.part === "machine" ? resource.host : undefined;
}

/** @param steps updates of `<host>-machine` */
export function hostChanges(steps: readonly Step[], plan: Pick<ClusterPlan, "hosts">): HostChange[] {
  const groups = new Map<string, HostChange & { hosts: string[]; ownNames?: true }>();
  const texts = new Map<HostChange, string>();
  const place = (step: Step) => plan.hosts.findIndex(({ name }) => name === contentHost(step));
  for (const step of [...steps].sort((a, b) => place(a) - place(b))) {
    const host = contentHost(step);
    if (host === undefined) continue;
    const planned = plan.hosts.find(({ name }) => name === host);
    const change = hostChange(step, planned);
    const text = JSON.stringify({
      ...change,
      files: change.files.map((file) => ({ ...file, diff: changedLines(file.diff) })),
    });
    const key = withoutNames(text, [host, ...(planned ? [planned.address] : [])]).replaceAll(ownDigest, "");
    const group = groups.get(key);
    if (!group) {
      const first = { hosts: [host], ...change };
      groups.set(key, first);
      texts.set(first, text);
      continue;
    }
    group.hosts.push(host);
    if (texts.get(group) !== text) group.ownNames = true;
  }
  return [...groups.values()];
}

function hostChange(step: Step, plan: HostPlan | undefined): Omit<HostChange, "hosts"> {
  const notes: string[] = [];
  const old = readMachine(step.oldInputs?.stdin);
  let now = readMachine(step.newInputs?.stdin);
  let unknown: string[] = [];
  if (old && !now && plan) {
    // A certificate that is made anew makes the whole text unknown; all the rest of it is in the plan.
    now = withFilesOf(plan, old);
    unknown = plan.certificates.map(({ certPath }) => certPath);
    notes.push("certificates: [known after up]");
  }
  if (!old || !now) notes.push(unknownContent);
  notes.push(...commandNotes(step));
  if (step.diffs.includes("connection")) notes.push("the host itself is new or made again");
  return {
    ...(old && now ? machineDiff(old, now, unknown) : none),
    notes,
  };
}

/** The plan's machine with the public keys that are on the host now. */
function withFilesOf(plan: HostPlan, before: Machine): Machine {
  const paths = [...plan.certificates.map(({ certPath }) => certPath), ...Object.keys(plan.pem)];
  const kept = paths.flatMap((path) => (before.files[path] ? [[path, before.files[path]] as const] : []));
  // The command's own plan has no sums; the same version is the same binary.
  const binaries = Object.entries(plan.machine.binaries).map(([path, binary]) => {
    const old = before.binaries[path];
    return [path, old?.version === binary.version ? old : binary] as const;
  });
  return {
    ...plan.machine,
    files: { ...plan.machine.files, ...Object.fromEntries(kept) },
    binaries: Object.fromEntries(binaries),
  };
}

/** The command says beside what runs: digests of the secrets and of the program, and how often the host was repaired. */
function commandNotes({ diffs, oldInputs, newInputs }: Step): string[] {
  const [before, after] = [oldInputs?.create, newInputs?.create];
  if (!diffs.includes("create") || typeof before !== "string" || typeof after !== "string") return [];
  if (after === UNKNOWN) return ["secrets: [known after up]"];
  // Who computes the number of repairs with the SSH key in hand makes a secret of the whole command.
  if (before === "[secret]" || after === "[secret]") return ["new secrets, or a repair of what differs on the host"];
  const secrets = (command: string) => /\bSECRETS=(\S*)/.exec(command)?.[1];
  const program = (command: string) => /\bPROGRAM=(\S*)/.exec(command)?.[1];
  const repairs = (command: string) => /--generation (\d+)/.exec(command)?.[1];
  return [
    ...(secrets(before) === secrets(after) ? [] : ["secrets: [secret] -> [secret]"]),
    ...(program(before) === program(after) ? [] : ["host program changed"]),
    ...(repairs(before) === repairs(after)
      ? []
      : [`the host differs from what was put on it: repair number ${repairs(after)} (see \`kilonode drift\`)`]),
  ];
}
