/** What was gathered, read: by host, by process, by server. */
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import type { PlatformDegradation } from "../../components/platform/module";
import type { MachineStatus } from "../../components/rollout/hosts/answers";
import { readMachine, readSections, type Section } from "../hosts/report";
import type { ApiAnswers, Read } from "./ask-api";
import type { Gathered } from "./gather";
import { readMetrics, type Sample } from "./metrics";
import { Unread } from "./unread";

/** A running process as the kernel knows it. */
export interface Process {
  readonly name: string;
  readonly openFiles: number;
  /** As ionice tells it: "best-effort: prio 0". */
  readonly io: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface HostEvidence {
  readonly plan: HostPlan;
  readonly name: string;
  readonly error?: string;
  readonly sections: Readonly<Record<string, Section>>;
  /** Absent: not told, or not to be read. */
  readonly machine?: MachineStatus;
  readonly processes: Readonly<Record<string, Process>>;
}

export interface Evidence {
  readonly plan: ClusterPlan;
  readonly hosts: readonly HostEvidence[];
  readonly servers: readonly { readonly name: string; readonly samples: readonly Sample[] }[];
  /** Servers that gave no metrics, and why. */
  readonly silentServers: readonly string[];
  readonly api: ApiAnswers;
  readonly degradations: readonly PlatformDegradation[];
  readonly now: Date;
}

export function readEvidence(plan: ClusterPlan, gathered: Gathered): Evidence {
  const servers = Object.entries(gathered.servers);
  return {
    plan,
    hosts: plan.hosts.map((host) => hostEvidence(host, gathered)),
    servers: servers.flatMap(([name, { value }]) =>
      value === undefined ? [] : [{ name, samples: readMetrics(value) }],
    ),
    silentServers: servers.flatMap(([name, { error }]) => (error === undefined ? [] : [`${name}: ${error}`])),
    api: gathered.api,
    degradations: gathered.degradations,
    now: new Date(gathered.now),
  };
}

function hostEvidence(plan: HostPlan, gathered: Gathered): HostEvidence {
  const answer = gathered.hosts.find(({ name }) => name === plan.name);
  const sections = readSections(answer?.report ?? "");
  const error = answer ? answer.error : "not part of the last up";
  const { status: machine } = readMachine(sections.machine);
  return {
    plan,
    name: plan.name,
    ...(error !== undefined && { error }),
    sections,
    ...(machine && { machine }),
    processes: readProcesses(sections.processes?.text ?? ""),
  };
}

export function readProcesses(text: string): Record<string, Process> {
  const blocks = text.split(/^@ /m).filter((block) => block.trim() !== "");
  const processes = blocks.map((block): Process => {
    const [head = "", ...lines] = block.split("\n");
    const [, name = "", openFiles = "", io = ""] = /^(\S+) \d+ (\S*) ?(.*)$/.exec(head) ?? [];
    const of = (kind: string) => lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(2));
    const env = of("e").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]);
    return { name, openFiles: Number(openFiles), io, args: of("a"), env: Object.fromEntries(env) as Process["env"] };
  });
  return Object.fromEntries(processes.map((process) => [process.name, process]));
}

/** @throws Unread when it could not be read */
export function need<T>({ value, error }: Read<T>): T {
  if (value === undefined) throw new Unread(error ?? "not read");
  return value;
}

/** The hosts of a role that answered. @throws Unread when none did */
export function answering({ hosts }: Evidence, role: HostPlan["role"]): HostEvidence[] {
  const found = hosts.filter(({ plan, error }) => plan.role === role && error === undefined);
  if (found.length === 0) throw new Unread(`no host of role ${role} answered`);
  return found;
}

/** A section's text. @throws Unread when the question failed on the host */
export function sectionOf(host: HostEvidence, name: string): string {
  const section = host.sections[name];
  if (section?.code === 0) return section.text;
  throw new Unread(
    `${host.name}: ${section?.text.split("\n").at(-1) || `no answer about ${name} (${section?.code ?? "not asked"})`}`,
  );
}

/** Every server's samples. @throws Unread when no server gave any */
export function servers({ servers: all, silentServers }: Evidence): Evidence["servers"] {
  if (all.length === 0) throw new Unread(`no API server gave its metrics: ${silentServers[0] ?? "none was asked"}`);
  return all;
}

export const metricsOf = (host: HostEvidence): Sample[] => readMetrics(sectionOf(host, "metrics"));
