/** Every key of the configuration has a decision about what a cluster that exists does when it changes, and each decision holds. */
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { checkedCluster } from "../../components/check";
import { changeProblems, commitmentsOf } from "../../components/plan/commitments";
import { lab } from "../../components/platform/lab";
import { platforms } from "../../components/platform/registry";
import { changeOf, keyChanges } from "../../config/changes";
import { ClusterConfig } from "../../config/cluster";
import { nextKeys } from "../../config/keys";
import type { RawConfiguration } from "../../config/read";
import { renderChanges } from "../../docs/changes";
import { clusterOf, rawOf } from "../support/plans";
import { smallConfiguration } from "./cli-fixture";

/** Paths of all keys that hold a value; `*` stands for a name that the user chooses. */
function keysOf(schema: z.ZodType, path: readonly string[] = []): string[] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return keysOf(schema.def.innerType as z.ZodType, path);
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape).flatMap(([name, inner]) => keysOf(inner as z.ZodType, [...path, name]));
  if (schema instanceof z.ZodRecord && schema.def.valueType instanceof z.ZodObject)
    return keysOf(schema.def.valueType, [...path, "*"]);
  return [path.join(".")];
}

const decisions = {
  ...keyChanges,
  ...Object.fromEntries(
    Object.entries(platforms).flatMap(([name, { knobs }]) =>
      Object.entries(knobs.changes).map(([key, change]) => [`${name}.${key}`, change]),
    ),
  ),
};
const keys = [
  ...keysOf(ClusterConfig),
  ...Object.entries(platforms).flatMap(([name, { knobs }]) => keysOf(knobs.own, [name])),
];

const small = smallConfiguration;
const etcd = (more: object) => ({ etcd: { ...small.etcd, ...more } });
const shards = (more: object) => etcd({ shards: { ...small.etcd.shards, ...more } });
const events = { members: 1, resources: ["/events"] };
const pool = (more: object) => ({ pools: { workers: { count: 1, ...more } } });
const masters = (more: object) => ({ masters: { count: 3, ...more } });
const network = (more: object) => ({ network: { ...small.network, ...more } });

const onAws = (more: object) => {
  const raw = rawOf("test");
  return { ...raw, aws: { ...(raw.aws as object), ...more } };
};
const subnets = Object.fromEntries(
  ["hosts", "services", "nodes"].map((kind, index) => [
    kind,
    Object.fromEntries(["a", "b", "c"].map((zone) => [zone, `subnet-${index}000000${zone}`])),
  ]),
);

