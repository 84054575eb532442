/** All that is wrong with a configuration is told in one run, and nothing that only follows from something else. */
import { describe, expect, it } from "vitest";
import { exitCodes, UserError } from "../../config/errors";
import { clusterOf, problemsOf } from "../support/plans";

const problems = (raw: Record<string, unknown>) => problemsOf({ platform: "lab", ...raw });

/** The knobs that they are about. */
const knobs = (raw: Record<string, unknown>) => problems(raw).map((line) => line.split(": ")[0]);

describe("one run shows", () => {
  it("an unknown key, a wrong type, an even shard, ranges that overlap, bad versions and unknown flags of two components", () => {
    expect(
      problems({
        kubernetesVersion: "1.20.1",
        etcdVersion: "latest",
        network: { pods: "10.96.0.0/12" },
        etcd: {
          quotaGB: 8,
          quotaGiB: "8 GiB",
          shards: {
            main: { members: 7 },
            events: { members: 4, resources: ["/events"] },
            leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
          },
        },
        masters: { flags: { apiserver: { "no-such-flag": 1, "bind-address": "x" }, scheduler: { "no-such-flag": 2 } } },
        mastres: { count: 3 },
      }),
    ).toEqual([
      'kubernetesVersion: "1.20.1" is no release of Kubernetes that can be installed; there are 1.35.4, 1.36.3, 1.37.2 (docs/releases.md says how to add one)',
      'etcdVersion: "latest" is no release of etcd that can be installed; there are 3.6.16, 3.7.3 (docs/releases.md says how to add one)',
      'etcd.quotaGiB: Invalid input: expected number, received string (got "8 GiB")',
      "etcd.quotaGB: unknown key; see docs/configuration.md for the keys there are",
      "mastres: unknown key; see docs/configuration.md for the keys there are",
      "etcd.shards.events.members: 4 members: an even size survives no more losses than 3 and needs one more acknowledgement for each write; take 3 or 5",
      "network.pods: 10.96.0.0/12 overlaps network.services (10.96.0.0/16); choose ranges that share no address",
      "masters.flags.apiserver.no-such-flag: kube-apiserver 1.37.2 does not have this flag; remove it from the configuration (got 1)",
      "masters.flags.apiserver.bind-address: protected (the plan sets 198.18.0.10): other parts of the plan depend on it; remove it from the configuration (got x)",
      "masters.flags.scheduler.no-such-flag: kube-scheduler 1.37.2 does not have this flag; remove it from the configuration (got 2)",
    ]);
  });

  it("an even shard beside a shard that is wrong itself, without a word on sums that nobody can know", () => {
    expect(
      problems({ etcd: { shards: { main: { members: 4 }, more: { members: "three", resources: ["/x"] } } } }),
    ).toEqual([
      'etcd.shards.more.members: Invalid input: expected number, received string (got "three")',
      "etcd.shards.main.members: 4 members: an even size survives no more losses than 3 and needs one more acknowledgement for each write; take 3 or 5",
      "etcd.shards.more.slot: missing: a shard of this name has no block of addresses of its own; give a free one, 3 to 11",
    ]);
  });

  it("a way back for etcd that names another version than the one to go back to", () => {
    const to = (etcdVersion: string, downgradeTo: string) => problems({ etcdVersion, etcd: { downgradeTo } });
    expect(to("3.6.16", "3.6.16")).toEqual([]);
    expect(to("3.7.3", "3.6.16")).toEqual([
      'etcd.downgradeTo: "3.6.16" is not etcdVersion, which is "3.7.3"; set both to the version to go back to, or remove etcd.downgradeTo when that is over',
    ]);
    expect(to("latest", "3.6.16")).toHaveLength(1);
  });

  it("contradictions within the workload beside an unknown key of it", () => {
    expect(problems({ workload: { nodes: 5, pods: 1000, nods: 3 } })).toEqual([
      "workload.nods: unknown key; see docs/configuration.md for the keys there are",
      "workload.pods: 1000 pods do not fit 5 nodes of 110 pods each (550); take fewer pods, or raise nodes or podsPerNode",
    ]);
  });

  it("a workload that the cluster cannot carry beside flags of two components", () => {
    const found = knobs({
      workload: { nodes: 15_000 },
      etcd: { shards: { main: { members: 3 } } },
      masters: { flags: { controllerManager: { gone: 1 }, scheduler: { gone: 1 } } },
    });
    expect(found).toEqual([
      "etcd.shards.main.databaseGiB",
      "masters.flags.controllerManager.gone",
      "masters.flags.scheduler.gone",
    ]);
  });
});

describe("nothing is told that only follows from something else", () => {
  const more = { members: 3, resources: 1, slot: "x" };
  it.each([
    [{ workload: { nodes: "many", pods: 200_000 } }, ["workload.nodes"]],
    [{ etcd: { quotaGiB: "all", shards: { main: { members: 3 } } } }, ["etcd.quotaGiB"]],
    [{ etcd: { shards: { mian: { members: 3, resources: ["/x"], slot: 4 } } } }, ["etcd.shards"]],
    [{ etcd: { shards: { Main: { members: 3 } } } }, ["etcd.shards.Main"]],
    [{ etcd: { shards: { main: { members: 3 }, more } } }, ["more.resources", "more.slot"]],
    [{ certificates: { days: 0, renewBeforeDays: 200 } }, ["certificates.days"]],
    [{ etcd: { heartbeatMs: 1 } }, ["etcd.heartbeatMs"]],
    [{ zones: ["a", "b", "zone-c"], network: { hosts: "198.18.0.0/22" } }, ["zones.2"]],
    [{ platform: undefined }, ["platform"]],
    [{ etcd: 3, masters: [], network: null }, ["network", "etcd", "masters"]],
  ])("%j: %j", (raw, about) => {
    expect(knobs(raw).map((path) => path?.replace(/^etcd\.shards\.more/, "more"))).toEqual(about);
  });

  it("a configuration without a fault has no problem, and is read as it stands", () => {
    expect(problems({})).toEqual([]);
    expect(clusterOf("test", { platform: "lab", masters: { count: 3 } }).spec.masters.count).toBe(3);
  });
});

describe("an error for a user", () => {
  it("is rendered once: the headline, and a line for each problem", () => {
    const error = new UserError("2 things are wrong", exitCodes.badConfiguration, ["a: one", "b: two"]);
    expect(error.message).toBe("2 things are wrong\n  - a: one\n  - b: two");
    expect(error.problems).toEqual(["a: one", "b: two"]);
    expect(error.exitCode).toBe(2);
    expect(new UserError("it failed").problems).toEqual(["it failed"]);
    expect(new UserError("it failed").exitCode).toBe(1);
  });

  it("says how many errors a configuration has", () => {
    expect(() => clusterOf("A", { platform: "lab" })).toThrow(
      'the configuration of stack A has 1 error; nothing was touched\n  - stack: "A" is no usable name',
    );
  });
});
