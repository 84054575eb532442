/** Judges what the hosts answered: pure, so that it is tested with recorded answers. */
import { X509Certificate } from "node:crypto";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import type { PlatformDegradation } from "../../components/platform/module";
import { causeAdvice } from "../../components/rollout/hosts/advice";
import type { DownService } from "../../components/rollout/hosts/answers";
import { leaderLeases } from "../../components/rollout/masters/masters";
import { lookup } from "../../config/lookup";
import { shortList } from "../show/names";
import type { HostAnswer } from "./ask";
import { backupStatus } from "./backup-status";
import { etcdStatus } from "./etcd-status";
import type { Nodes } from "./nodes";
import {
  isUnknown,
  lateSections,
  notDelivered,
  readApiVersion,
  readBackends,
  readCertificates,
  readDown,
  readLeases,
  readMachine,
  readSections,
  type Seen,
} from "./report";
import type {
  CertificateStatus,
  Degradation,
  HostStatus,
  LoadBalancerStatus,
  MasterStatus,
  StatusReport,
} from "./status-types";

export interface StatusParts {
  readonly plan: ClusterPlan;
  readonly answers: readonly HostAnswer[];
  readonly unfinished?: StatusReport["unfinished"];
  readonly nodes: Nodes;
  /** Of the platform, beside those of the hosts. */
  readonly degradations: readonly PlatformDegradation[];
  readonly now: Date;
  readonly durationMs: number;
}

export function statusReport(parts: StatusParts): StatusReport {
  const { plan, nodes, unfinished } = parts;
  const seen = plan.hosts.map((host): Seen => {
    const answer = parts.answers.find(({ name }) => name === host.name);
    const sections = readSections(answer?.report ?? "");
    const error = answer ? answer.error : "not part of the last up; run it again";
    return { plan: host, error, late: answer?.late === true, sections, machine: readMachine(sections.machine) };
  });
  const etcd = plan.shards.map((shard) => {
    const { problems, ...found } = etcdStatus(shard, seen);
    if (!plan.backup) return { ...found, problems };
    const told = seen.map(({ plan: { name }, sections, machine }) => ({
      name,
      backup: sections.backup,
      machine: machine.status,
    }));
    const { problems: more, failures: _, ...backup } = backupStatus(plan.backup, shard, told, parts.now);
    return { ...found, backup, problems: [...problems, ...more] };
  });
  const masterHosts = seen.filter(({ plan: { role } }) => role === "master");
  const masters = masterHosts.map(masterStatus);
  const loadBalancer = loadBalancerStatus(plan, seen);
  const hosts = seen.map(hostStatus);
  const certificates = certificateStatus(seen);
  const problems = [
    // One that goes on is no problem by itself.
    ...(unfinished && unfinished.how !== "running" ? [unfinished.text] : []),
    ...restoreProblems(plan.stack, seen),
    ...grouped(seen.flatMap((one) => hostProblems(hostStatus(one), one))),
    ...etcd.flatMap(({ problems: found }) => found),
    ...masterProblems(masterHosts, masters),
    ...(loadBalancer && !balancerUnknown(plan, seen) ? balancerProblems(loadBalancer, masters.length) : []),
    ...nodeProblems(nodes, plan.simulatedNodes),
    ...certificates
      .filter(({ expires }) => new Date(expires) < parts.now)
      .map(({ name, expires }) => `certificate ${name} ended ${expires}`),
  ];
  const unknown = unknowns(seen, nodes);
  return {
    stack: plan.stack,
    healthy: problems.length === 0 && unknown.length === 0,
    ...(unfinished && { unfinished }),
    problems,
    unknown,
    etcd: etcd.map(({ problems: _, ...shard }) => shard),
    masters,
    ...(loadBalancer && { loadBalancer }),
    nodes,
    hosts,
    degradations: [...parts.degradations.map((one) => ({ ...one, hosts: [] })), ...hostDegradations(seen)],
    certificates,
    durationMs: parts.durationMs,
  };
}

/** Why a host that answers does nothing yet: an `up` has not come so far. */
function notLive({ machine, sections }: Pick<Seen, "machine" | "sections">): string | undefined {
  if (sections.machine?.code === notDelivered) return "nothing was put on it yet";
  return machine.status?.everActivated === false ? "nothing was made live on it yet" : undefined;
}

