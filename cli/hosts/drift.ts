/** Which hosts differ from what was put on them. */
import * as z from "zod";
import { machineApply } from "../../components/machine/host-programs";
import { shortList } from "../show/names";
import { count } from "../show/terminal";
import { unfinishedText } from "../show/unfinished";
import { readAnswer } from "./answer";
import { type Answer, askAll } from "./ask";
import { type ClusterOptions, reachableCluster } from "./cluster";
import type { UnmadeHost } from "./known";
import { notDelivered } from "./report";

const text = z.string().max(65_536);
const driftAnswer = z.object({
  everActivated: z.boolean(),
  drift: z.array(z.object({ kind: text, name: text, want: text, have: text })).max(10_000),
});

export type Difference = Readonly<z.infer<typeof driftAnswer>["drift"][number]>;

export interface DriftReport {
  readonly stack: string;
  readonly differs: boolean;
  /** One sentence, where the last `up` has not come to its end. */
  readonly unfinished?: string;
  readonly hosts: readonly { readonly name: string; readonly drift: readonly Difference[]; readonly error?: string }[];
}

export async function collectDrift(stack: string, options: ClusterOptions & { full?: boolean }): Promise<DriftReport> {
  const { hosts, pending, sshKey, unfinished, unmade } = await reachableCluster(stack, options);
  const answers = await askAll(hosts, sshKey, () => [machineApply, "drift", ...(options.full ? ["--full"] : [])]);
  const report = driftReport(stack, answers, unmade);
  return unfinished ? { ...report, unfinished: unfinishedText(stack, unfinished, pending) } : report;
}

export function driftReport(
  stack: string,
  answers: readonly Answer[],
  unmade: readonly UnmadeHost[] = [],
): DriftReport {
  const asked = answers.map((answer) => {
    const { name } = answer.host;
    if ("error" in answer) return { name, drift: [], error: answer.error };
    const { code, stdout, stderr } = answer.outcome;
    if (code === notDelivered) return { name, drift: [], error: "nothing was put on it yet" };
    if (code !== 0) return { name, drift: [], error: stderr.trim() || `machine-apply ended with ${code}` };
    const read = readAnswer("machine-apply drift", stdout, driftAnswer);
    if ("error" in read) return { name, drift: [], error: read.error };
    const { drift, everActivated } = read.value;
    return everActivated ? { name, drift } : { name, drift: [], error: "nothing was ever made live on it" };
  });
  const hosts = [...asked, ...unmade.map(({ name, reason }) => ({ name, drift: [], error: reason }))];
  return { stack, differs: hosts.some(({ drift, error }) => drift.length > 0 || error !== undefined), hosts };
}

/** Hosts with the same differences together; those that are as they should be are left out. */
export function groupedDrift(hosts: DriftReport["hosts"]) {
  const groups = new Map<string, { names: string[]; drift: readonly Difference[]; error?: string }>();
  for (const { name, ...found } of hosts) {
    if (found.drift.length === 0 && found.error === undefined) continue;
    const key = JSON.stringify(found);
    const group = groups.get(key) ?? { names: [], ...found };
    group.names.push(name);
    groups.set(key, group);
  }
  return [...groups.values()];
}

export function driftText({ stack, hosts, unfinished }: DriftReport): string[] {
  const first = unfinished === undefined ? [] : [unfinished];
  const groups = groupedDrift(hosts);
  if (groups.length === 0)
    return [...first, `stack ${stack}: ${count(hosts.length, "host")}, none differs from what was put on it`];
  const differing = groups.reduce((sum, { names }) => sum + names.length, 0);
  const linesOf = ({ drift, error }: (typeof groups)[number]) =>
    error === undefined
      ? drift.map(({ kind, name, want, have }) => `${kind} ${name}: want ${want}, have ${have}`)
      : [`cannot be compared: ${error}`];
  return [
    ...first,
    `stack ${stack}: ${differing} of ${count(hosts.length, "host")} differ; \`kilonode up ${stack}\` repairs them`,
    ...groups.flatMap((group) => [shortList(group.names), ...linesOf(group).map((line) => `    ${line}`)]),
  ];
}
