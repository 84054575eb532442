/** Which stack can become a clone of which, and what is left out of it. */
import { describe, expect, it } from "vitest";
import { cloneProblems } from "../../cli/etcd/clone/checks";
import { planText } from "../../cli/etcd/clone/clone";
import { dropped, isCloned, keysOf } from "../../cli/etcd/clone/dropped";
import type { RawConfiguration } from "../../config/read";
import { clusterOf } from "../support/plans";
import { smallConfiguration } from "./cli-fixture";

const backed = { etcd: { ...smallConfiguration.etcd, backup: {} } };
const planOf = (stack: string, more: RawConfiguration = backed) =>
  clusterOf(stack, { ...smallConfiguration, ...more }).plan;
const source = planOf("lab-small");
const problems = (more: RawConfiguration) => cloneProblems(source, planOf("lab-other", { ...backed, ...more }));

describe("a clone", () => {
  it("goes into an ephemeral stack of the same layout that has a store", () => {
    expect(problems({})).toEqual([]);
    expect(
      cloneProblems(
        planOf("lab-small", { ...backed, kubernetesVersion: "1.36.3", etcdVersion: "3.6.16" }),
        planOf("lab-other"),
      ),
    ).toEqual([]);
  });

  it.each([
    [
      "has other Services' addresses",
      { network: { ...smallConfiguration.network, services: "10.97.0.0/16" } },
      /^`network\.services` is 10\.97/,
    ],
    ["has no store", { etcd: smallConfiguration.etcd }, /^lab-other has no store/],
    [
      "cannot read what was written",
      { kubernetesVersion: "1.36.3" },
      /^`kubernetesVersion` is 1\.36\.3, which cannot read/,
    ],
    ["has an older etcd", { etcdVersion: "3.6.16" }, /^`etcdVersion` is 3\.6\.16, which cannot read/],
    [
      "keeps resources elsewhere",
      { etcd: { shards: { main: { members: 3 } }, backup: {} } },
      /^`etcd\.shards` of lab-other/,
    ],
  ] as const)("is refused where the stack %s", (_why, more, text) => {
    expect(problems(more as RawConfiguration)).toEqual([expect.stringMatching(text)]);
  });

  it("is refused where what is there is wanted, of itself, and where there is nothing to take", () => {
    expect(cloneProblems(source, { ...planOf("lab-other"), ephemeral: false })).toEqual([
      expect.stringMatching(/^lab-other is not ephemeral: what it has would go/),
    ]);
    expect(cloneProblems(source, source)).toEqual([expect.stringMatching(/^a stack is no clone of itself/)]);
    expect(cloneProblems(planOf("lab-small", { etcd: smallConfiguration.etcd }), planOf("lab-other"))).toEqual([
      expect.stringMatching(/^lab-small makes no backups/),
    ]);
  });
});

describe("what is left out", () => {
  it("is a whole resource, or one object, and nothing beside it", () => {
    expect(keysOf("secrets")).toEqual(["--prefix", "/registry/secrets/"]);
    expect(keysOf("services/endpoints/default/kubernetes")).toEqual([
      "/registry/services/endpoints/default/kubernetes",
    ]);
    expect(keysOf("apiregistration.k8s.io/apiservices")).toEqual([
      "--prefix",
      "/registry/apiregistration.k8s.io/apiservices/",
    ]);
  });

  it("names credentials, hosts, disks and callers of the other cluster, once each, with the reason", () => {
    const all = dropped.map(({ resource }) => resource);
    expect(new Set(all).size).toBe(all.length);
    for (const one of [
      "secrets",
      "minions",
      "leases",
      "masterleases",
      "persistentvolumes",
      "mutatingwebhookconfigurations",
    ])
      expect(all).toContain(one);
    for (const { because } of dropped) expect(because.length).toBeGreaterThan(20);
  });

  it("is all of a shard of events, leases or pods, and not of main, or of one that holds more", () => {
    expect([["/events"], ["coordination.k8s.io/leases"], ["/pods", "/secrets"]].map(isCloned)).toEqual([
      false,
      false,
      false,
    ]);
    expect([[], ["/configmaps"], ["/events", "apps/deployments"]].map(isCloned)).toEqual([true, true, true]);
  });

  it("is said before, with the snapshots, and that workloads go along", () => {
    const snapshot = { id: "4f1c22ab00", keys: 7, takenAt: "2026-11-29T03:00:00Z" } as never;
    const text = planText("prod", "test", [{ shard: "main", snapshot }], dropped);
    expect(text).toMatch(
      /^test gets the content of prod:\n {2}etcd main: snapshot 4f1c22ab, taken .*, 7 keys\nwithout\n/,
    );
    expect(text).toContain("  secrets: they are encrypted");
    expect(text).toContain("WORKLOADS GO ALONG");
  });
});
