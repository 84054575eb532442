/**
 * The life of whole clusters on the pretended account of AWS, from nothing to nothing, with what must never be looked for after every single
 * operation (support/lifecycle/model.ts): the unmodified program and its real rollouts over pretended hosts. Real hosts: test/lab/aws.test.ts.
 */
import { createRequire } from "node:module";
import { register } from "tsx/cjs/api";
import { afterAll, describe, expect, it, vi } from "vitest";
import { consentTo } from "../../cli/commands/consent";
import { components } from "../../components/control-plane/flags";
import type { RawConfiguration } from "../../config/read";
import type { Result } from "../../engine";
import { clusterOf, rawOf } from "../support/plans";
import type { Options, Point } from "./support/lifecycle/cluster";
import { after, type Cluster, forbidden, unborn, violations } from "./support/lifecycle/model";

// The program loads parts of itself when it needs them, as Node does.
register();
const load = createRequire(import.meta.url);
const { LifecycleCluster } = load("./support/lifecycle/cluster") as typeof import("./support/lifecycle/cluster");
const { terminate } = load(
  "../../engine/providers/aws/rows/instances",
) as typeof import("../../engine/providers/aws/rows/instances");

vi.setConfig({ testTimeout: 900_000, hookTimeout: 120_000 });

const image = (last: number) => `ami-0123456789abcde${last.toString(16).padStart(2, "0")}`;
const aws = { region: "eu-central-1", account: "111122223333", egress: "one-nat", disks: { type: "gp3" } };

const instance = "aws:ec2/instance:Instance";
/** What was made anew, in its order. */
const replaced = (points: readonly Point[]) =>
  points
    .filter(({ type, verb }) => type === instance && verb === "create")
    .map(({ name }) => name.replace(/^[^-]+-(a-)?/, ""));
const said = ({ diagnostics, result }: Result) =>
  result === "succeeded"
    ? []
    : [result, ...diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message)];

class Life {
  readonly cluster: InstanceType<typeof LifecycleCluster>;
  constructor(stack: string, options: Options) {
    this.cluster = new LifecycleCluster(stack, options);
  }

  /** @returns what was done, when all went as it must */
  async up(...args: Parameters<InstanceType<typeof LifecycleCluster>["up"]>): Promise<readonly Point[]> {
    const before = this.cluster.operations.length;
    expect(said(await this.cluster.up(...args))).toEqual([]);
    expect(this.cluster.broken).toEqual([]);
    return this.cluster.operations.slice(before);
  }
}

const lives: Life[] = [];
function life(stack: string, options: Options = {}): Life {
  const made = new Life(stack, options);
  lives.push(made);
  return made;
}
afterAll(() => {
  for (const { cluster } of lives) cluster.close();
});

