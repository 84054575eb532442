/** What a cluster that exists is held to, and how a change that it cannot take is refused. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { type Commitments, changeProblems, commitmentsOf, readCommitments } from "../../components/plan/commitments";
import type { RawConfiguration } from "../../config/read";
import { clusterOf, planOf } from "../support/plans";

const small = (change: RawConfiguration = {}) => commitmentsOf(planOf("lab-small", change));
const problems = (change: RawConfiguration) => changeProblems(small(), small(change));
const anew = "Another one is for a new cluster: an ephemeral stack gets it by `kilonode recreate`";

describe("a cluster that exists", () => {
  it("takes growth, shrinking, settings, and another name for nothing", () => {
    expect(problems({})).toEqual([]);
    expect(problems({ masters: { count: 5 }, workload: { nodes: 100 } })).toEqual([]);
    const leases = { members: 3, resources: ["coordination.k8s.io/leases"] };
    const events = { members: 1, resources: ["/events"] };
    expect(problems({ etcd: { quotaGiB: 9, shards: { main: { members: 5 }, events, leases } } })).toEqual([]);
    expect(problems({ lab: { simulatedNodes: 0 } })).toEqual([]);
  });

  it.each([
    ["another order of zones", ["b", "a", "c"], "7 of 10"],
    ["a zone less", ["a", "b"], "3 of 10"],
  ])("keeps its hosts where they are: %s", (_what, zones, count) => {
    const [problem, ...more] = problems({ zones });
    expect(more).toEqual([]);
    expect(problem).toContain(`zones, network.hosts, etcd.shards.*.slot: they would move ${count} hosts that exist: `);
    expect(problem?.endsWith(anew)).toBe(true);
  });

  it("takes a zone more as long as nobody has to move for it", () => {
    const zones = ["a", "b", "c", "d"];
    expect(problems({ zones })).toEqual([]);
    const whole = (change: RawConfiguration) => commitmentsOf(planOf("lab", change));
    expect(changeProblems(whole({}), whole({ zones }))[0]).toMatch(/they would move 1\d of 30 hosts that exist/);
  });

  it("keeps its hosts where they are: another range, another slot", () => {
    expect(problems({ network: { hosts: "198.18.160.0/20" } })[0]).toContain(
      "lab-small-etcd-main-1 from a 198.18.16.40 to a 198.18.160.40 and 9 more",
    );
    const shards = {
      main: { members: 3 },
      events: { members: 1, resources: ["/events"], slot: 5 },
      leases: { members: 1, resources: ["coordination.k8s.io/leases"] },
    };
    expect(problems({ etcd: { shards } })).toEqual([
      `zones, network.hosts, etcd.shards.*.slot: they would move 1 of 10 hosts that exist: lab-small-etcd-events-1 from b 198.18.17.58 to c 198.18.18.130. Give them the values (and zones the order) that they had. ${anew}`,
    ]);
  });

  it("keeps its ranges and its platform", () => {
    const hosts = "198.18.16.0/20";
    expect(
      problems({ network: { hosts, services: "10.97.0.0/16", pods: "10.0.0.0/12", nodes: "198.19.0.0/17" } }),
    ).toEqual([
      `network.services: 10.96.0.0/16 -> 10.97.0.0/16: Services keep the addresses that they have, and certificates of the API servers name the first one. ${anew}`,
      `network.pods: 10.128.0.0/9 -> 10.0.0.0/12: nodes keep the ranges that they were given. ${anew}`,
      `network.nodes: 198.19.0.0/16 -> 198.19.0.0/17: nodes keep their addresses. ${anew}`,
    ]);
    expect(changeProblems({ ...small(), platform: "elsewhere" }, small())).toEqual([
      `platform: elsewhere -> lab: a cluster stays on its platform. ${anew}`,
    ]);
  });

  it.each([
    ["a kind that gets a shard of its own", { "/events": "events" }, "/events would move from shard main to events"],
    ["a kind that loses its shard", {}, "/pods would move from shard pods to main"],
    ["a kind in another shard", { "/pods": "leases" }, "/pods would move from shard pods to leases"],
  ])("keeps what is stored where it is: %s", (_what, storage, found) => {
    const before: Commitments = { ...small(), storage: found.startsWith("/pods") ? { "/pods": "pods" } : {} };
    const way = found.includes("from shard main")
      ? "Set `move: joined` beside its resources and run `kilonode up`; `kilonode etcd move` goes the whole way, step by step"
      : `What has left main does not come back. ${anew}`;
    expect(changeProblems(before, { ...small(), storage })).toEqual([
      `etcd.shards: ${found}, without what is stored. ${way}`,
    ]);
  });

  it("goes from release to release by upstream's rules, with the way", () => {
    const running = (releases: Commitments["releases"]) => changeProblems({ ...small(), releases }, small());
    expect(running({ kubernetes: "1.36.3", etcd: "3.6.16" })).toEqual([]);
    expect(running({ kubernetes: "1.35.4", etcd: "3.7.3" })).toEqual([
      'kubernetesVersion: the step from Kubernetes "1.35.4" to "1.37.2" is refused: kube-apiserver must not skip a minor version (https://kubernetes.io/releases/version-skew-policy/); set kubernetesVersion: 1.36.3 and run `kilonode up`, then set kubernetesVersion: 1.37.2 and run `kilonode up`',
    ]);
    expect(changeProblems(small(), { ...small(), releases: { kubernetes: "1.36.3", etcd: "3.6.16" } })).toHaveLength(2);
  });

  it("is told all of it at once", () => {
    const { plan } = clusterOf("lab-small", { platform: "lab", zones: ["c", "b", "a"], etcdVersion: "3.6.16" });
    expect(changeProblems(small(), commitmentsOf(plan)).map((line) => line.split(":")[0])).toEqual([
      "zones, network.hosts, etcd.shards.*.slot",
      "etcdVersion",
    ]);
  });
});

describe("the program's own comparison, which stops an update", () => {
  const commit = (before: string, after: Commitments) =>
    spawnSync("components/plan/commit", {
      encoding: "utf8",
      env: { ...process.env, COMMITMENTS: JSON.stringify(after), PULUMI_COMMAND_STDOUT: before },
    });

  it("prints what the cluster is held to from now on", () => {
    const after = small({ masters: { count: 5 } });
    const { status, stdout } = commit(JSON.stringify(small()), after);
    expect({ status, held: readCommitments(stdout) }).toMatchObject({ status: 0, held: after });
    expect(commit("", after).status).toBe(0);
  });

  it("fails with every problem", () => {
    const { status, stdout, stderr } = commit(JSON.stringify(small()), small({ zones: ["c", "b", "a"] }));
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("this cluster cannot become what its configuration says; nothing was touched\n  - zones,");
  });
});
