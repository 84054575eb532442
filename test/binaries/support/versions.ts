/** The versions that tests run over: those at hand, and a visible skip for every other supported one. */
import { describe, inject, test } from "vitest";
import { defaultVersions } from "../../../config/versions";
import type { Product, Release } from "./setup";

export interface AtHand {
  readonly version: string;
  readonly path: (name: string) => string;
}

function atHand(release: Release): AtHand | undefined {
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

/** Defines the tests of each version of a product. */
export function forEachVersion(product: Product, define: (release: AtHand) => void): void {
  for (const release of inject("releases")[product]) {
    const present = atHand(release);
    if (present) describe(`${product} ${present.version}`, () => define(present));
    else if ("missing" in release) test(`${product} ${release.version}`, ({ skip }) => skip(release.missing));
  }
}

/** The version that clusters get by default, or the reason why it is not at hand. */
export function byDefault(product: Product): AtHand | string {
  const release = inject("releases")[product].find(({ version }) => version === defaultVersions[product]);
  if (!release) return `${product} ${defaultVersions[product]} is not supported`;
  return atHand(release) ?? ("missing" in release ? release.missing : "not at hand");
}
