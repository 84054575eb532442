/** Which releases there are, which a cluster runs, and what is wrong with a version that is none of them. */
import { lookup } from "../lookup";
import { type BinaryName, binaries } from "./binaries";
import type { Binary } from "./binary";
import { catalogue, type Product, type Release } from "./catalogue";

export { type BinaryName, binaries, defaultBinaries, realNodeBinaries } from "./binaries";
export type { Binary, CLibrary, InC } from "./binary";
export { type Arch, arches, catalogue, type Product, type Release } from "./catalogue";

/** What a cluster's configuration chooses. Everything else follows from it: the version of each binary, its flags. */
export interface Releases {
  readonly kubernetes: string;
  readonly etcd: string;
}

const versionsOf = (product: Product): readonly string[] => catalogue[product].map(({ version }) => version);

/** Oldest first. */
export const kubernetesVersions = versionsOf("kubernetes");
export const etcdVersions = versionsOf("etcd");

/** What a cluster runs unless its configuration says otherwise. */
export const defaultReleases: Releases = { kubernetes: "1.37.2", etcd: "3.7.3" };

export function releasesOf(spec: { readonly kubernetesVersion: string; readonly etcdVersion: string }): Releases {
  return { kubernetes: spec.kubernetesVersion, etcd: spec.etcdVersion };
}

/** A binary in one version. */
export interface ReleasedBinary extends Binary {
  readonly name: BinaryName;
  readonly release: Release;
}

/**
 * Every binary in the version that goes with these releases, in the order they are compiled.
 * @throws Error for a version that is no release; a configuration was asked {@link releaseProblem} before
 */
export function binariesOf(releases: Releases): readonly ReleasedBinary[] {
  return Object.entries(binaries).map(([name, binary]) => ({
    ...binary,
    name: name as BinaryName,
    release: releaseOf(binary.product, releases),
  }));
}

function releaseOf(product: Product, releases: Releases): Release {
  const version = lookup<string>({ ...releases }, product) ?? versionsOf(product).at(-1);
  const release = catalogue[product].find((one) => one.version === version);
  if (!release) throw new Error(releaseProblem(product, version));
  return release;
}

export const titles: Readonly<Record<Product, string>> = {
  etcd: "etcd",
  kubernetes: "Kubernetes",
  kwok: "kwok",
  restic: "restic",
  versitygw: "versitygw",
  containerd: "containerd",
  runc: "runc",
  "cni-plugins": "the CNI plugins",
  "cri-tools": "cri-tools",
  crane: "crane",
};

/** Why this value names no release that can be installed, with those that can; undefined if it names one. */
export function releaseProblem(product: Product, value: unknown): string | undefined {
  const versions = versionsOf(product);
  if (versions.some((version) => version === value)) return undefined;
  const got = JSON.stringify(value) ?? "nothing";
  const problem = `${got} is no release of ${titles[product]} that can be installed; there are ${versions.join(", ")}`;
  const start = got.replaceAll(/^"?v?|"$/g, "");
  const meant = versions.findLast((version) => `${version}.`.startsWith(`${start}.`));
  return `${problem} (${meant ? `written in full: "${meant}"` : "docs/releases.md says how to add one"})`;
}