function hostStatus(seen: Seen): HostStatus {
  const { plan, error } = seen;
  const { status, error: unread } = seen.machine;
  const idle = notLive(seen);
  if (idle !== undefined)
    return { name: plan.name, reachable: true, error: idle, downServices: [], causes: {}, pending: [] };
  const wanted = Object.entries(plan.machine.services).filter(
    ([, service]) => service.kind !== "unit" || service.running,
  );
  const running = ["active", "reloading"];
  const states = new Map(Object.entries(status?.services ?? {}));
  const downServices = status
    ? wanted.map(([name]) => name).filter((name) => !running.includes(states.get(name)?.active ?? ""))
    : [];
  return {
    name: plan.name,
    reachable: error === undefined || seen.late,
    ...((error ?? unread) !== undefined && { error: error ?? unread }),
    downServices,
    causes: causesOf(readDown(seen.sections.why), downServices),
    // A service that is down is told as such.
    pending: (status?.pending ?? []).filter((line) => !downServices.some((name) => line.includes(name))),
  };
}

function causesOf(down: readonly DownService[], names: readonly string[]): Readonly<Record<string, string>> {
  const told = down.flatMap(({ service, cause, text }): [string, string][] =>
    cause !== null && names.includes(service) ? [[service, `${text}. ${causeAdvice[cause]}`]] : [],
  );
  return Object.fromEntries(told);
}

/** What is wrong with one, to be read behind its name. */
type Problem = readonly [name: string, text: string];

/** Whatever ails many in the same way is one line. */
function grouped(problems: readonly Problem[]): string[] {
  const names = new Map<string, string[]>();
  for (const [name, text] of problems) names.set(text, [...(names.get(text) ?? []), name]);
  return [...names].map(([text, all]) => `${shortList(all)}${text}`);
}

function hostProblems({ name, reachable, error, downServices, causes, pending }: HostStatus, seen: Seen): Problem[] {
  if (!reachable) return [[name, ` cannot be reached: ${error}`]];
  if (isUnknown(seen, "machine")) return [];
  if (notLive(seen) !== undefined) return [[name, `: ${error}`]];
  return [
    ...(error === undefined ? [] : [` does not tell its state: ${error}`]),
    ...downServices.map((service) => {
      const cause = lookup(causes, service);
      return `: ${service} does not run${cause === undefined ? "" : `: ${cause}`}`;
    }),
    ...(pending.length > 0 ? [` is not as planned: ${pending.join("; ")}; \`up\` repairs it`] : []),
  ].map((text): Problem => [name, text]);
}

/** What waits for a command comes before what is wrong because of it. */
function restoreProblems(stack: string, seen: readonly Seen[]): string[] {
  const found = seen.flatMap(({ plan: { name }, machine }): Problem[] => {
    const restoring = machine.status?.restoring;
    if (!restoring) return [];
    const { command, phase, shard } = restoring;
    const goOn = `\`kilonode etcd ${command} ${stack} --shard ${shard}\` goes on with it`;
    const what = command === "move" ? `the move to shard ${shard}` : `a restore of shard ${shard}`;
    return [[name, `: ${what} has not come to its end (${phase}); ${goOn}`]];
  });
  return grouped(found);
}

function masterStatus(seen: Seen): MasterStatus {
  const { plan, sections, error } = seen;
  const { ready, leader } = sections;
  const version = readApiVersion(sections.version);
  const isReady = ready?.code === 0;
  const said = ready?.text.split("\n")[0] || `readiness check ended with ${ready?.code ?? "nothing"}`;
  const reason = error ?? notLive(seen) ?? said;
  return {
    name: plan.name,
    ready: isReady,
    ...(version !== undefined && { version }),
    leaderOf: readLeases(leader),
    ...(!isReady && { reason }),
  };
}

function masterProblems(hosts: readonly Seen[], masters: readonly MasterStatus[]): string[] {
  const unready = masters
    .filter(({ ready }, index) => !ready && !isUnknown(hosts[index]!, "ready"))
    .map(({ name, reason }): Problem => [name, ` is not ready: ${reason}`]);
  const held = masters.flatMap(({ leaderOf }) => leaderOf);
  const known = !hosts.some((host) => isUnknown(host, "leader"));
  const unled = leaderLeases.filter((lease) => known && !held.includes(lease));
  return [...grouped(unready), ...unled.map((lease) => `no master leads as ${lease}`)];
}

