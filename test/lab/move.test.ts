/**
 * A resource moves to a shard of its own while clients write it: taken back once, then the whole way, with the command killed on it. Whoever
 * watches it goes on where he was.
 */
import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Informer } from "../../bench/lib/informer";
import { type Ran, TestStack } from "../../bench/lib/stack";
import { reportLine, Writer, type WriterReport } from "../../bench/lib/writer";
import type { StatusReport } from "../../cli/hosts/status-types";
import { commands } from "../support/pages";
import { killedAt } from "./support/killed";
import { inLabNightly } from "./support/lab";
import { typed } from "./support/typed";

const stack = new TestStack("move");
const prefix = "kn-move";
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: "inherit" });
const secrets = { apiVersion: "v1", kind: "Secret", plural: "secrets" };
const maps = { members: 3, resources: ["/configmaps"], slot: 3 };
const move = (...more: string[]) => stack.run("etcd move", "--shard", "maps", "--yes", ...more);
const shards = () => (stack.configuration.etcd as { shards: Record<string, object> }).shards;
const withShards = (change: Record<string, object>) => stack.configure({ etcd: { shards: change } });
const keysIn = async (host: string, resource: string) => {
  const counts = await stack.ssh(host, "/usr/local/lib/kilonode/etcd-counts");
  const line = counts.split("\n").find((one) => one.endsWith(` /registry/${resource}/`));
  return Number(line?.split(" ")[0] ?? 0);
};
const votersOf = async () =>
  (await stack.json<StatusReport>("status")).etcd.map(({ shard, voters }) => [shard, voters]);

/** Of what moves, and of what stays. */
interface Written {
  readonly moving: WriterReport;
  readonly staying: WriterReport;
}

async function whileWriting(work: () => Promise<void>): Promise<Written> {
  const access = (await stack.run("kubeconfig")).stdout;
  const writers = [new Writer(access, "kube-public", 4), new Writer(access, "kube-public", 2, secrets)];
  try {
    await work();
    await Promise.all(writers.map((writer) => writer.round()));
  } finally {
    await Promise.allSettled(writers.map((writer) => writer.stop()));
  }
  const [moving, staying] = await Promise.all(writers.map((writer) => writer.stop()));
  console.log(`of what moves: ${reportLine(moving!)}\nof what stays: ${reportLine(staying!)}`);
  for (const line of [...moving!.failed.slice(0, 5), ...staying!.failed.slice(0, 5)]) console.log(line);
  return { moving: moving!, staying: staying! };
}

inLabNightly("a resource in the lab", () => {
  beforeAll(async () => {
    clean();
    ok(await stack.run("up"));
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  it("is refused another shard at once", async () => {
    withShards({ ...shards(), maps });
    const refused = await stack.run("up");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/\/configmaps would move from shard main to maps.*Set `move: joined`/);
  });

  it("is served by the new members while they are main's, and taken back", async () => {
    const { moving, staying } = await whileWriting(async () => {
      const [partly = ""] = commands("Move a resource to a shard of its own")[0]?.split("\n") ?? [];
      const ran = await typed(stack, partly.replace("pods", "maps"));
      expect(ran.failed, ran.stderr).toEqual([]);
      expect(ran.stdout).toMatch(/shard maps is at "served". Next, by the same command: they leave main/);
    });
    expect([...moving.failed, ...moving.lost, ...staying.failed, ...staying.lost]).toEqual([]);
    expect(shards().maps).toMatchObject({ move: "served" });
    expect(await votersOf()).toContainEqual(["main", 6]);
    ok(await stack.run("up", "--expect-no-changes"));

    // Nobody skips the split by hand.
    withShards({ ...shards(), maps });
    const early = await stack.run("up");
    expect(early.code, early.stderr).toBe(3);
    expect(early.stdout + early.stderr).toMatch(/they are members of one/);

    const back = await whileWriting(async () => {
      const { maps: _, ...before } = shards();
      withShards(before);
      ok(await stack.run("up"));
    });
    expect([...back.moving.failed, ...back.moving.lost, ...back.staying.failed, ...back.staying.lost]).toEqual([]);
    expect(await votersOf()).toContainEqual(["main", 3]);
    ok(await stack.run("status"));
  });

  it("moves, whatever the command is killed at, and refuses `up` meanwhile; whoever watches it goes on", async () => {
    withShards({ ...shards(), maps });
    ok(await move("--until", "served"));
    const informer = new Informer((await stack.run("kubeconfig")).stdout, "/api/v1/namespaces/kube-public/configmaps");
    await expect.poll(() => informer.lists).toBe(1);
    const { moving, staying } = await whileWriting(async () => {
      await killedAt(stack, /put the data aside/, "etcd move", "--shard", "maps", "--yes");
      const up = await stack.run("up");
      expect(up.code, up.stderr).toBe(3);
      expect(up.stdout + up.stderr).toMatch(/`kilonode etcd move <stack> --shard maps` goes on with it/);
      const status = await stack.json<StatusReport>("status");
      expect(status.problems.join("\n")).toMatch(/`kilonode etcd move move --shard maps` goes on with it/);
      const ran = await move();
      ok(ran);
      console.log(
        ran.stderr
          .split("\n")
          .filter((line) => /etcd-main: |clients|steps|keys/.test(line))
          .join("\n"),
      );
      console.log(ran.stdout);
    });
    // Those that waited while the command was dead.
    expect([...moving.lost, ...staying.lost, ...staying.failed]).toEqual([]);
    await expect.poll(() => informer.names.size).toBeGreaterThan(moving.acknowledged);
    expect(informer.lists).toBe(1);
    await informer.stop();
  });

  it("is in its shard alone, as if it had always been", async () => {
    expect(shards().maps).toEqual(maps);
    expect(await votersOf()).toEqual(
      expect.arrayContaining([
        ["main", 3],
        ["maps", 3],
      ]),
    );
    expect(await keysIn("etcd-main-1", "configmaps")).toBe(0);
    expect(await keysIn("etcd-main-1", "secrets")).toBeGreaterThan(0);
    expect(await keysIn("etcd-maps-1", "configmaps")).toBeGreaterThan(0);
    expect(await keysIn("etcd-maps-1", "secrets")).toBe(0);
    ok(await stack.run("up", "--expect-no-changes"));
    ok(await stack.run("status"));
    const again = await move();
    expect([again.code, again.stdout]).toEqual([0, expect.stringMatching(/nothing of it is left in main/)]);
    withShards({ ...shards(), maps: { ...maps, move: "served" } });
    const back = await stack.run("up");
    expect(back.code).toBe(2);
    expect(back.stderr).toMatch(/What has left main does not come back/);
  });
});
