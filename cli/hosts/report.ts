/** Reads what hosts/host-report prints. A host is not trusted to print what it should: what cannot be read counts as not told. */

import * as z from "zod";
import { certificatesIn } from "../../components/pki/pem";
import type { HostPlan } from "../../components/plan/types";
import { type DownService, diagnosis, type MachineStatus, machineStatus } from "../../components/rollout/hosts/answers";
import { json, readAnswer } from "./answer";

/** A host with what it said, read. */
export interface Seen {
  readonly plan: HostPlan;
  readonly error: string | undefined;
  /** It was reached and has not answered in time. */
  readonly late: boolean;
  readonly sections: Readonly<Record<string, Section>>;
  readonly machine: MachineAnswer;
}

export interface Section {
  readonly code: number;
  readonly text: string;
}

/** Of `timeout`, and of a curl that had its limit: what was asked has not been answered in time. */
export const lateCodes: readonly number[] = [124, 28];

/** Parts of what a host was asked that it has not answered in time. */
export const lateSections = ({ sections }: Pick<Seen, "sections">): string[] =>
  Object.entries(sections).flatMap(([name, { code }]) => (lateCodes.includes(code) ? [name] : []));

/** Whether nothing is known of it: neither that it is well nor that it is not. */
export const isUnknown = (seen: Pick<Seen, "late" | "sections">, section: string): boolean =>
  seen.late || lateSections(seen).includes(section);

/** Without what would move the cursor of the terminal that it is shown on. */
const plain = (text: string) => text.replace(/[^\P{Cc}\n\t]/gu, "?");

export function readSections(text: string): Readonly<Record<string, Section>> {
  const parts = plain(text).split(/^== ([a-z]+) (\d+)$/m);
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
    for (const pem of certificatesIn(parts[at + 1] ?? "")) found.push({ path: parts[at] ?? "", pem });
  }
  return found;
}

/** A shell's exit code for a program that is not there: no content has reached the host. */
export const notDelivered = 127;

/** What `machine-apply status` told, or why it is not known. */
export interface MachineAnswer {
  readonly status?: MachineStatus;
  readonly error?: string;
}

export function readMachine(section: Section | undefined): MachineAnswer {
  const command = "machine-apply status";
  if (section?.code !== 0) return { error: `\`${command}\` ended with ${section?.code ?? "nothing"}` };
  const line = section.text.split("\n").find((text) => text.startsWith("{"));
  const read = readAnswer(command, line ?? "", machineStatus);
  return "value" in read ? { status: read.value } : read;
}

/** Why services are down. A host whose programs are older tells nothing. */
export function readDown(section: Section | undefined): readonly DownService[] {
  const line = section?.code === 0 ? section.text.split("\n").find((text) => text.startsWith("{")) : undefined;
  const read = diagnosis.safeParse(json(line ?? ""));
  return read.success ? read.data.down : [];
}

/** The version in an API server's answer to /version, without the "v". */
export function readApiVersion(section: Section | undefined): string | undefined {
  return section?.code === 0 ? /"gitVersion":\s*"v([\w.+-]{1,40})"/.exec(section.text)?.[1] : undefined;
}

/** The leases by which controllers elect a leader, of those that this master holds. */
export function readLeases(section: Section | undefined): readonly string[] {
  return readList(section, z.string().max(253));
}

const backend = z.object({ name: z.string().max(253), status: z.string().max(64) });

/** The masters as the load balancer sees them. */
export function readBackends(section: Section | undefined): readonly Readonly<z.infer<typeof backend>>[] {
  return readList(section, backend);
}

function readList<T>(section: Section | undefined, item: z.ZodType<T>): readonly T[] {
  if (section?.code !== 0) return [];
  const read = z
    .array(item)
    .max(1_000)
    .safeParse(json(section.text.slice(Math.max(0, section.text.indexOf("[")))));
  return read.success ? read.data : [];
}
