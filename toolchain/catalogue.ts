import { join } from "node:path";
import type { Arch, Binary, Product, Release } from "../config/versions";
import * as versions from "../config/versions";
import { ToolchainError } from "./errors";

/** A binary with everything known about it in one place: what config/versions.ts says, plus where its Go module is. */
export interface Entry {
  readonly name: string;
  readonly productName: string;
  readonly product: Product;
  readonly goPackage: string;
  readonly release: Release;
  /** The folder with the go.mod and go.sum that pin the source. */
  readonly moduleDir: string;
}

/** In the order they are compiled. */
export type Catalogue = readonly Entry[];

const all: Readonly<Record<string, Binary>> = versions.binaries;

export const catalogue: Catalogue = Object.entries(all).map(([name, binary]) => ({
  name,
  productName: binary.product,
  product: versions.products[binary.product],
  goPackage: binary.goPackage,
  release: binary.release,
  moduleDir: join(__dirname, binary.product),
}));

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

/** Where the release of this binary is downloaded from, and the name inside the archive, if it is one. */
export function releaseOf(entry: Entry, arch: Arch): { url: string; member: string | undefined } {
  const fill = (text: string) => text.replaceAll("{version}", entry.product.version).replaceAll("{arch}", arch);
  return { url: fill(entry.release.url), member: entry.release.member && fill(entry.release.member) };
}

/** The architecture of this machine, in Go's words. */
export function hostArch(nodeArch: string = process.arch): Arch {
  const arch = nodeArch === "x64" ? "amd64" : nodeArch;
  if (isArch(arch)) return arch;
  throw new ToolchainError("arguments", {
    what: "this machine's architecture is not one hosts can have",
    got: nodeArch,
    allowed: versions.arches.join(", "),
    todo: "name the architecture of the hosts with --arch",
  });
}

export function isArch(text: string): text is Arch {
  return (versions.arches as readonly string[]).includes(text);
}
