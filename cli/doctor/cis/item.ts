/** An item of the benchmark, and the ways in which items are judged. */
import type { HostPlan } from "../../../components/plan/types";
import { bounded, byWhat } from "../checks/judging";
import { answering, type Evidence, type HostEvidence, type Process } from "../evidence";
import type { CheckStatus, Verdict } from "../types";
import { type FileFact, filesOf } from "./host";

export interface CisItem {
  /** Of the benchmark: "1.2.16". */
  readonly id: string;
  readonly title: string;
  readonly judge: (evidence: Evidence) => Verdict;
}

/** How one thing is on one host. */
export type Seen = Pick<Verdict, "status" | "found" | "because">;

export const good = (found: string): Seen => ({ status: "ok", found });
export const bad = (found: string): Seen => ({ status: "failed", found });
/** Otherwise than the benchmark has it, on purpose. */
export const departs = (found: string, because: string): Seen => ({ status: "explained", found, because });
/** There is nothing that it could be about. */
export const without = (found: string, because: string): Seen => ({ status: "skipped", found, because });

const worstFirst: readonly CheckStatus[] = ["failed", "warning", "unknown", "explained", "ok", "skipped"];

/** The worst that was seen on any host, and who shows it. */
export function worst(seen: readonly (readonly [host: string, seen: Seen])[]): Verdict {
  const status = worstFirst.find((one) => seen.some(([, { status: got }]) => got === one)) ?? "skipped";
  const shown = seen.filter(([, { status: got }]) => got === status);
  const texts = new Set(shown.map(([, { found }]) => found));
  const because = shown.find(([, one]) => one.because !== undefined)?.[1].because;
  const alike = texts.size === 1 && shown.length === seen.length;
  const [first = "", ...others] = bounded(byWhat(shown.map(([host, { found }]) => [host, found] as const)));
  return {
    status,
    found: alike ? [...texts].join("") : first,
    ...(because !== undefined && { because }),
    ...(others.length > 0 && { details: others }),
  };
}

type Look = (host: HostEvidence) => Seen;

/** On every host of a role. */
export const on =
  (role: HostPlan["role"], look: Look) =>
  (evidence: Evidence): Verdict =>
    worst(answering(evidence, role).map((host) => [host.name, look(host)]));

export type Flags = ReadonlyMap<string, string>;

/** Command line and ETCD_* settings, by the flag's name. The last of two counts, as for the process itself. */
export function flagsOf({ args, env }: Process): Flags {
  const given = args.flatMap((arg): [string, string][] => {
    const [, name, value = "true"] = /^--([^=]+)(?:=([\s\S]*))?$/.exec(arg) ?? [];
    return name === undefined ? [] : [[name, value]];
  });
  const settings = Object.entries(env).flatMap(([name, value]): [string, string][] =>
    name.startsWith("ETCD_") ? [[name.slice(5).toLowerCase().replaceAll("_", "-"), value]] : [],
  );
  return new Map([...settings, ...given]);
}

/** Of a component that every host of the role runs. */
export const running = (role: HostPlan["role"], component: string, look: (flags: Flags, host: HostEvidence) => Seen) =>
  on(role, (host) => {
    const process = host.processes[component];
    return process ? look(flagsOf(process), host) : bad(`${component} does not run`);
  });

export const entries = (flags: Flags, name: string): string[] =>
  (flags.get(name) ?? "").split(",").filter((one) => one !== "");

/** Each of these flags has a value. */
export function given(flags: Flags, ...names: readonly string[]): Seen {
  const missing = names.filter((name) => (flags.get(name) ?? "") === "");
  if (missing.length > 0) return bad(`${missing.map((name) => `--${name}`).join(", ")} not set`);
  return good(names.map((name) => shown(flags, name)).join(", "));
}

export const shown = (flags: Flags, name: string): string =>
  flags.has(name) ? `--${name}=${flags.get(name)}` : `--${name} not set`;

/** @param ownDefault what the component takes when the flag is not given */
export function equals(flags: Flags, name: string, wanted: string, ownDefault?: string): Seen {
  const value = flags.get(name) ?? ownDefault;
  const text = flags.has(name) ? shown(flags, name) : `${shown(flags, name)}, which is ${ownDefault ?? "not enough"}`;
  return value === wanted ? good(text) : bad(text);
}

/** No bit of the mode beyond those that are allowed. */
export const within = (mode: number, allowed: number): boolean => (mode & 0o7777 & ~allowed) === 0;

export const described = ({ path, mode, owner, kind }: FileFact): string =>
  `${path} ${mode.toString(8).padStart(4, "0")} ${owner}${kind === "l" ? ", a symbolic link" : ""}`;

/** Files that are not as they should be; or all of them in few words. */
export function allFiles(files: readonly FileFact[], isGood: (file: FileFact) => boolean, what: string): Seen {
  const wrong = files.filter((file) => file.kind === "l" || !isGood(file));
  return wrong.length > 0 ? bad(wrong.map(described).slice(0, 4).join(", ")) : good(`${files.length} ${what}`);
}

export const present = (host: HostEvidence, paths: readonly string[]): FileFact[] => {
  const files = filesOf(host);
  return paths.flatMap((path) => files.get(path) ?? []);
};

export const below = (host: HostEvidence, folder: string): FileFact[] =>
  [...filesOf(host).values()].filter(({ path, kind }) => path.startsWith(`${folder}/`) && kind !== "d");