describe("a small cluster that may be thrown away, on EBS", () => {
  const base = { aws: { ...aws, image: image(1) }, kubernetesVersion: "1.36.3", etcdVersion: "3.6.16" };
  let sysctl: string | undefined;
  const test = life("test", {
    base,
    together: { type: instance, count: 7 },
    alter: ({ hosts }) => {
      for (const { machine } of hosts)
        if (sysctl !== undefined) Object.assign(machine.sysctls, { "kernel.panic": { value: sysctl, floor: false } });
    },
  });
  let now: RawConfiguration = {};
  const change = (more: RawConfiguration) => {
    now = { ...now, ...more };
    return test.up(now);
  };
  const members = ["etcd-main-1", "etcd-main-2", "etcd-main-3"];
  const all = ["etcd-events-1", ...members, "master-1", "master-2", "master-3"];

  it("is made from nothing, all instances at once", async () => {
    expect(replaced(await test.up()).sort()).toEqual(all);
  });

  it("does not change when nothing is to change", async () => {
    expect(await test.up()).toEqual([]);
  });

  it("takes another image one host of a group at a time, and keeps its volumes", async () => {
    const done = await change({ aws: { ...aws, image: image(2) } });
    expect(replaced(done).sort()).toEqual(all);
    expect(done.filter(({ type }) => type.endsWith(":Volume"))).toEqual([]);
    expect(await test.up(now)).toEqual([]);
  });

  it("takes other user-data in the same way", async () => {
    const { cloud } = test.cluster;
    // As a release before had made them.
    for (const one of cloud.all(instance))
      cloud.put({
        ...one,
        outputs: { ...one.outputs, tagsAll: { ...(one.outputs.tagsAll as object), "kilonode:machine": "user-data 0" } },
      });
    expect(replaced(await test.up(now)).sort()).toEqual(all);
  });

  it("takes another instance type, and the sizes that come with it", async () => {
    const types = () => [...new Set(test.cluster.cloud.all(instance).map(({ inputs }) => inputs.instanceType))].sort();
    const before = types();
    await change({ workload: { nodes: 1000, pods: 50_000 } });
    expect(types()).not.toEqual(before);
    expect(await test.up(now)).toEqual([]);
  });

  it("takes more throughput and another size of volumes on those that there are", async () => {
    const volumes = (done: readonly Point[]) =>
      done.filter(({ type }) => type.endsWith(":Volume")).map(({ verb }) => verb);
    const faster = await change({ aws: { ...aws, image: image(2), disks: { type: "gp3", throughputMiB: 250 } } });
    expect([volumes(faster), replaced(faster)]).toEqual([Array(8).fill("update"), []]);
    const shards = { main: { members: 3 }, events: { members: 1, resources: ["/events"] } };
    const larger = await change({ etcd: { quotaGiB: 16, shards } });
    expect([...new Set(volumes(larger))]).toEqual(["update"]);
  });

  it("goes to the next releases of etcd and of Kubernetes", async () => {
    expect(replaced(await change({ etcdVersion: "3.7.3" }))).toEqual([]);
    expect(replaced(await change({ kubernetesVersion: "1.37.2" }))).toEqual([]);
  });

  it("takes a sysctl without a restart", async () => {
    sysctl = "7";
    const done = await test.up(now);
    expect(done.filter(({ name }) => name.endsWith("-machine"))).toHaveLength(7);
    expect(replaced(done)).toEqual([]);
  });

  it("makes a host again that was lost, before any other goes for another image", async () => {
    const lost = test.cluster.cloud.all(instance).find(({ name }) => name === "test-etcd-main-2");
    if (lost) terminate(lost, test.cluster.cloud);
    const done = await change({ aws: { ...aws, image: image(3), disks: { type: "gp3", throughputMiB: 250 } } });
    expect(replaced(done).sort()).toEqual(all);
    expect(replaced(done).filter((name) => name.startsWith("etcd-main"))[0]).toBe("etcd-main-2");
  });

  it("stops a roll where a zone has no instance left, the quorum intact, and goes on when it has", async () => {
    const next = { ...now, aws: { ...aws, image: image(4), disks: { type: "gp3", throughputMiB: 250 } } };
    const before = test.cluster.operations.length;
    const stopped = await test.cluster.up(next, [
      { on: `create ${instance} test-etcd-main-*`, fault: "no-capacity", zone: "eu-central-1b" },
    ]);
    expect(said(stopped).join("\n")).toContain("InsufficientInstanceCapacity");
    expect(test.cluster.broken).toEqual([]);
    const gone = test.cluster.operations
      .slice(before)
      .filter(({ name, type, verb }) => verb === "delete" && type === instance && name.includes("main"));
    expect(gone.map(({ name }) => name)).toContain("test-etcd-main-2");
    expect(gone.length).toBeLessThan(3);
    now = next;
    expect(replaced(await test.up(now))).toContain("etcd-main-2");
    expect(await test.up(now)).toEqual([]);
  });

  it("takes more masters and more members, these as learners", async () => {
    const shards = { main: { members: 3 }, events: { members: 3, resources: ["/events"] } };
    const done = await change({ masters: { count: 5 }, etcd: { quotaGiB: 16, shards } });
    expect(replaced(done).sort()).toEqual(["etcd-events-2", "etcd-events-3", "master-4", "master-5"]);
    expect(Object.values(test.cluster.hosts.sight().shards).map(({ up }) => up.length)).toEqual([3, 3]);
  });

  it("goes in the order in which AWS lets it go, to nothing", async () => {
    expect(said(await test.cluster.destroy())).toEqual([]);
    expect(test.cluster.broken).toEqual([]);
    expect(test.cluster.cloud.everything.map(({ name, type }) => `${type} ${name}`)).toEqual([]);
    tried(test.cluster);
  });
});

