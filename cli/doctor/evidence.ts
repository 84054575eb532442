/** What was gathered, read: by host, by process, by server. */
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import type { PlatformDegradation } from "../../components/platform/module";
import type { MachineStatus } from "../../components/rollout/hosts/answers";
import { lateSections, readMachine, readSections, type Section } from "../hosts/report";
import type { Credential } from "./api";
import type { ApiAnswers, Read } from "./ask-api";
import type { Gathered } from "./gather";
import { readMetrics, type Sample } from "./metrics";
import { NotInTime, Unread } from "./unread";

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
  /** It was reached and has not answered in time. */
  readonly late: boolean;
  /** To look at one that was not answered in time throws {@link NotInTime}, as with the processes that one of them tells. */
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
  /** None of those was heard in time: they may be well. */
  readonly lateServers: boolean;
  readonly api: ApiAnswers;
  readonly credential: Credential;
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
    lateServers: servers.length > 0 && servers.every(([, { error, late }]) => error === undefined || late === true),
    api: gathered.api,
    credential: gathered.credential,
    degradations: gathered.degradations,
    now: new Date(gathered.now),
  };
}

function hostEvidence(plan: HostPlan, gathered: Gathered): HostEvidence {
  const answer = gathered.hosts.find(({ name }) => name === plan.name);
  const answered = readSections(answer?.report ?? "");
  const sections = inTime(plan.name, answered);
  const error = answer ? answer.error : "not part of the last up";
  const { status: machine } = readMachine(answered.machine);
  return {
    plan,
    name: plan.name,
    ...(error !== undefined && { error }),
    late: answer?.late === true,
    sections,
    ...(machine && { machine }),
    get processes() {
      return readProcesses(sections.processes?.text ?? "");
    },
  };
}

function inTime(host: string, answered: Readonly<Record<string, Section>>): Readonly<Record<string, Section>> {
  const sections = { ...answered };
  for (const name of lateSections({ sections: answered })) {
    const get = () => {
      throw new NotInTime(`${host}: no answer about ${name} in time`);
    };
    Object.defineProperty(sections, name, { get });
  }
  return sections;
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

const unread = (message: string, late: boolean): Unread => (late ? new NotInTime(message) : new Unread(message));

/** @throws Unread when it could not be read */
export function need<T>({ value, error, late }: Read<T>): T {
  if (value === undefined) throw unread(error ?? "not read", late === true);
  return value;
}

/** The hosts of a role that answered. @throws Unread when none did */
export function answering({ hosts }: Evidence, role: HostPlan["role"]): HostEvidence[] {
  return heard(
    hosts.filter(({ plan }) => plan.role === role),
    `no host of role ${role} answered`,
  );
}

/** Those that answered. @throws Unread when none did */
export function heard(hosts: readonly HostEvidence[], otherwise = "no host answered"): HostEvidence[] {
  const found = hosts.filter(({ error }) => error === undefined);
  if (found.length > 0) return found;
  throw unread(
    otherwise,
    hosts.some(({ late }) => late),
  );
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
export function servers({ servers: all, silentServers, lateServers }: Evidence): Evidence["servers"] {
  if (all.length === 0)
    throw unread(`no API server gave its metrics: ${silentServers[0] ?? "none was asked"}`, lateServers);
  return all;
}

export const metricsOf = (host: HostEvidence): Sample[] => readMetrics(sectionOf(host, "metrics"));
