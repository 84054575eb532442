/**
 * A run that is killed at an operation, before its effect or right after it, when no state knows of it yet: the command goes on from there, and
 * ends where a run ends that nobody killed. What is killed is kept as it lies on the disk at that moment (support/lifecycle/cluster.ts); that
 * a SIGKILL leaves just that: test/engine/crash.test.ts, test/engine/providers/aws-faults.test.ts.
 *
 * Every operation with an effect outside of the state is one: on AWS, on a host, in the API. Here an evenly spread sample of them, larger every
 * night; with KILONODE_CRASHES=all each of them, for an hour.
 */
import { createRequire } from "node:module";
import { register } from "tsx/cjs/api";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { RawConfiguration } from "../../config/read";
import { everything } from "../support/nightly";
import type { Moment, Point } from "./support/lifecycle/cluster";

register();
const { LifecycleCluster } = createRequire(import.meta.url)(
  "./support/lifecycle/cluster",
) as typeof import("./support/lifecycle/cluster");
type LifecycleCluster = InstanceType<typeof LifecycleCluster>;

vi.setConfig({ testTimeout: 7_200_000, hookTimeout: 120_000 });

const every = process.env.KILONODE_CRASHES === "all";
/** Crash points of a sample, each at both moments. */
const most = everything ? 5 : 2;
const moments: readonly Moment[] = ["before", "after"];
const image = (last: number) => ({
  aws: {
    region: "eu-central-1",
    account: "111122223333",
    egress: "one-nat",
    disks: { type: "gp3" },
    image: `ami-0123456789abcde0${last}`,
  },
});
const [first, second] = [image(1), image(2)];

const open: LifecycleCluster[] = [];
afterAll(() => {
  for (const cluster of open) cluster.close();
});
const opened = (cluster: LifecycleCluster): LifecycleCluster => {
  open.push(cluster);
  return cluster;
};

const failures = ({ diagnostics, result }: Awaited<ReturnType<LifecycleCluster["up"]>>): string[] =>
  result === "succeeded"
    ? []
    : diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);

/** What came of each crash, counted. */
const counts = { crashes: 0, alone: 0, withHelp: 0, operations: 0 };

/** Goes on from where a run was killed, as an operator does with `kilonode up`, and does what it asks for. */
async function goOn(killed: LifecycleCluster, change: RawConfiguration): Promise<void> {
  counts.crashes++;
  const told = (await killed.clearLeftovers()).join("\n");
  let failed = failures(await killed.up(change));
  if (failed.length > 0) {
    counts.withHelp++;
    // It was said which resources may be there; the operator removes those that are.
    for (const orphan of killed.orphans) {
      expect(told).toContain(orphan.name);
      killed.cloud.remove(orphan);
    }
    failed = failures(await killed.up(change));
  } else counts.alone++;
  expect(failed).toEqual([]);
  // What is left of the first try, and in nobody's way, was told of too.
  for (const orphan of killed.orphans) expect(told).toContain(orphan.name);
  expect(killed.broken).toEqual([]);
  counts.operations += killed.operations.length;
}

const chosen = (total: number, offset: number) => {
  const step = every ? 1 : Math.ceil(total / most);
  return ({ number }: Point) => number % step === offset % step;
};

describe.each<[string, (kept: (point: Point) => boolean) => Promise<[LifecycleCluster, RawConfiguration]>, number]>([
  [
    "the first creation",
    async (kept) => {
      const cluster = opened(new LifecycleCluster("test", { base: first, kept }));
      expect(failures(await cluster.up())).toEqual([]);
      return [cluster, {}];
    },
    196,
  ],
  [
    "a roll of another image",
    async (kept) => {
      let rolling = false;
      const cluster = opened(new LifecycleCluster("test", { base: first, kept: (point) => rolling && kept(point) }));
      expect(failures(await cluster.up())).toEqual([]);
      rolling = true;
      expect(failures(await cluster.up(second))).toEqual([]);
      return [cluster, second];
    },
    100,
  ],
])("killed in %s", (_what, run, total) => {
  it("goes on to the same end", async () => {
    const points: Point[] = [];
    const wanted = chosen(total, 3);
    const [whole, change] = await run((point) => {
      const is = wanted(point);
      if (is && !points.some(({ number }) => number === point.number)) points.push(point);
      return is;
    });
    expect(whole.broken).toEqual([]);
    expect(points.length).toBeGreaterThanOrEqual(most - 1);
    for (const point of points)
      for (const moment of moments) {
        const killed = opened(whole.killedAt(point.number, moment));
        const where = `${moment} ${point.number}: ${point.verb} ${point.type} ${point.name}`;
        await goOn(killed, change).catch((error: Error) => {
          throw new Error(`${where}: ${error.message}`, { cause: error });
        });
        expect(killed.things, where).toEqual(whole.things);
        expect(killed.known, where).toEqual(whole.known);
        expect(killed.hosts.sight(), where).toEqual(whole.hosts.sight());
        killed.close();
      }
    console.info(`${JSON.stringify(counts)}: ${points.map(({ number }) => number).join(", ")}`);
  });
});