describe("a production cluster of 11 masters and 17 members, on disks of instances", () => {
  const base = {
    toolchain: { imageDigests: Object.fromEntries(components.map((name) => [name, `sha256:${"0".repeat(64)}`])) },
  };
  const prod = life("prod-a", { base, together: { type: instance, count: 28 } });
  const shards = (events: number) => ({
    main: { members: 7 },
    events: { members: events, resources: ["/events"] },
    leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
  });

  it("is made from nothing, all instances at once", async () => {
    expect(replaced(await prod.up())).toHaveLength(28);
  });

  it("goes from 11 to 13 masters and from 5 to 7 members, and nobody is away for it", async () => {
    const grown = { masters: { count: 13 }, etcd: { shards: shards(7) } };
    expect(replaced(await prod.up(grown)).sort()).toEqual(["etcd-events-6", "etcd-events-7", "master-12", "master-13"]);
    expect(
      Object.values(prod.cluster.hosts.sight().shards)
        .map(({ up }) => up.length)
        .sort(),
    ).toEqual([5, 7, 7]);
  });

  it("takes another image one host of a group at a time, each member back as a learner from an empty disk", async () => {
    const rolled = {
      masters: { count: 13 },
      etcd: { shards: shards(7) },
      aws: { region: "eu-central-1", account: "123456789012", image: image(9) },
    };
    expect(replaced(await prod.up(rolled))).toHaveLength(32);
    expect(
      Object.values(prod.cluster.hosts.sight().shards)
        .map(({ up }) => up.length)
        .sort(),
    ).toEqual([5, 7, 7]);
  });

  it("is not destroyed unless that is asked for twice, and what its data needs stays", async () => {
    const { plan, spec } = clusterOf("prod-a", { ...rawOf("prod-a"), ...base });
    const checked = { stack: "prod-a", spec, plan } as Parameters<typeof consentTo>[1];
    await expect(consentTo("destroy", checked, {})).rejects.toThrow(
      "stack prod-a is not ephemeral: say --yes to go on without being asked (destroy)",
    );
    expect(said(await prod.cluster.destroy())).toEqual([]);
    const left = prod.cluster.cloud.everything.map(({ name, type }) => `${type.split(":").at(-1)} ${name}`);
    expect(left).toEqual(expect.arrayContaining(["Bucket prod-a-snapshots", "Key prod-a-disks", "Key prod-a-buckets"]));
    expect(left.filter((one) => /^(Instance|NetworkInterface|Vpc|Subnet|LoadBalancer) /.test(one))).toEqual([]);
    tried(prod.cluster);
  });
});

