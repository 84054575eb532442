/** A shard whose resources are on their way out of main: the plan of each step, and which step may follow which. */
import { describe, expect, it } from "vitest";
import { type Commitments, changeProblems, commitmentsOf } from "../../components/plan/commitments";
import { shardHolding } from "../../components/plan/shards";
import type { ClusterPlan } from "../../components/plan/types";
import type { RawConfiguration } from "../../config/read";
import { clusterOf, hostOf, planOf, problemsOf, rawOf } from "../support/plans";
import { smallConfiguration as small } from "./cli-fixture";

type Move = "joined" | "served";
const etcd = (more: object, others: object = {}) => ({
  ...small,
  etcd: { ...small.etcd, shards: { ...small.etcd.shards, ...others, ...more } },
});
const pods = (move?: Move) => etcd({ pods: { members: 3, resources: ["/pods"], slot: 3, ...(move && { move }) } });
const plans: Record<"none" | "joined" | "served" | "own", ClusterPlan> = {
  none: clusterOf("lab-small", small).plan,
  joined: clusterOf("lab-small", pods("joined")).plan,
  served: clusterOf("lab-small", pods("served")).plan,
  own: clusterOf("lab-small", pods()).plan,
};
const guest = "lab-small-etcd-pods-1";
const flagsOf = (plan: ClusterPlan) =>
  hostOf(plan, "lab-small-master-1").machine.files["/etc/kubernetes/kube-apiserver.flags"]?.content ?? "";
const overridesOf = (plan: ClusterPlan) => /--etcd-servers-overrides=(.*)/.exec(flagsOf(plan))?.[1] ?? "";
const urls = (plan: ClusterPlan) =>
  [1, 2, 3].map((number) => `https://${hostOf(plan, `lab-small-etcd-pods-${number}`).endpoint}:2379`).join(";");

describe("a shard that moves out of main", () => {
  it.each(["joined", "served"] as const)("is no cluster of its own at %s: its members are members of main", (step) => {
    const plan = plans[step];
    expect(plan.shards.map(({ name }) => name)).toEqual(["main", "events", "leases"]);
    const [main] = plan.shards;
    expect(main?.members.map(({ name }) => name)).toEqual([
      ...plans.none.shards[0]!.members.map(({ name }) => name),
      ...[1, 2, 3].map((number) => `lab-small-etcd-pods-${number}`),
    ]);
    expect(plan.groups.find(({ name }) => name === "etcd-main")?.hosts).toEqual(main?.members.map(({ name }) => name));
    expect(plan.groups.map(({ name }) => name)).toEqual(plans.none.groups.map(({ name }) => name));
    const { certificates, pem } = hostOf(plan, guest);
    expect(certificates.map(({ authority }) => authority)).toEqual(
      hostOf(plan, "lab-small-etcd-main-1").certificates.map(({ authority }) => authority),
    );
    expect(pem).toEqual(hostOf(plan, "lab-small-etcd-main-1").pem);
    expect(shardHolding(plan.shards, "/pods").name).toBe("main");
  });

  it("is used by API servers when it is served, and not before", () => {
    const main = (plan: ClusterPlan) => /--etcd-servers=(.*)/.exec(flagsOf(plan))?.[1];
    expect(overridesOf(plans.joined)).toBe(overridesOf(plans.none));
    expect(overridesOf(plans.served)).toBe(`${overridesOf(plans.none)},/pods#${urls(plans.served)}`);
    expect(overridesOf(plans.own)).toBe(overridesOf(plans.served));
    for (const plan of Object.values(plans)) expect(main(plan)).toBe(main(plans.none));
  });

  it("restarts no API server and no member of main for its last step: they trust its authority before", () => {
    const without = ({ machine, pem }: { machine: { files: object; firewall?: unknown }; pem: object }) => ({
      files: machine.files,
      pem,
    });
    const master = (plan: ClusterPlan) => without(hostOf(plan, "lab-small-master-1"));
    expect(master(plans.own)).toEqual(master(plans.served));
    expect(hostOf(plans.joined, "lab-small-master-1").pem["/etc/kubernetes/pki/etcd-client-ca.crt"]).toEqual({
      kind: "authorities",
      authorities: ["main", "events", "leases", "pods"].map((shard) => `etcd-${shard}-client`),
    });
    for (const plan of Object.values(plans))
      expect(without(hostOf(plan, "lab-small-etcd-main-1"))).toEqual(
        without(hostOf(plans.none, "lab-small-etcd-main-1")),
      );
  });

  it("lets the members of both speak to each other, as long as they are one cluster", () => {
    const peers = (plan: ClusterPlan, name: string) =>
      hostOf(plan, name).machine.firewall?.allowed.find(({ port }) => port === 2380)?.from ?? [];
    for (const step of ["joined", "served"] as const)
      expect(peers(plans[step], guest)).toEqual(peers(plans[step], "lab-small-etcd-main-1"));
    expect(peers(plans.joined, guest)).toEqual([
      ...peers(plans.none, "lab-small-etcd-main-1"),
      ...peers(plans.own, guest),
    ]);
    expect(peers(plans.own, "lab-small-etcd-main-1")).toEqual(peers(plans.none, "lab-small-etcd-main-1"));
  });

  it("backs up nothing before it is a cluster: what it took after the split would be in main's repository", () => {
    const pods = { pods: { members: 3, resources: ["/pods"], slot: 3 } };
    const prod = (move?: Move) => {
      const raw = rawOf("prod-a") as { etcd?: { shards?: object } };
      const shards = {
        main: { members: 7 },
        events: { members: 5, resources: ["/events"] },
        leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
        ...raw.etcd?.shards,
        pods: { ...pods.pods, ...(move && { move }) },
      };
      return planOf("prod-a", { etcd: { ...raw.etcd, shards } } as RawConfiguration);
    };
    const timer = "etcd-backup.timer";
    for (const [plan, backs] of [
      [prod("joined"), false],
      [prod("served"), false],
      [prod(), true],
    ] as const) {
      expect(hostOf(plan, "prod-a-etcd-pods-1").machine.services[timer] !== undefined).toBe(backs);
      expect(hostOf(plan, "prod-a-etcd-main-1").machine.services[timer]).toBeDefined();
      expect(Object.keys(plan.backup?.repositories ?? {}).includes("pods")).toBe(backs);
    }
  });
});

