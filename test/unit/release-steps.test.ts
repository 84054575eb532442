import { describe, expect, test } from "vitest";
import { defaultReleases, etcdVersions, kubernetesVersions, type Releases } from "../../config/releases";
import { releaseStepProblem, releaseStepProblems } from "../../config/releases/steps";

type Chosen = keyof Releases;

const step = (product: Chosen, from: string, to: string): string[] =>
  releaseStepProblems({ ...defaultReleases, [product]: from }, { ...defaultReleases, [product]: to });
const minorOf = (version: string): number => Number(version.split(".")[1]);
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** Versions around those of the catalogue: minors that it has and has not, patches below, at and above. */
const around: Readonly<Record<Chosen, readonly string[]>> = {
  kubernetes: range(33, 39).flatMap((minor) => [0, 2, 3, 4, 99].map((patch) => `1.${minor}.${patch}`)),
  etcd: range(4, 9).flatMap((minor) => [0, 3, 10, 11, 16, 25, 26, 99].map((patch) => `3.${minor}.${patch}`)),
};
const catalogues = { kubernetes: kubernetesVersions, etcd: etcdVersions };
const knobs = { kubernetes: "kubernetesVersion", etcd: "etcdVersion" };

/** The versions that a refusal says to go to, one after the other. */
const wayOf = (product: Chosen, problem: string): string[] =>
  [...problem.matchAll(new RegExp(`set ${knobs[product]}: (\\S+) and run`, "g"))].map(
    ([, version]) => version as string,
  );

describe.each(["kubernetes", "etcd"] as const)("steps of %s", (product) => {
  const all = [...new Set([...around[product], ...catalogues[product]])];
  const pairs = all.flatMap((from) => all.map((to): [string, string] => [from, to]));

  test("stay, a patch up or down, and one minor up are allowed, nothing else", () => {
    const least =
      product === "etcd"
        ? new Map([
            [6, 26],
            [7, 11],
          ])
        : new Map<number, number>();
    for (const [from, to] of pairs) {
      const up = minorOf(to) - minorOf(from);
      const enough = up !== 1 || Number(from.split(".")[2]) >= (least.get(minorOf(to)) ?? 0);
      expect([from, to, step(product, from, to).length]).toEqual([from, to, (up === 0 || up === 1) && enough ? 0 : 1]);
    }
  });

  test("a refusal names both versions, the knob, a reason with its source, and what to do", () => {
    for (const [from, to] of pairs)
      for (const problem of step(product, from, to)) {
        expect(problem).toContain(
          `${knobs[product]}: the step from ${product === "etcd" ? "etcd" : "Kubernetes"} "${from}" to "${to}" is refused: `,
        );
        expect(problem).toContain("https://");
        expect(problem).toMatch(
          /; (set|keep) \w+Version: \d|; no release \d+\.\d+.* can be installed; .*docs\/releases\.md/,
        );
      }
  });

  test("the way that a refusal shows is a chain of allowed steps through the catalogue, and leads there", () => {
    let shown = 0;
    for (const [from, to] of pairs.filter(([, to]) => catalogues[product].includes(to)))
      for (const problem of step(product, from, to)) {
        const way = wayOf(product, problem);
        if (way.length === 0) continue;
        shown++;
        expect(way.length).toBeGreaterThan(1);
        expect(way.at(-1)).toBe(to);
        for (const stop of way) expect(catalogues[product]).toContain(stop);
        for (const [index, stop] of way.entries()) expect(step(product, way[index - 1] ?? from, stop)).toEqual([]);
      }
    expect(shown).toBeGreaterThan(0);
  });

  test("from one release of the catalogue to any newer one there is a way", () => {
    const versions = catalogues[product];
    for (const [index, from] of versions.entries())
      for (const to of versions.slice(index))
        for (const problem of step(product, from, to)) expect(wayOf(product, problem).at(-1)).toBe(to);
  });

  test.each(["", "latest", "1.37", "v3.7.3", "constructor", "1.2.3.4", "1.2.99999", "x".repeat(5000)])(
    "%j is no version to step from",
    (from) => {
      const [problem = "", ...more] = step(product, from, defaultReleases[product]);
      expect(more).toEqual([]);
      expect(problem).toContain("is no exact version; `kilonode status` shows what runs");
      expect(problem.length).toBeLessThan(400);
    },
  );
});

