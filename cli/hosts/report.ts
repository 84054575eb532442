/** Reads what hosts/host-report prints. */

import type { HostPlan } from "../../components/plan/types";

export interface Section {
  readonly code: number;
  readonly text: string;
}

export function readSections(text: string): Readonly<Record<string, Section>> {
  const parts = text.split(/^== ([a-z]+) (\d+)$/m);
  const sections: [string, Section][] = [];
  for (let at = 1; at + 2 < parts.length; at += 3) {
    sections.push([parts[at] ?? "", { code: Number(parts[at + 1]), text: (parts[at + 2] ?? "").trim() }]);
  }
  return Object.fromEntries(sections);
}

/** Every certificate in the section, by the path of its file. */
export function readCertificates(section: Section | undefined): { readonly path: string; readonly pem: string }[] {
  const parts = (section?.text ?? "").split(/^# (\/.*)$/m);
  const found: { path: string; pem: string }[] = [];
  for (let at = 1; at + 1 < parts.length; at += 2) {
    const pem = (parts[at + 1] ?? "").trim();
    if (pem.startsWith("-----BEGIN CERTIFICATE-----")) found.push({ path: parts[at] ?? "", pem });
  }
  return found;
}

/** etcd's ids have 64 bits, more than a JavaScript number holds: they stay text, quoted or not. */
export function parseJson(text: string): unknown {
  return JSON.parse(text.replace(/([:[,]\s*)(\d{16,})(?=\s*[,}\]])/g, '$1"$2"'));
}

export interface EtcdAnswer {
  readonly memberId: string;
  readonly version: string;
  readonly dbBytes: number;
  readonly raftIndex: number;
  /** Id of the leader; absent when the member knows none. */
  readonly leader?: string;
  readonly learner: boolean;
  readonly alarms: readonly string[];
  /** Who is a member, as this one knows it. */
  readonly members: readonly { readonly id: string; readonly name: string; readonly learner: boolean }[];
}

interface StatusJson {
  readonly header?: { readonly member_id?: string };
  readonly version?: string;
  readonly dbSize?: string | number;
  readonly raftIndex?: string | number;
  readonly leader?: string;
  readonly isLearner?: boolean;
  readonly errors?: readonly string[];
}
interface MembersJson {
  readonly members?: readonly { readonly ID: string; readonly name?: string; readonly isLearner?: boolean }[];
}

/** The answers of one member to status and member list, a line each; undefined when it did not answer. */
export function readEtcd(section: Section | undefined): EtcdAnswer | undefined {
  const [status, list] = section?.code === 0 ? section.text.split("\n").filter((line) => line.startsWith("{")) : [];
  if (status === undefined || list === undefined) return undefined;
  const { header, version, dbSize, raftIndex, leader, isLearner, errors } = parseJson(status) as StatusJson;
  if (header?.member_id === undefined) return undefined;
  const { members = [] } = parseJson(list) as MembersJson;
  return {
    memberId: header.member_id,
    version: version ?? "",
    dbBytes: Number(dbSize ?? 0),
    raftIndex: Number(raftIndex ?? 0),
    // A zero is left out, or written as one.
    ...(leader !== undefined && String(leader) !== "0" && { leader }),
    learner: isLearner ?? false,
    alarms: [...new Set((errors ?? []).flatMap((error) => /alarm:\s*"?([A-Z]+)/.exec(error)?.[1] ?? []))],
    members: members.map(({ ID, name = "", isLearner: learner = false }) => ({ id: ID, name, learner })),
  };
}

/** A shell's exit code for a program that is not there: no content has reached the host. */
export const notDelivered = 127;

/** What `machine-apply status` tells, as far as it is shown. */
export interface MachineStatus {
  /** False: all of its content is only staged. */
  readonly everActivated: boolean;
  readonly pending: readonly string[];
  readonly services: Readonly<
    Record<string, { readonly active: string; readonly sub: string; readonly masked: boolean }>
  >;
  readonly degradations: readonly {
    readonly what: string;
    readonly wanted: string;
    readonly got: string;
    readonly why: string;
  }[];
}

export function readMachine(section: Section | undefined): MachineStatus | undefined {
  const line = section?.code === 0 ? section.text.split("\n").find((text) => text.startsWith("{")) : undefined;
  return line === undefined ? undefined : (JSON.parse(line) as MachineStatus);
}

/** The version in an API server's answer to /version, without the "v". */
export function readApiVersion(section: Section | undefined): string | undefined {
  return section?.code === 0 ? /"gitVersion":\s*"v([\w.+-]{1,40})"/.exec(section.text)?.[1] : undefined;
}

export function readList<T>(section: Section | undefined): readonly T[] | undefined {
  if (section?.code !== 0) return undefined;
  const start = section.text.indexOf("[");
  return start < 0 ? undefined : (JSON.parse(section.text.slice(start)) as T[]);
}

/** A host with what it said, read. */
export interface Seen {
  readonly plan: HostPlan;
  readonly error: string | undefined;
  readonly sections: Readonly<Record<string, Section>>;
  readonly machine: MachineStatus | undefined;
}