/** What is changed for each key: from, if it is not the small cluster, and to. */
const examples: Readonly<Record<string, { readonly from?: RawConfiguration; readonly to: RawConfiguration }>> = {
  ephemeral: {
    from: shards({ events: { ...events, members: 3 }, leases: { members: 3, resources: ["/leases"] } }),
    to: {
      ...shards({ events: { ...events, members: 3 }, leases: { members: 3, resources: ["/leases"] } }),
      ephemeral: false,
    },
  },
  zones: { to: { zones: ["b", "a", "c"] } },
  kubernetesVersion: { from: { kubernetesVersion: "1.35.4" }, to: { kubernetesVersion: "1.37.2" } },
  etcdVersion: { from: { etcdVersion: "3.7.3" }, to: { etcdVersion: "3.6.16" } },
  workload: { to: { workload: { nodes: 100, pods: 3000 } } },
  "network.hosts": { to: network({ hosts: "198.18.16.0/21" }) },
  "network.nodes": { to: network({ nodes: "198.19.0.0/17" }) },
  "network.services": { to: network({ services: "10.97.0.0/16" }) },
  "network.operators": { to: network({ operators: ["192.0.2.0/24"] }) },
  "network.pods": { to: network({ pods: "10.0.0.0/12" }) },
  "etcd.shards.*.members": { to: shards({ main: { members: 5 } }) },
  "etcd.shards.*.resources": { to: shards({ pods: { members: 1, resources: ["/pods"], slot: 3 } }) },
  "etcd.shards.*.move": {
    from: shards({ pods: { members: 1, resources: ["/pods"], slot: 3, move: "joined" } }),
    to: shards({ pods: { members: 1, resources: ["/pods"], slot: 3 } }),
  },
  "etcd.shards.*.slot": { to: shards({ events: { ...events, slot: 5 } }) },
  "etcd.allowMoreThanSevenVoters": { to: etcd({ allowMoreThanSevenVoters: true }) },
  "etcd.quotaGiB": { to: etcd({ quotaGiB: 4 }) },
  "etcd.heartbeatMs": { to: etcd({ heartbeatMs: 2000, electionMs: 20_000 }) },
  "etcd.electionMs": {
    from: etcd({ heartbeatMs: 500, electionMs: 5000 }),
    to: etcd({ heartbeatMs: 100, electionMs: 1000 }),
  },
  "etcd.downgradeTo": {
    from: { etcdVersion: "3.7.3" },
    to: { etcdVersion: "3.6.16", ...etcd({ downgradeTo: "3.6.16" }) },
  },
  "etcd.snapshotCount": { to: etcd({ snapshotCount: 20_000 }) },
  "etcd.backup": {
    from: {
      ephemeral: false,
      ...etcd({
        shards: {
          main: { members: 3 },
          events: { ...events, members: 3 },
          leases: { members: 3, resources: ["/leases"] },
        },
        backup: {},
      }),
    },
    to: {
      ephemeral: false,
      ...etcd({
        shards: {
          main: { members: 3 },
          events: { ...events, members: 3 },
          leases: { members: 3, resources: ["/leases"] },
        },
        backup: false,
      }),
    },
  },
  "masters.count": { to: { masters: { count: 5 } } },
  "masters.runtime": { to: masters({ runtime: "static-pod" }) },
  "masters.flags.apiserver": { to: masters({ flags: { apiserver: { "event-ttl": "30m" } } }) },
  "masters.flags.controllerManager": {
    to: masters({ flags: { controllerManager: { "node-monitor-period": "10s" } } }),
  },
  "masters.flags.scheduler": { to: masters({ flags: { scheduler: { v: 3 } } }) },
  "pools.*.count": { from: pool({}), to: pool({ count: 2 }) },
  "pools.*.labels": { from: pool({}), to: pool({ labels: { disk: "fast" } }) },
  "pools.*.taints": { from: pool({}), to: pool({ taints: [{ key: "own", effect: "NoSchedule" }] }) },
  "pools.*.runtime": { from: pool({}), to: pool({ runtime: "docker" }) },
  "pools.*.maxPods": { from: pool({}), to: pool({ maxPods: 60 }) },
  "pools.*.eviction": { from: pool({}), to: pool({ eviction: { hard: { "memory.available": "1Gi" } } }) },
  "pools.*.protected": { from: pool({}), to: pool({ protected: true }) },
  "pools.*.cpuOvercommit": { from: pool({}), to: pool({ cpuOvercommit: 1.25 }) },
  "pools.*.proxyMode": { from: pool({}), to: pool({ proxyMode: "nftables" }) },
  "pools.*.imageMirrors": { from: pool({}), to: pool({ imageMirrors: { "docker.io": ["https://mirror.example"] } }) },
  "pools.*.pauseImage": { from: pool({}), to: pool({ pauseImage: "registry.example/pause:3" }) },
  "pools.*.preload": { from: pool({}), to: pool({ preload: { base: ["registry.example/base:1"] } }) },
  "certificates.authorityDays": { to: { certificates: { authorityDays: 1000 } } },
  "certificates.days": { to: { certificates: { days: 100 } } },
  "certificates.renewBeforeDays": { to: { certificates: { renewBeforeDays: 30 } } },
  "keys.authorities": { to: { keys: { authorities: { kubernetes: [2] } } } },
  "keys.serviceAccount": { to: { keys: { serviceAccount: [2, 1] } } },
  "keys.encryption": { from: { keys: { encryption: [1, 2] } }, to: { keys: { encryption: [2] } } },
  "keys.ssh": { to: { keys: { ssh: 2 } } },
  "toolchain.source": { to: { toolchain: { source: "release" } } },
  "toolchain.sha256": { to: { toolchain: { sha256: { kwok: "0".repeat(64) } } } },
  "toolchain.imageDigests": {
    from: masters({ runtime: "static-pod" }),
    to: {
      ...masters({ runtime: "static-pod" }),
      toolchain: { imageDigests: { "kube-scheduler": `sha256:${"0".repeat(64)}` } },
    },
  },
  "lab.simulatedNodes": { to: { lab: { simulatedNodes: 7 } } },
  "aws.region": { to: onAws({ region: "eu-west-1" }) },
  "aws.account": { to: onAws({ account: "444455556666" }) },
  "aws.availabilityZones": { to: onAws({ availabilityZones: { a: "eu-central-1d" } }) },
  "aws.vpc": { to: onAws({ vpc: { id: "vpc-0123456789abcdef0", ...subnets } }) },
  "aws.egress": { to: onAws({ egress: "none" }) },
  "aws.tags": { to: onAws({ tags: { team: "platform" } }) },
  "aws.permissionsBoundary": { to: onAws({ permissionsBoundary: "arn:aws:iam::111122223333:policy/boundary" }) },
  "aws.snapshotDays": { to: onAws({ snapshotDays: 90 }) },
  "aws.disks": { to: onAws({ disks: { type: "gp3" } }) },
  "aws.image": { to: onAws({ image: "ami-0123456789abcdef1" }) },
};