describe("data on EBS of a stack that is not to be thrown away", () => {
  it("survives a destroy, and is that of the cluster that comes after it", async () => {
    const imageDigests = Object.fromEntries(components.map((name) => [name, `sha256:${"0".repeat(64)}`]));
    const shards = { main: { members: 3 }, events: { members: 3, resources: ["/events"] } };
    const kept = life("test", {
      base: { ephemeral: false, etcd: { shards }, toolchain: { imageDigests }, aws: { ...aws, image: image(1) } },
    });
    await kept.up();
    // Volumes that have had a turn waited for other hosts.
    await kept.up({ aws: { ...aws, image: image(2) } });
    const volumes = () =>
      kept.cluster.cloud
        .all("aws:ebs/volume:Volume")
        .map(({ id }) => id)
        .sort();
    const [before, members] = [
      volumes(),
      JSON.stringify(Object.values(kept.cluster.hosts.world.shards).map(({ members: all }) => all)),
    ];
    expect(said(await kept.cluster.destroy())).toEqual([]);
    expect(kept.cluster.broken).toEqual([]);
    expect(volumes()).toEqual(before);
    const kinds = new Set(kept.cluster.cloud.everything.map(({ type }) => type.split(":").at(-1)));
    for (const kind of ["Instance", "NetworkInterface", "SecurityGroup", "Subnet", "Vpc"])
      expect(kinds).not.toContain(kind);
    await kept.up();
    expect(volumes()).toEqual(before);
    expect(JSON.stringify(Object.values(kept.cluster.hosts.world.shards).map(({ members: all }) => all))).toBe(members);
    tried(kept.cluster);
  });
});

describe("what must never be", () => {
  it("is seen: hosts of a shard that are replaced side by side", async () => {
    const base = { aws: { ...aws, image: image(1) } };
    // Without the order: every host counts as one that nobody needs yet.
    const variant: Options["variant"] = (platform) => ({
      ...platform,
      place: async (args) => {
        const placed = await platform.place(args);
        if (rushed) placed.found = () => ({ state: "absent" });
        return placed;
      },
    });
    let rushed = false;
    const reckless = life("test", { base, variant });
    await reckless.up();
    rushed = true;
    await reckless.cluster.up({ aws: { ...aws, image: image(2) } });
    const seen = reckless.cluster.broken.join("\n");
    expect(seen).toMatch(/instance test-master-\d is deleted while it runs the API: it had no turn/);
    expect(seen).toMatch(/[23] masters are away at once: test-master-/);
    expect(seen).toMatch(/[23] voters of test-etcd-main are away at once: test-etcd-main-/);
    expect(seen).toMatch(/test-etcd-main has no quorum: [01] of 3/);
  });

  const rules = { ends: false, ephemeral: false, spareMasters: 1 };
  const sight = (up: readonly string[], masters: readonly string[]) => ({
    shards: { main: { voters: ["a", "b", "c"], up } },
    masters,
  });
  const whole: Cluster = after(unborn, sight(["a", "b", "c"], ["m1", "m2", "m3"]));

  it.each<[string, string[], string[], string[]]>([
    ["nobody away", ["a", "b", "c"], ["m1", "m2", "m3"], []],
    ["one of each away", ["a", "c"], ["m1", "m3"], []],
    [
      "two voters away",
      ["a"],
      ["m1", "m2", "m3"],
      ["2 voters of main are away at once: b, c", "main has no quorum: 1 of 3"],
    ],
    ["two masters away", ["a", "b", "c"], ["m1"], ["2 masters are away at once: m2, m3"]],
  ])("%s", (_what, up, masters, found) => {
    expect(violations(whole, sight(up, masters), rules)).toEqual(found);
    expect(violations(unborn, sight(up, masters), rules)).toEqual([]);
    expect(violations(whole, sight(up, masters), { ...rules, ends: true })).toEqual([]);
  });

  it("is a deletion of data, or of what still serves", () => {
    const volume = { verb: "delete", type: "aws:ebs/volume:Volume", name: "v", holds: ["main"] };
    expect(forbidden(volume, rules)).toEqual(["volume v is deleted with the data of main"]);
    expect(forbidden(volume, { ...rules, ephemeral: true })).toEqual([]);
    expect(forbidden({ ...volume, holds: [] }, rules)).toEqual([]);
    const host = { verb: "delete", type: instance, name: "h", holds: ["main"] };
    expect(forbidden(host, rules)).toEqual(["instance h is deleted while it runs main: it had no turn"]);
    expect(forbidden(host, { ...rules, ends: true })).toEqual([]);
  });
});

/** For the report: how much was looked at. */
function tried({ looks, operations, stack }: InstanceType<typeof LifecycleCluster>): void {
  console.info(`${stack}: ${operations.length} operations, ${looks} looks`);
}