/** Of the host that balances; undefined where the platform does it. */
function loadBalancerStatus({ api }: ClusterPlan, seen: readonly Seen[]): LoadBalancerStatus | undefined {
  const { balancer } = api;
  if (!balancer) return undefined;
  const host = seen.find(({ plan: { name } }) => name === balancer.name);
  const backends = readBackends(host?.sections.backends);
  const ready = backends.filter(({ status }) => status.startsWith("UP")).length;
  return { address: balancer.endpoint, backends, ready };
}

function balancerUnknown({ api }: ClusterPlan, seen: readonly Seen[]): boolean {
  const host = seen.find(({ plan: { name } }) => name === api.balancer?.name);
  return host !== undefined && isUnknown(host, "backends");
}

function balancerProblems({ backends, ready }: LoadBalancerStatus, masters: number): string[] {
  if (backends.length === 0) return ["the load balancer does not tell its backends"];
  if (backends.length !== masters) return [`the load balancer has ${backends.length} backends for ${masters} masters`];
  const away = backends
    .filter(({ status }) => !status.startsWith("UP"))
    .map(({ name, status }) => `${name} (${status})`);
  return ready < masters ? [`out of the load balancer's rotation: ${away.join(", ")}`] : [];
}

/** What was asked and not answered in time, the same of many hosts in one line. */
function unknowns(seen: readonly Seen[], { error, late }: Nodes): string[] {
  const found = seen.flatMap((one): Problem[] => {
    const { name } = one.plan;
    if (one.late) return [[name, `: ${one.error}`]];
    const sections = lateSections(one);
    return sections.length > 0 ? [[name, `: not answered in time: ${sections.join(", ")}`]] : [];
  });
  return [...grouped(found), ...(late ? [`nodes: ${error}`] : [])];
}

function nodeProblems({ total, ready, error, late }: Nodes, simulated: number): string[] {
  if (late) return [];
  if (error !== undefined) return [`nodes cannot be counted: ${error}`];
  if (total < simulated) return [`${total} nodes, planned are ${simulated}`];
  return ready < total ? [`${total - ready} of ${total} nodes are not ready`] : [];
}

/** The same degradation on many hosts is one entry. */
function hostDegradations(seen: readonly Seen[]): Degradation[] {
  const found = new Map<string, Degradation & { hosts: string[] }>();
  for (const { plan, machine } of seen) {
    for (const { what, wanted, got, why } of machine.status?.degradations ?? []) {
      const key = JSON.stringify([what, wanted, got, why]);
      const entry = found.get(key) ?? { what, effect: why, wanted, got, hosts: [] };
      entry.hosts.push(plan.name);
      found.set(key, entry);
    }
  }
  return [...found.values()];
}

/** A host's certificates by host and name; an authority's, which many hosts hold, once. */
function certificateStatus(seen: readonly Seen[]): CertificateStatus[] {
  const byName = new Map<string, CertificateStatus>();
  for (const { plan, sections } of seen) {
    for (const { path, pem } of readCertificates(sections.certificates)) {
      const own = plan.certificates.find(({ certPath }) => certPath === path);
      const certificate = new X509Certificate(pem);
      const name = own ? `${plan.name}/${own.name}` : certificate.subject.replace(/^CN=/, "");
      const expires = new Date(certificate.validTo).toISOString();
      byName.set(name, { name, authority: own === undefined, expires });
    }
  }
  return [...byName.values()].sort((a, b) =>
    a.expires < b.expires ? -1 : a.expires > b.expires ? 1 : a.name < b.name ? -1 : 1,
  );
}

/** The files that `status` asks a host for: its certificates and those of the authorities it trusts. */
export function certificatePaths({ certificates, pem }: Pick<HostPlan, "certificates" | "pem">): string[] {
  const authorities = Object.entries(pem).filter(([, source]) => source.kind === "authorities");
  return [...certificates.map(({ certPath }) => certPath), ...authorities.map(([path]) => path)];
}
