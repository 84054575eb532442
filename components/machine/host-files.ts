/** The real files under files/, which mirrors "/": what a host gets is what shellcheck and systemd-analyze have seen. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isOneLine } from "../../config/one-line";
import type { MachineFile } from "./machine";

const tree = join(__dirname, "files");

/** The text of a file of the tree. @param path absolute on the host, for instance "/etc/systemd/system/etcd.service" */
export function hostText(path: string): string {
  return readFileSync(join(tree, path), "utf8");
}

/** The files of a folder of the tree that end so, sorted. @param folder absolute on the host */
export function hostPaths(folder: string, ending: string): string[] {
  const names = readdirSync(join(tree, folder)).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => `${folder}/${name}`);
}

/** A file of the tree for a host: executable when it is executable in the tree. */
export function hostFile(path: string): MachineFile {
  const executable = (statSync(join(tree, path)).mode & 0o100) !== 0;
  return { mode: executable ? "0755" : "0644", owner: "root:root", content: hostText(path) };
}

/** Several of them, keyed by path. */
export function hostFiles(...paths: string[]): Record<string, MachineFile> {
  return Object.fromEntries(paths.map((path) => [path, hostFile(path)]));
}

const units = "/usr/local/lib/systemd/system";

/** The drop-in that gives a service the sandbox of all services. A unit restarts when it changes, as for every drop-in. */
export function hardening(unit: string): Record<string, MachineFile> {
  return { [`${units}/${unit}.d/hardening.conf`]: hostFile(`${units}/hardening.conf`) };
}

/** Services of the tree, each in its sandbox. */
export function hostServices(...names: string[]): Record<string, MachineFile> {
  return Object.assign({}, ...names.map((name) => ({ ...hostFiles(`${units}/${name}`), ...hardening(name) })));
}

/** A file with computed content. Default: readable by all, written by root. */
export function textFile(content: string, owner = "root:root", mode = "0644"): MachineFile {
  return { mode, owner, content: content.endsWith("\n") ? content : `${content}\n` };
}

/**
 * Text that is read by lines. A value is a part of one line, a list of values is a line each: none begins a line of its own.
 * @throws Error for a value of several lines, which a configuration cannot give (config/section.ts)
 */
export function lines(
  text: TemplateStringsArray,
  ...values: readonly (string | number | boolean | readonly string[])[]
): string {
  const parts = values.map((value) => (Array.isArray(value) ? value.map(oneLine).join("\n") : oneLine(String(value))));
  return text.map((part, index) => `${part}${parts[index] ?? ""}`).join("");
}

function oneLine(value: string): string {
  if (!isOneLine(value)) throw new Error(`${JSON.stringify(value)} is not one line`);
  return value;
}

/** `NAME=value` lines, sorted: for systemd's EnvironmentFile, and for a shell that reads the file. */
export function environmentFile(variables: Readonly<Record<string, string | number | boolean>>): MachineFile {
  const settings = Object.entries(variables)
    .map(([name, value]) => `${name}=${quoted(String(value))}`)
    .sort();
  return textFile(lines`${settings}`);
}

/** As machine_apply/files.py has it. */
const quoted = (value: string) =>
  /^[\w.,:/=@+%-]*$/.test(value) ? value : `"${value.replaceAll(/["\\$`]/g, (special) => `\\${special}`)}"`;
