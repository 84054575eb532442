import { releaseProblem, releasesOf } from "../releases";

/** Minor versions whose flags are listed (known/). A release of any other does not enter the catalogue: a test compares them. */
export const listedMinors = { kubernetes: ["1.35", "1.36", "1.37"], etcd: ["3.6", "3.7"] } as const;

export interface Versions {
  readonly kubernetesVersion: string;
  readonly etcdVersion: string;
}

/** "1.37" of "1.37.2". */
export const minorOf = (version: string): string => version.split(".").slice(0, 2).join(".");

/** Problems with the versions, all of them; empty when both are releases of the catalogue. */
export function checkVersions(versions: Versions): readonly string[] {
  const { kubernetes, etcd } = releasesOf(versions);
  return [releaseProblem("kubernetes", kubernetes), releaseProblem("etcd", etcd)].filter(
    (problem) => problem !== undefined,
  );
}

/** True when the version is at least the given minor ("1.36"). */
export function atLeast(version: string, minor: string): boolean {
  const [a = 0, b = 0] = minorOf(version).split(".").map(Number);
  const [c = 0, d = 0] = minor.split(".").map(Number);
  return a > c || (a === c && b >= d);
}