/** A platform that can do all that any can. */
const able = {
  ...lab,
  facts: (spec: Parameters<typeof lab.facts>[0]) => ({
    ...lab.facts(spec),
    placesPools: true,
    runtimes: ["systemd", "static-pod"] as const,
  }),
};
const held = (change: RawConfiguration) =>
  commitmentsOf(checkedCluster("lab-small", { ...small, ...change }, { lab: able }).plan);
const heldOnAws = (change: RawConfiguration) => commitmentsOf(clusterOf("test", { ...onAws({}), ...change }).plan);

describe("a change of each key of the configuration", () => {
  it("is decided once, for keys that there are", () => {
    expect(keys.length).toBeGreaterThan(40);
    expect(keys.filter((key) => changeOf(key, decisions) === undefined)).toEqual([]);
    const stale = Object.keys(decisions).filter((path) => !keys.some((key) => `${key}.`.startsWith(`${path}.`)));
    expect(stale).toEqual([]);
  });

  it("has an example", () => {
    // Another platform is nowhere to be had.
    expect(
      Object.keys(decisions)
        .filter((key) => key !== "platform")
        .sort(),
    ).toEqual(Object.keys(examples).sort());
  });

  it.each(Object.entries(examples))("%s", (key, { from = {}, to }) => {
    const on = key.startsWith("aws.") ? heldOnAws : held;
    const problems = changeProblems(on(from), on(to));
    const decision = changeOf(key, decisions);
    if (decision?.to === "taken") {
      expect(problems).toEqual([]);
      return;
    }
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(key.startsWith("etcd.shards") ? "etcd.shards" : key);
    // With the way that there is.
    expect(problems[0]).toMatch(/kilonode (up|recreate)`|docs\/releases\.md/);
  });

  it("platform", () => {
    expect(changeProblems({ ...held({}), platform: "elsewhere" }, held({}))[0]).toMatch(
      /^platform: .*kilonode recreate`/,
    );
  });

  it("etcd's times: the steps that a refusal names are taken, one after the other", () => {
    const steps = [
      { heartbeatMs: 500, electionMs: 5000 },
      { heartbeatMs: 100, electionMs: 5000 },
      { heartbeatMs: 100, electionMs: 1000 },
    ].map((times) => held(etcd(times)));
    const [first, middle, last] = steps as [(typeof steps)[0] & {}, (typeof steps)[0] & {}, (typeof steps)[0] & {}];
    const [problem] = changeProblems(first, last);
    expect(problem).toContain("etcd.heartbeatMs: 100 and etcd.electionMs: 5000");
    for (const [a, b] of [
      [first, middle],
      [middle, last],
      [last, middle],
      [middle, first],
    ] as const)
      expect(changeProblems(a, b)).toEqual([]);
  });

  it("keys: the steps of a rotation are taken, and no other, also by a cluster that was never held to them", () => {
    const with_ = (numbers: readonly number[]) =>
      held({ keys: { encryption: numbers, serviceAccount: numbers, authorities: { "etcd-main-peer": numbers } } });
    const taken = (before: readonly number[], after: readonly number[]) =>
      changeProblems(with_(before), with_(after)).length === 0;
    let numbers: readonly number[] = [1];
    for (const next of [[1, 2], [2, 1], [2], [2, 3], [3, 2], [3]]) {
      expect(nextKeys(numbers)).toEqual(next);
      expect([taken(numbers, next), taken(next, numbers)]).toEqual([true, next.length > 1 || numbers[0] === next[0]]);
      numbers = next;
    }
    for (const [before, after] of [
      [[1], [2]],
      [[1], [2, 1]],
      [[1, 2], [2]],
      [
        [2, 1],
        [1, 3],
      ],
    ] as const)
      expect([before, after, taken(before, after)]).toEqual([before, after, false]);
    const { keys: _, ...older } = held({});
    expect(changeProblems(older, held({}))).toEqual([]);
    expect(changeProblems(older, held({ keys: { encryption: [2] } }))[0]).toMatch(/^keys\.encryption: \[1\] -> \[2\]/);
  });

  it("a quota may grow", () => {
    expect(changeProblems(held(etcd({ quotaGiB: 4 })), held({}))).toEqual([]);
  });

  it("a cluster that was made before these were held to is not refused for them", () => {
    const { network, own: _, settings: __, ...before } = held({});
    const { hosts: ___, ...ranges } = network;
    expect(changeProblems({ ...before, network: ranges }, held(etcd({ quotaGiB: 4 })))).toEqual([]);
  });

  it("docs/changes.md is current (refresh: npm run golden)", async () => {
    await expect(renderChanges()).toMatchFileSnapshot("../../docs/changes.md");
  });
});
