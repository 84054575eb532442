/** What a host says of its files and of its components' configuration. */
import { parse } from "yaml";
import { type HostEvidence, sectionOf } from "../evidence";
import { Unread } from "../unread";

export interface FileFact {
  readonly path: string;
  readonly mode: number;
  /** user:group */
  readonly owner: string;
  /** As find's %y tells it: f, d, l. */
  readonly kind: string;
}

/** By path. */
export function filesOf(host: HostEvidence): ReadonlyMap<string, FileFact> {
  const lines = sectionOf(host, "files").split("\n");
  const found = lines.flatMap((line) => {
    const [, mode = "", owner = "", kind = "", path = ""] =
      /^([0-7]{1,5}) (\S+:\S+) ([a-zA-Z]) (\/.*)$/.exec(line) ?? [];
    return path === "" ? [] : [{ path, mode: Number.parseInt(mode, 8), owner, kind }];
  });
  return new Map(found.map((file) => [file.path, file]));
}

/** What a running component was given by one of its flags. @throws Unread when it is no YAML */
export function configurationOf(host: HostEvidence, flag: string): unknown {
  const text = configurationText(host, flag);
  if (text === undefined) return undefined;
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new Unread(`${host.name}: the file of --${flag} cannot be read: ${(error as Error).message.split("\n")[0]}`);
  }
}

function configurationText(host: HostEvidence, flag: string): string | undefined {
  const blocks = sectionOf(host, "configuration").split(/^@ /m);
  const block = blocks.find((one) => one.startsWith(`${flag}\n`));
  return block
    ?.split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.slice(2))
    .join("\n");
}
