import { join } from "node:path";
import {
  type Arch,
  arches,
  binariesOf,
  type InC,
  type Release,
  type Releases,
  releaseProblem,
} from "../config/releases";
import { ToolchainError } from "./errors";

/** An official download. `url` and `member` have holes: see `Binary`. */
export interface Download {
  /** Absent: there is none. */
  readonly url?: string | undefined;
  /** Where the binary lies inside the archive; absent where the download is the binary itself. */
  readonly member?: string | undefined;
  /** Pinned sums of what is at `url`. */
  readonly sha256: Readonly<Partial<Record<Arch, string>>>;
}

/** A binary in one version with everything known about it in one place: what config/releases says, plus where its Go module is. */
export interface Entry {
  readonly name: string;
  readonly product: string;
  readonly release: Pick<Release, "version" | "tags" | "variables">;
  readonly module: string;
  readonly goPackage: string;
  /** Build tags beside those of the release. */
  readonly tags?: readonly string[] | undefined;
  readonly c?: InC | undefined;
  readonly download: Download;
  /** The folder with the go.mod and go.sum that pin the source. */
  readonly moduleDir: string;
}

/** In the order they are compiled. */
export type Catalogue = readonly Entry[];

/** Every binary of these releases. */
export function catalogueOf(releases: Releases): Catalogue {
  for (const product of ["kubernetes", "etcd"] as const) {
    const problem = releaseProblem(product, releases[product]);
    if (problem) throw new ToolchainError("arguments", { what: problem, todo: "name a release that there is" });
  }
  return binariesOf(releases).map(({ name, product, release, module, goPackage, tags, c, url, member }) => ({
    name,
    product,
    release,
    module,
    goPackage,
    tags,
    c,
    download: { url, member, sha256: release.sums[name] ?? {} },
    moduleDir: join(__dirname, product, release.version),
  }));
}

/**
 * The entries of these names, without doubles and in the catalogue's order, so that the same set asked for in another order gives the same
 * answer. All unknown names are reported at once.
 */
export function select(entries: Catalogue, names: readonly string[]): Entry[] {
  const known = entries.map((entry) => entry.name);
  const unknown = [...new Set(names)].filter((name) => !known.includes(name));
  if (unknown.length > 0 || names.length === 0) {
    throw new ToolchainError("arguments", {
      what: unknown.length > 1 ? "unknown binaries" : unknown.length === 1 ? "unknown binary" : "no binary named",
      got: unknown.map((name) => JSON.stringify(name)).join(", ") || "an empty list",
      allowed: known.join(", "),
      todo: "name one or more of the allowed ones, separated by commas",
    });
  }
  return entries.filter((entry) => names.includes(entry.name));
}

/** Where this binary is downloaded from, and the name inside the archive, if it is one; undefined where there is no download. */
export function downloadOf(entry: Entry, arch: Arch): { url: string; member: string | undefined } | undefined {
  const { url, member } = entry.download;
  const machine = arch === "amd64" ? "x86_64" : arch;
  const fill = (text: string) =>
    text.replaceAll("{version}", entry.release.version).replaceAll("{arch}", arch).replaceAll("{machine}", machine);
  return url === undefined ? undefined : { url: fill(url), member: member && fill(member) };
}

/** The architecture of this machine, in Go's words. */
export function hostArch(nodeArch: string = process.arch): Arch {
  const arch = nodeArch === "x64" ? "amd64" : nodeArch;
  if (isArch(arch)) return arch;
  throw new ToolchainError("arguments", {
    what: "this machine's architecture is not one hosts can have",
    got: nodeArch,
    allowed: arches.join(", "),
    todo: "name the architecture of the hosts with --arch",
  });
}

export function isArch(text: string): text is Arch {
  return (arches as readonly string[]).includes(text);
}
