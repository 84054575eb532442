/** The hosts themselves: reached, kernel settings, limits, certificates, firewall, traffic classes. */
import { X509Certificate } from "node:crypto";
import { readCertificates } from "../../hosts/report";
import { answering, type Evidence, type HostEvidence, heard, sectionOf } from "../evidence";
import type { Check, Verdict } from "../types";
import { Unread } from "../unread";
import { bounded, byWhat } from "./judging";

const reached: Check = {
  id: "hosts",
  group: "hosts",
  title: "every host and API server answers",
  wanted: ({ plan }) => `${plan.hosts.length} hosts over SSH, every API server's /metrics`,
  why: "what does not answer is not judged by the other checks",
  source: "SSH to every host, HTTPS to every API server",
  remedy: "`kilonode status` shows what is down",
  ledger: [],
  judge: ({ hosts, servers, silentServers }) => {
    const away = hosts.flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]));
    const found = `${hosts.length - away.length} of ${hosts.length} hosts, ${servers.length} API servers`;
    const gone = hosts.some(({ error, late }) => error !== undefined && !late);
    if (away.length > 0)
      return { status: gone ? "failed" : "unknown", found, details: bounded([...away, ...silentServers]) };
    return { status: silentServers.length > 0 ? "warning" : "ok", found, details: bounded(silentServers) };
  },
};

const numbers = (text: string) => (/^[\d\s]+$/.test(text) ? text.trim().split(/\s+/).map(Number) : undefined);

/** As machine-apply compares: a floor is met by every number that is as large. */
export function satisfies(
  live: string,
  { value, floor }: { readonly value: string; readonly floor: boolean },
): boolean {
  const [have, want] = [numbers(live), numbers(value)];
  if (floor && have && want && have.length === want.length)
    return have.every((number, at) => number >= (want[at] ?? 0));
  return live.trim().split(/\s+/).join(" ") === value.trim().split(/\s+/).join(" ");
}

const sysctls: Check = {
  id: "sysctls",
  group: "hosts",
  title: "kernel settings read back as planned",
  wanted: ({ plan }) =>
    `${plan.hosts.reduce((total, { machine }) => total + Object.keys(machine.sysctls).length, 0)} values on ${plan.hosts.length} hosts`,
  why: "neighbour tables, connection tables, backlogs and files are full at scale long before CPUs are",
  source: "/proc/sys on every host; `kilonode scale --explain kernel.neighbours.master`",
  remedy: "run up; `kilonode drift` names who else writes them",
  ledger: ["K1", "K2", "K3"],
  judge: (evidence) => {
    const wrong: [string, string][] = [];
    const untold: [string, string][] = [];
    const explained = new Map<string, string>();
    let total = 0;
    for (const host of heard(evidence.hosts)) {
      const live = new Map(
        sectionOf(host, "sysctls")
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      );
      for (const [key, sysctl] of Object.entries(host.plan.machine.sysctls)) {
        total++;
        const have = live.get(key) ?? "absent";
        if (satisfies(have, sysctl)) continue;
        const reason = host.machine?.degradations.find(({ what }) => what === `sysctl ${key}`)?.why;
        if (reason === undefined) {
          // A container takes what is not its own from its machine; which that is, the host itself has found out.
          const perhaps = evidence.plan.sharedKernel && host.machine === undefined;
          const text = `${key} is ${have}, wanted ${sysctl.floor ? "at least " : ""}${sysctl.value}`;
          (perhaps ? untold : wrong).push([host.name, text]);
        } else explained.set(`${key} is ${have} (wanted ${sysctl.value})`, reason);
      }
    }
    if (wrong.length > 0)
      return { status: "failed", found: `${wrong.length} of ${total} values differ`, details: bounded(byWhat(wrong)) };
    if (untold.length > 0) {
      const because = "a container takes them from its machine, and the host has not told which it cannot set";
      const found = `${untold.length} of ${total} values differ`;
      return { status: "unknown", found, because, details: bounded(byWhat(untold)) };
    }
    if (explained.size === 0) return { status: "ok", found: `${total} values` };
    const because = "the hosts are containers: these belong to the kernel of the machine, or are not there at all";
    return {
      status: "explained",
      found: `${explained.size} settings cannot be made here, all others are in effect`,
      because,
      details: [...explained.keys()],
    };
  },
};

const limitOf = (host: HostEvidence, unit: string): number | undefined => {
  const files = host.plan.machine.files;
  const texts = [
    files[`/usr/local/lib/systemd/system/${unit}.service`],
    files[`/etc/systemd/system/${unit}.service.d/kilonode.conf`],
  ];
  const found = texts
    .map((file) => /^LimitNOFILE=(\d+)$/m.exec(file?.content ?? "")?.[1])
    .find((limit) => limit !== undefined);
  return found === undefined ? undefined : Number(found);
};

