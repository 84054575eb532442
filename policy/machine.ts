/** What a host holds, as the document that is put on it; a preview knows it once the host has its certificates. */
import { at, type Resource, textAt } from "./resource";

/** Resources whose input is a host's document: `<host>-machine`. */
export const machines = /^command:remote:Command$/;

export interface Machine {
  readonly host: string;
  readonly urn: string;
  readonly document: unknown;
}

/** undefined: it is no host's document, or not known yet. */
export function machineOf({ name, props, type, urn }: Resource): Machine | undefined {
  const host = /^(.+)-machine$/.exec(name)?.[1];
  const text = textAt(props, "stdin");
  if (!machines.test(type) || host === undefined || text === undefined) return undefined;
  return { host, urn, document: documentOf(text) };
}

/** As it is delivered: a line that makes it no JSON for who shows it, then JSON, in which a file is the list of its lines. */
function documentOf(text: string): unknown {
  return JSON.parse(text.replace(/^@machine\n/, ""), (_, value: unknown) => {
    const lines = at(value, "lines");
    return Array.isArray(lines) ? lines.join("\n") : value;
  });
}

/** A variable of etcd's on the host; undefined where it has none, and on other hosts. */
export function etcdSetting({ document }: Machine, name: string): string | undefined {
  const file = textAt(document, "files", "/etc/etcd/etcd.env", "content");
  return file && new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(file)?.[1];
}

/** All of its files. */
export const filesText = ({ document }: Machine): string =>
  Object.values((at(document, "files") ?? {}) as Record<string, unknown>)
    .map((file) => textAt(file, "content"))
    .join("\n");

/** A flag that a file of the host gives to a program. */
export const flagOf = (machine: Machine, name: string): string | undefined =>
  new RegExp(`--${name}=([^\\s"']+)`).exec(filesText(machine))?.[1];

export interface Volume {
  readonly name: string;
  readonly mount: string;
  readonly device: string;
}

export const volumesOf = ({ document }: Machine): readonly Volume[] => (at(document, "volumes") ?? []) as Volume[];

/** The path lies in this folder, or is it. */
export const isIn = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
