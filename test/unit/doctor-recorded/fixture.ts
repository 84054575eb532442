/** What the doctor gathered from a running lab-small, and the plan that it was made from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { diagnose } from "../../../cli/doctor";
import { readProcesses } from "../../../cli/doctor/evidence";
import type { Gathered } from "../../../cli/doctor/gather";
import type { CheckResult } from "../../../cli/doctor/types";
import { readSections } from "../../../cli/hosts/report";
import type { HostAnswer } from "../../../cli/hosts/ask";
import type { ClusterPlan, HostPlan } from "../../../components/plan/types";
import { smallPlan } from "../cli-fixture";
import { asPlanned } from "../doctor-cis-evidence";

const folder = __dirname;
const text = (name: string) => readFileSync(join(folder, name), "utf8");

/** A copy of the recording, to change. Questions that are newer than it are answered as the plan would have it. */
export function recorded(): Gathered & { hosts: HostAnswer[] } {
  const gathered = JSON.parse(text("gathered.json")) as Gathered;
  const planned = asPlanned(smallPlan(), () => "");
  const reportOf = (name: string) => {
    const report = text(`${name}.txt`);
    const asked = readSections(report);
    const { report: made = "" } = planned.hosts.find((host) => host.name === name) ?? {};
    const newer = Object.entries(readSections(made)).filter(([section]) => asked[section] === undefined);
    return [report, ...newer.map(([section, answer]) => `== ${section} ${answer.code}\n${answer.text}\n`)].join("\n");
  };
  return {
    ...planned,
    ...gathered,
    api: { ...planned.api, ...gathered.api },
    hosts: gathered.hosts.map(({ name }) => ({ name, report: reportOf(name) })),
  };
}

/** Of a master and of a member of another lab-small, what the CIS benchmark is judged by. */
export function recordedForCis(): Gathered {
  const hosts = ["lab-small-master-1", "lab-small-etcd-main-1"].map((name) => ({ name, report: text(`cis-${name}.txt`) }));
  const told = JSON.parse(text("cis.json")) as Pick<Gathered, "api" | "credential" | "now">;
  return { ...told, hosts, servers: {}, degradations: [] };
}

/**
 * The plan with the flags, settings and kernel values that ran when it was recorded: what the model says another day must not
 * make an old recording fail.
 */
export function recordedPlan(): ClusterPlan {
  const plan = smallPlan();
  const { scale } = plan;
  const level = (seats: number, neededSeats = 0) => ({ shares: 1, seats, neededSeats });
  return {
    ...plan,
    hosts: plan.hosts.map(asItRan),
    scale: {
      ...scale,
      apiserver: {
        ...scale.apiserver,
        maxRequestsInflight: 400,
        maxMutatingRequestsInflight: 200,
        totalConcurrency: 600,
        goawayChance: 0.001,
        levels: {
          system: level(72),
          "node-high": level(96),
          "leader-election": level(24, 2),
          "workload-high": level(96),
          "workload-low": level(239),
          "global-default": level(48),
          "catch-all": level(12),
          "kilonode-cluster-lists": level(12, 0.4),
        },
      },
      etcd: { ...scale.etcd, progressNotifySeconds: 5 },
    },
  };
}

function asItRan(host: HostPlan): HostPlan {
  const sections = readSections(text(`${host.name}.txt`));
  const files = { ...host.machine.files };
  const replace = (path: string, content: string) => {
    const file = files[path];
    if (file) files[path] = { ...file, content };
  };
  for (const { name, args, env } of Object.values(readProcesses(sections.processes?.text ?? ""))) {
    replace(`/etc/kubernetes/${name}.flags`, args.join("\n"));
    const settings = Object.entries(env).filter(([key]) => !key.startsWith("ETCD_INITIAL_CLUSTER"));
    const content = settings.map(([key, value]) => `${key}=${value}`).join("\n");
    replace(name === "etcd" ? "/etc/etcd/etcd.env" : `/etc/kubernetes/${name}.env`, content);
  }
  const known = new Set((sections.sysctls?.text ?? "").split("\n").map((line) => line.slice(0, line.indexOf("="))));
  const sysctls = Object.fromEntries(Object.entries(host.machine.sysctls).filter(([key]) => known.has(key)));
  return { ...host, machine: { ...host.machine, files, sysctls } };
}

/** What a check says when the recording was changed. */
export function checked(
  id: string,
  change: (gathered: Gathered) => Gathered = (same) => same,
  sharedKernel = true,
): CheckResult {
  const found = diagnose({ ...recordedPlan(), sharedKernel }, change(recorded())).checks.find((check) => check.id === id);
  if (!found) throw new Error(`no check ${id}`);
  return found;
}

/** Another text in the place of one that some hosts' reports hold; fails when none does. */
export function onHosts(pattern: RegExp, from: string | RegExp, to: string): (gathered: Gathered) => Gathered {
  return (gathered) => {
    let changed = false;
    const hosts = gathered.hosts.map(({ name, report = "" }): HostAnswer => {
      const edited = pattern.test(name) ? report.replace(from, to) : report;
      changed ||= edited !== report;
      return { name, report: edited };
    });
    if (!changed) throw new Error(`no report of ${pattern} holds ${from}`);
    return { ...gathered, hosts };
  };
}

/** The same in the metrics of every server. */
export function onServers(from: string | RegExp, to: string): (gathered: Gathered) => Gathered {
  return (gathered) => {
    const all = Object.entries(gathered.servers);
    const servers = all.map(([name, { value = "" }]) => [name, { value: value.replace(from, to) }] as const);
    if (all.every(([, { value }], at) => value === servers[at]?.[1].value)) throw new Error(`no server says ${from}`);
    return { ...gathered, servers: Object.fromEntries(servers) };
  };
}

/** Another answer of the API. */
export function onApi(answers: Partial<Gathered["api"]>): (gathered: Gathered) => Gathered {
  return (gathered) => ({ ...gathered, api: { ...gathered.api, ...answers } });
}