const openFiles: Check = {
  id: "open-files",
  group: "hosts",
  title: "processes may open as many files as their units say",
  wanted: () => "LimitNOFILE of each unit in /proc/PID/limits",
  why: "every client and every watch is a descriptor: a server that runs out of them refuses connections",
  source: "/proc/PID/limits on every host",
  remedy: "run up; in a container raise the limit of what started it",
  ledger: ["K4"],
  judge: (evidence) => {
    let total = 0;
    const low = heard(evidence.hosts).flatMap((host) =>
      Object.values(host.processes).flatMap((process): [string, string][] => {
        const wanted = limitOf(host, process.name);
        if (wanted === undefined) return [];
        total++;
        return process.openFiles >= wanted
          ? []
          : [[host.name, `${process.name} may open ${process.openFiles} files, wanted ${wanted}`]];
      }),
    );
    if (low.length === 0) return { status: "ok", found: `${total} processes` };
    const found = `${low.length} of ${total} processes have less`;
    return ofSharedKernel(
      evidence,
      { status: "failed", found, details: bounded(byWhat(low)) },
      "a container cannot have more than the machine that it runs in gives it",
    );
  },
};

/** What fails on hosts without a kernel of their own, for that reason, is explained; elsewhere it stays a failure. */
function ofSharedKernel({ plan }: Evidence, verdict: Verdict, because: string): Verdict {
  return plan.sharedKernel ? { ...verdict, status: "explained", because } : verdict;
}

const traffic: Check = {
  id: "traffic-classes",
  group: "hosts",
  title: "etcd's peers go first on the wire",
  wanted: () => "bands as planned on every etcd host (traffic-classes check)",
  why: "under congestion raft's heartbeats must not wait behind a large list",
  source: "https://etcd.io/docs/v3.6/tuning/#network",
  remedy: "systemctl start traffic-classes on the host; a timer does it every minute",
  ledger: ["E7"],
  judge: (evidence) => {
    const members = answering(evidence, "etcd");
    const verdict = ofProgram(evidence, members, "traffic", "the kernel of this machine has no queue with classes");
    const form = /^form (\S+)/m.exec(members[0]?.sections.traffic?.text ?? "")?.[1] ?? "unknown";
    const forms = evidence.degradations.find(({ what }) => what === "sch_prio");
    const found = `${verdict.found}, in the form ${form}${forms ? " (this machine has no prio)" : ""}`;
    return verdict.status === "ok" ? { ...verdict, found } : verdict;
  },
};

const firewall: Check = {
  id: "firewall",
  group: "hosts",
  title: "hosts let in who needs them, and nobody else",
  wanted: () => "the planned rules on every host (host-firewall check)",
  why: "who reaches a port of etcd or of the API has begun; certificates are the second wall, not the only one",
  source: "the rules in the kernel of every host; `kilonode plan --host NAME` shows whom they let in",
  remedy: "run up; `kilonode drift` shows what differs",
  ledger: [],
  judge: (evidence) =>
    ofProgram(evidence, heard(evidence.hosts), "firewall", "the kernel of this machine has no nf_tables"),
};

/** What a program of the hosts says of them: 0 as planned, 4 impossible with this kernel. */
function ofProgram(evidence: Evidence, hosts: readonly HostEvidence[], section: string, impossible: string): Verdict {
  const states = hosts.map(({ name, sections }) => ({
    name,
    code: sections[section]?.code,
    text: sections[section]?.text,
  }));
  const bad = states
    .filter(({ code }) => code !== 0)
    .map(({ name, text }): [string, string] => [name, text?.split("\n").at(-1) || "no answer"]);
  if (bad.length === 0) return { status: "ok", found: `as planned on ${states.length} hosts` };
  const verdict: Verdict = {
    status: "failed",
    found: `not as planned on ${bad.length} of ${states.length} hosts`,
    details: bounded(byWhat(bad)),
  };
  return states.every(({ code }) => code === 0 || code === 4) ? ofSharedKernel(evidence, verdict, impossible) : verdict;
}

const dayMs = 86_400_000;

const certificates: Check = {
  id: "certificates",
  group: "hosts",
  title: "certificates are valid for a while",
  wanted: () => "30 days and more",
  why: "an ended certificate stops its host, an ended authority the cluster",
  source: "the files that the running processes read, on every host",
  remedy:
    "run up: it renews what ends within certificates.renewBeforeDays, and an authority before it has less left than its certificates",
  ledger: [],
  judge: (evidence) => {
    const all = heard(evidence.hosts).flatMap((host) =>
      readCertificates(host.sections.certificates).map(({ path, pem }) => {
        const ends = new Date(new X509Certificate(pem).validTo);
        const authority = host.plan.pem[path]?.kind === "authorities";
        return {
          where: `${host.name} ${path}`,
          authority,
          days: Math.floor((ends.getTime() - evidence.now.getTime()) / dayMs),
        };
      }),
    );
    if (all.length === 0) throw new Unread("no host showed its certificates");
    const soon = all.filter(({ days }) => days < 30).sort((a, b) => a.days - b.days);
    const details = bounded(soon.map(({ where, days }) => `${where}: ${days < 0 ? "has ended" : `${days} days`}`));
    const first = (authority: boolean) =>
      Math.min(...all.filter((one) => one.authority === authority).map(({ days }) => days));
    const found = `${all.length} on ${heard(evidence.hosts).length} hosts, the first ends in ${first(false)} days, the first of an authority in ${first(true)}`;
    return {
      status: soon.some(({ days }) => days < 0) ? "failed" : soon.length > 0 ? "warning" : "ok",
      found,
      details,
    };
  },
};

export const hosts: readonly Check[] = [reached, sysctls, openFiles, firewall, traffic, certificates];
