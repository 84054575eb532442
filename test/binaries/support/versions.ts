/** The releases that tests run over: those at hand, and a visible skip for every other one of the catalogue. */
import { describe, inject, test } from "vitest";
import { defaultReleases } from "../../../config/releases";
import type { Product, ReleaseHere } from "./setup";

export interface AtHand {
  readonly version: string;
  readonly path: (name: string) => string;
}

function atHand(release: ReleaseHere): AtHand | undefined {
  if ("missing" in release) return undefined;
  return {
    version: release.version,
    path: (name) => {
      const path = release.paths[name];
      if (!path) throw new Error(`no binary ${name} of ${release.version}`);
      return path;
    },
  };
}

/** Defines the tests of each release of a product. */
export function forEachVersion(product: Product, define: (release: AtHand) => void): void {
  for (const release of inject("releases")[product]) {
    const present = atHand(release);
    if (present) describe(`${product} ${present.version}`, () => define(present));
    else if ("missing" in release) test(`${product} ${release.version}`, ({ skip }) => skip(release.missing));
  }
}

/** A release, or the reason why it is not at hand. */
export function byVersion(product: Product, version: string): AtHand | string {
  const release = inject("releases")[product].find((one) => one.version === version);
  if (!release) return `${product} ${version} is not in the catalogue`;
  return atHand(release) ?? ("missing" in release ? release.missing : "not at hand");
}

/** The release that clusters get by default, or the reason why it is not at hand. */
export const byDefault = (product: Product): AtHand | string => byVersion(product, defaultReleases[product]);