describe("texts", () => {
  test("a skip says the way", () => {
    expect(step("kubernetes", "1.35.4", "1.37.2")).toEqual([
      'kubernetesVersion: the step from Kubernetes "1.35.4" to "1.37.2" is refused: kube-apiserver must not skip a minor version (https://kubernetes.io/releases/version-skew-policy/); set kubernetesVersion: 1.36.3 and run `kilonode up`, then set kubernetesVersion: 1.37.2 and run `kilonode up`',
    ]);
  });

  test("a patch that is too old says which is needed first", () => {
    expect(step("etcd", "3.6.4", "3.7.3")).toEqual([
      'etcdVersion: the step from etcd "3.6.4" to "3.7.3" is refused: members must run 3.6.11 or later first (https://etcd.io/docs/v3.7/upgrades/upgrade_3_7/); set etcdVersion: 3.6.16 and run `kilonode up`, then set etcdVersion: 3.7.3 and run `kilonode up`',
    ]);
  });

  test("a downgrade says where to stay, also where that very release is not to be had", () => {
    expect(step("etcd", "3.7.3", "3.6.16")).toEqual([
      'etcdVersion: the step from etcd "3.7.3" to "3.6.16" is refused: a member of an older minor version does not start on the data of a newer one (https://etcd.io/docs/v3.7/downgrades/downgrade_3_7/); keep etcdVersion: 3.7.3 (docs/releases.md, "The way back"). Or have etcd go back by its own downgrade: set etcd.downgradeTo: "3.6.16" beside it',
    ]);
    // Two minor versions, and a patch from which it could not come up again, etcd does not go back to.
    for (const to of ["3.5.26", "3.6.10"]) expect(step("etcd", "3.7.3", to)[0]).not.toContain("downgradeTo");
    expect(step("kubernetes", "1.37.9", "1.36.3")[0]).toContain("; keep kubernetesVersion: 1.37.2 (docs/releases.md");
    expect(step("kubernetes", "1.38.1", "1.37.2")[0]).toContain(
      "; no release 1.38 can be installed; use the Kilonode that installed it",
    );
  });

  test("etcd's own downgrade is allowed where it is asked for: by one minor version, of etcd alone", () => {
    const asked = (product: Chosen, from: string, to: string) =>
      releaseStepProblem(product, from, to, { downgrade: true }) === undefined;
    expect(asked("etcd", "3.7.3", "3.6.16")).toBe(true);
    expect(asked("etcd", "3.7.3", "3.6.11")).toBe(true);
    expect(asked("etcd", "3.7.3", "3.6.10")).toBe(false);
    expect(asked("etcd", "3.8.0", "3.6.16")).toBe(false);
    expect(asked("kubernetes", "1.37.2", "1.36.3")).toBe(false);
    const both = [
      { kubernetes: "1.37.2", etcd: "3.7.3" },
      { kubernetes: "1.37.2", etcd: "3.6.16" },
    ] as const;
    expect(releaseStepProblems(...both)).toHaveLength(1);
    expect(releaseStepProblems(...both, undefined, { downgrade: true })).toEqual([]);
  });

  test("both products are told at once, etcd first", () => {
    const problems = releaseStepProblems(
      { kubernetes: "1.35.4", etcd: "3.7.3" },
      { kubernetes: "1.37.2", etcd: "3.6.16" },
    );
    expect(problems.map((problem) => problem.split(":")[0])).toEqual(["etcdVersion", "kubernetesVersion"]);
    expect(releaseStepProblems({ kubernetes: "1.36.3", etcd: "3.6.16" }, defaultReleases)).toEqual([]);
  });

  test("where it is not known what runs, nothing is refused that may be done from one of both", () => {
    const [to, old] = [
      { kubernetes: "1.37.2", etcd: "3.7.3" },
      { kubernetes: "1.36.3", etcd: "3.6.16" },
    ];
    expect(releaseStepProblems(to, old)).toHaveLength(2);
    expect(releaseStepProblems(to, old, old)).toEqual([]);
    expect(releaseStepProblems(to, old, { ...old, etcd: to.etcd })).toEqual(step("etcd", "3.7.3", "3.6.16"));
  });

  test("nothing is known of a step between major versions", () => {
    expect(step("etcd", "3.7.3", "4.0.0")[0]).toContain(
      "upstream describes no step between major versions; keep etcdVersion: 3.7.3",
    );
  });
});
