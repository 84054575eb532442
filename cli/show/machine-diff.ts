/** What changes on one host, from the old and the new content as data. */
import { X509Certificate } from "node:crypto";
import { dirname } from "node:path/posix";
import type { Machine, MachineFile, MachineService, MachineVolume } from "../../components/machine/machine";
import { lineDiff } from "./text-diff";

export interface FileChange {
  readonly path: string;
  readonly kind: "added" | "removed" | "changed";
  readonly diff: readonly string[];
}

export interface MachineChange {
  readonly files: readonly FileChange[];
  /** Everything that is no file, one line each: "sysctl vm.swappiness: 10 -> 1". */
  readonly settings: readonly string[];
  readonly restarts: readonly string[];
  readonly reloads: readonly string[];
}

/** @param unknown paths whose new content is not known yet, and may differ */
export function machineDiff(before: Machine, after: Machine, unknown: readonly string[] = []): MachineChange {
  const changed = new Set(unknown);
  const files: FileChange[] = [];
  for (const path of pathsOf(before.files, after.files)) {
    const [old, now] = [before.files[path], after.files[path]];
    if (old?.content !== now?.content) changed.add(path);
    if (old?.content !== now?.content || ownership(old) !== ownership(now)) files.push(fileChange(path, old, now));
  }
  for (const path of pathsOf(before.binaries, after.binaries)) {
    if (before.binaries[path]?.sha256 !== after.binaries[path]?.sha256) changed.add(path);
  }
  return { files, settings: settingsDiff(before, after), ...affected(before, after, changed) };
}

function pathsOf(...objects: readonly Readonly<Record<string, unknown>>[]): string[] {
  return [...new Set(objects.flatMap(Object.keys))].sort();
}

const ownership = (file: MachineFile | undefined) => file && `${file.mode} ${file.owner}`;

function fileChange(path: string, old: MachineFile | undefined, now: MachineFile | undefined): FileChange {
  if (!old && now) return { path, kind: "added", diff: shownContent(now).map((line) => `+${line}`) };
  if (old && !now) return { path, kind: "removed", diff: [] };
  const owners = ownership(old) === ownership(now) ? [] : [`-(${ownership(old)})`, `+(${ownership(now)})`];
  const text = (file: MachineFile | undefined) => (file ? `${shownContent(file).join("\n")}\n` : "");
  return { path, kind: "changed", diff: [...owners, ...lineDiff(text(old), text(now))] };
}

/** A certificate's base64 tells nobody anything; its subject and end do. */
function shownContent({ content }: MachineFile): string[] {
  if (!content.startsWith("-----BEGIN CERTIFICATE-----")) return content.replace(/\n$/, "").split("\n");
  try {
    const { subject, serialNumber, validTo } = new X509Certificate(content);
    const name = subject.split("\n").join(", ");
    return [`certificate of ${name}, ends ${new Date(validTo).toISOString().slice(0, 10)}, serial ${serialNumber}`];
  } catch {
    return ["certificate (not readable)"];
  }
}

function settingsDiff(before: Machine, after: Machine): string[] {
  const sysctl = (entry?: Machine["sysctls"][string]) => entry && `${entry.floor ? "at least " : ""}${entry.value}`;
  const binary = (entry?: Machine["binaries"][string]) =>
    entry && `${entry.name} ${entry.version} (sha256 ${entry.sha256?.slice(0, 12) ?? "not known yet"})`;
  const service = (entry?: MachineService) => {
    if (entry?.kind === "static-pod") return "static pod";
    return entry && `${entry.enabled ? "enabled" : "disabled"}, ${entry.running ? "running" : "stopped"}`;
  };
  const volume = (entry?: MachineVolume) =>
    entry && `${entry.sizeGiB} GiB ${entry.fs} at ${entry.mount} on ${entry.device}`;
  const directory = (entry?: Machine["directories"][string]) => entry && `${entry.mode} ${entry.owner}`;
  const volumes = (machine: Machine) => Object.fromEntries(machine.volumes.map((one) => [one.name, one]));
  const classes = (machine: Machine) =>
    Object.fromEntries((machine.traffic?.classes ?? []).map((entry) => [entry.name, entry]));
  const firewall = (machine: Machine) =>
    Object.fromEntries((machine.firewall?.allowed ?? []).map((rule) => [`port ${rule.port} for ${rule.name}`, rule]));
  return [
    ...entries("user", before.users, after.users, (user) => user && `home ${user.home}`),
    ...entries("directory", before.directories, after.directories, directory),
    ...entries("binary", before.binaries, after.binaries, binary),
    ...entries("sysctl", before.sysctls, after.sysctls, sysctl),
    ...lists("kernel module", before.modules, after.modules),
    ...entries("volume", volumes(before), volumes(after), volume),
    ...entries(
      "traffic class",
      classes(before),
      classes(after),
      (entry) => entry && `band ${entry.band}, ports ${entry.ports.join(", ")}`,
    ),
    ...entries("firewall", firewall(before), firewall(after), (rule) => rule?.from.join(", ")),
    ...entries("service", before.services, after.services, service),
  ];
}

function entries<T>(
  what: string,
  before: Readonly<Record<string, T>>,
  after: Readonly<Record<string, T>>,
  show: (entry: T | undefined) => string | undefined,
): string[] {
  return pathsOf(before, after).flatMap((name) => {
    const [old, now] = [show(before[name]), show(after[name])];
    return old === now ? [] : [`${what} ${name}: ${old ?? "none"} -> ${now ?? "none"}`];
  });
}

function lists(what: string, before: readonly string[], after: readonly string[]): string[] {
  return [
    ...after.filter((name) => !before.includes(name)).map((name) => `${what} ${name}: none -> loaded`),
    ...before.filter((name) => !after.includes(name)).map((name) => `${what} ${name}: no longer loaded at boot`),
  ];
}

/** The rule of machine-apply (`affected`): what a service consists of, and what it lists; mode and owner restart nothing. */
function affected(
  before: Machine,
  after: Machine,
  changed: ReadonlySet<string>,
): Pick<MachineChange, "restarts" | "reloads"> {
  const restarts: string[] = [];
  const reloads: string[] = [];
  for (const [name, service] of Object.entries(after.services)) {
    // A service that was not there is started, not restarted.
    if (!runs(service) || !runs(before.services[name])) continue;
    const own = [...changed].some((path) => isPartOf(path, name, service));
    if (own || service.restartOn.some((path) => changed.has(path))) restarts.push(name);
    else if (service.kind === "unit" && service.reloadOn.some((path) => changed.has(path))) reloads.push(name);
  }
  return { restarts: restarts.sort(), reloads: reloads.sort() };
}

function runs(service: MachineService | undefined): boolean {
  return service?.kind === "static-pod" || service?.running === true;
}

/** A static pod is its manifest; a unit its file, the template that it is an instance of, or a drop-in of them. */
function isPartOf(path: string, name: string, { kind }: MachineService): boolean {
  return kind === "static-pod" ? path === `/etc/kubernetes/manifests/${name}.yaml` : isPartOfUnit(path, name);
}

const unitFolders = ["/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"];

function isPartOfUnit(path: string, unit: string): boolean {
  const names = [unit, unit.replace(/@[^@]*\./, "@.")];
  const files = unitFolders.flatMap((folder) => names.map((name) => `${folder}/${name}`));
  return files.some((file) => path === file || dirname(path) === `${file}.d`);
}