describe("a configuration with a move", () => {
  const moving = { members: 3, resources: ["/pods"], slot: 3, move: "joined" };
  const problems = (shards: object, more: object = {}) => problemsOf({ ...etcd(shards), ...more }, "lab-small");

  it("moves one shard at a time, out of main", () => {
    expect(problems({ pods: moving })).toEqual([]);
    expect(problems({ pods: moving, nodes: { ...moving, resources: ["/nodes"], slot: 4 } }).join()).toMatch(
      /shard pods moves out of main, too; one at a time/,
    );
    expect(problems({ main: { members: 3, move: "joined" } }).join()).toMatch(/main is where resources move from/);
    expect(problems({ pods: { ...moving, move: "left" } }).join()).toMatch(/etcd\.shards\.pods\.move/);
  });

  it("moves nothing that API servers keep in main whatever they are told", () => {
    expect(problems({ own: { ...moving, resources: ["example.com/widgets"] } }).join()).toMatch(
      /example\.com\/widgets is a custom resource/,
    );
  });

  it("keeps main's quorum without any zone while there are more voters", () => {
    const sizes = (main: number, members: number, slot: number) =>
      problemsOf(
        {
          ...small,
          ephemeral: false,
          etcd: {
            backup: false,
            shards: {
              main: { members: main },
              events: { members: 3, resources: ["/events"] },
              leases: { members: 3, resources: ["coordination.k8s.io/leases"] },
              pods: { members, resources: ["/pods"], slot, move: "joined" },
            },
          },
        } as RawConfiguration,
        "lab-small",
      ).filter((line) => line.includes("while pods moves"));
    for (const [main, members] of [
      [3, 3],
      [5, 3],
      [7, 3],
      [7, 5],
      [7, 7],
    ] as const)
      expect(sizes(main, members, 3), `${main} and ${members}`).toEqual([]);
    expect(sizes(7, 1, 4)).toEqual([]);
    expect(sizes(7, 1, 3).join()).toMatch(
      /while pods moves, main has 8 voters, and loses its quorum with the zone that holds 4 of them/,
    );
  });
});

describe("steps of a move that a cluster takes", () => {
  const held = Object.fromEntries(Object.entries(plans).map(([step, plan]) => [step, commitmentsOf(plan)])) as Record<
    keyof typeof plans,
    Commitments
  >;
  const allowed = [
    ["none", "joined"],
    ["none", "served"],
    ["joined", "served"],
    ["served", "joined"],
    ["served", "none"],
    ["joined", "none"],
    ["served", "own"],
  ];
  const steps = Object.keys(plans) as (keyof typeof plans)[];

  it.each(steps.flatMap((from) => steps.filter((to) => to !== from).map((to) => [from, to] as const)))(
    "from %s to %s",
    (from, to) => {
      const problems = changeProblems(held[from], held[to]);
      if (allowed.some(([a, b]) => a === from && b === to)) {
        expect(problems).toEqual([]);
        return;
      }
      expect(problems.join()).toMatch(
        from === "own"
          ? /What has left main does not come back/
          : /Set `move: joined` .*`kilonode etcd move` goes the whole way/,
      );
    },
  );
});
