/**
 * From one release to the next while clients write: etcd, then the API servers, then the controllers; killed in the middle of the
 * masters, and gone on with. Then what is refused: back, and a minor version left out.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finished, type Ran, TestStack } from "../../bench/lib/stack";
import { Writer, type WriterReport } from "../../bench/lib/writer";
import type { StatusReport } from "../../cli/hosts/status-types";
import { releasesOf } from "../../config/releases";
import { ensureToolchain } from "../../toolchain/ensure";
import { ProcessWatch, type Started } from "./support/processes";

const root = process.getuid?.() === 0 && process.platform === "linux";
const stack = new TestStack("upgrade", "198.18.96.0/20");
const prefix = "kn-upgrade";
const older = { kubernetesVersion: "1.36.3", etcdVersion: "3.6.16" };
const newer = { kubernetesVersion: "1.37.2", etcdVersion: "3.7.3" };
const minutes = 60_000;

const members = [1, 2, 3].map((number) => `upgrade-etcd-main-${number}`);
const masters = [1, 2, 3].map((number) => `upgrade-master-${number}`);
const controllers = ["kube-controller-manager", "kube-scheduler"];
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const clean = () =>
  execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: ["ignore", "ignore", "inherit"] });

/** Every binary of both releases, made where it is missing: sum to version. */
async function versionsBySum(): Promise<Map<string, string>> {
  const tools = [];
  for (const spec of [older, newer]) tools.push(...(await ensureToolchain({ releases: releasesOf(spec) })));
  return new Map(tools.map(({ sha256, version }) => [sha256, version]));
}

/** Runs `up` until it has said this, then ends it and its program at once, as a machine that loses power does. */
async function killedUp(said: RegExp): Promise<string> {
  const up = stack.start("up");
  let text = "";
  const spoken = new Promise<void>((resolve) => {
    up.stderr?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (said.test(text)) resolve();
    });
  });
  const ended = finished(up);
  await Promise.race([spoken, ended]);
  expect(text, "up ended before it said what it was to be killed at").toMatch(said);
  process.kill(-(up.pid as number), "SIGKILL");
  await ended;
  return text;
}

/** What runs: program to its versions, one for each host. */
function running(latest: readonly Started[]): Record<string, string[]> {
  const programs = [...new Set(latest.map(({ program }) => program))].sort();
  return Object.fromEntries(
    programs.map((name) => [name, latest.filter(({ program }) => program === name).map(({ version }) => version)]),
  );
}

const minorOf = (version: string) => Number(version.split(".")[1]);
const is = (name: string) => (one: Started) => one.program === name;
const three = (version: string) => [version, version, version];

describe.runIf(root)("an upgrade of a small cluster", () => {
  let versions: ReadonlyMap<string, string>;
  let now: Record<string, string[]> = {};
  /** Controllers that were seen newer than an API server. */
  const tooNew = new Set<string>();
  /** Restarts into the newer release, in order. */
  let upgraded: Started[] = [];
  let writes: WriterReport;

  const look = (latest: readonly Started[]) => {
    now = running(latest);
    const oldest = Math.min(...latest.filter(is("kube-apiserver")).map(({ version }) => minorOf(version)));
    for (const one of latest.filter(({ program }) => controllers.includes(program)))
      if (minorOf(one.version) > oldest) tooNew.add(`${one.program} ${one.version} on ${one.host}`);
  };

  beforeAll(async () => {
    clean();
    versions = await versionsBySum();
    stack.configure({ ...older, etcd: { shards: { main: { members: 3 } } } });
  }, 60 * minutes);

  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  }, 20 * minutes);

  it(
    "begins with a cluster of the older release",
    async () => {
      ok(await stack.run("up"));
      new ProcessWatch(prefix, versions, look).stop();
      expect(now).toMatchObject({
        etcd: three("3.6.16"),
        "kube-apiserver": three("1.36.3"),
        "kube-controller-manager": three("1.36.3"),
        "kube-scheduler": three("1.36.3"),
      });
    },
    20 * minutes,
  );

  it(
    "is shown by a preview, and comes to its end by up, also when one is killed among the masters",
    async () => {
      stack.configure(newer);
      const preview = await stack.run("preview");
      ok(preview);
      const watch = new ProcessWatch(prefix, versions, look);
      const before = watch.started.length;
      const writer = new Writer((await stack.run("kubeconfig")).stdout, "default");
      const killed = await killedUp(/(upgrading kube-apiserver\.service on [\s\S]*){2}/);
      const up = await stack.run("up");
      writes = await writer.stop();
      watch.stop();
      upgraded = watch.started.slice(before);
      ok(up);
      const progress = `${killed}\n${up.stdout}\n${up.stderr}`;
      const lines = [
        ...progress.matchAll(/(upgrading kube-apiserver\.service on|changing) (\S*master-\d) with a restart/g),
      ];
      console.log(preview.stdout);
      console.log(upgraded.map(({ host, program, version }) => `${program} ${version} on ${host}`).join("\n"));
      console.log(progress);
      console.log(JSON.stringify({ writes, tooNew: [...tooNew] }));
      expect(lines.map(([, what]) => what)).toEqual([
        ...masters.map(() => "upgrading kube-apiserver.service on"),
        ...masters.map(() => "changing"),
      ]);
    },
    30 * minutes,
  );

  it("loses no write and fails no request", () => {
    expect(writes).toMatchObject({ failed: [], lost: [] });
    expect(writes.acknowledged).toBeGreaterThan(100);
  });

  it("goes through etcd first, then through all API servers, then through the controllers, one host at a time", () => {
    expect(upgraded.map(({ program }) => (controllers.includes(program) ? "controller" : program))).toEqual([
      ...members.map(() => "etcd"),
      ...masters.map(() => "kube-apiserver"),
      ...masters.flatMap(() => ["controller", "controller"]),
    ]);
    expect(
      upgraded
        .filter(is("etcd"))
        .map(({ host }) => host)
        .sort(),
    ).toEqual(members);
    const pairs = upgraded.slice(-2 * masters.length).map(({ host }) => host);
    expect(pairs.filter((host, index) => index % 2 === 1 && pairs[index - 1] !== host)).toEqual([]);
    for (const program of ["kube-apiserver", ...controllers])
      expect(
        upgraded
          .filter(is(program))
          .map(({ host }) => host)
          .sort(),
        program,
      ).toEqual(masters);
  });

  it("runs no controller that is newer than an API server, at any time", () => {
    expect([...tooNew]).toEqual([]);
  });

  it(
    "ends with every process, member and server saying the newer release",
    async () => {
      expect(now).toMatchObject({
        etcd: three("3.7.3"),
        "kube-apiserver": three("1.37.2"),
        "kube-controller-manager": three("1.37.2"),
        "kube-scheduler": three("1.37.2"),
      });
      const etcdctl = "set -a; . /etc/etcd/etcdctl.env; etcdctl endpoint status --cluster --write-out json";
      const answers = JSON.parse(await stack.ssh("etcd-main-1", etcdctl)) as { Status: { version: string } }[];
      expect(answers.map(({ Status }) => Status)).toMatchObject(
        members.map(() => ({ version: "3.7.3", storageVersion: "3.7.0" })),
      );
      const { hosts } = await stack.json<{ hosts: { name: string; address: string }[] }>("outputs");
      for (const { name, address } of hosts.filter((host) => masters.includes(host.name))) {
        const ran = await stack.run("kubectl", "--server", `https://${address}:6443`, "get", "--raw", "/version");
        expect(JSON.parse(ran.stdout), name).toMatchObject({ gitVersion: "v1.37.2" });
      }
      const status = await stack.json<StatusReport>("status");
      expect(status.problems).toEqual([]);
      expect(status.etcd.flatMap((shard) => shard.members.map(({ version }) => version))).toEqual(three("3.7.3"));
      ok(await stack.run("up", "--expect-no-changes"));
    },
    10 * minutes,
  );

  it.each([
    ["kubernetesVersion", '"1.37.2" to "1.36.3" is refused', "keep kubernetesVersion: 1.37.2"],
    ["etcdVersion", '"3.7.3" to "3.6.16" is refused', "keep etcdVersion: 3.7.3"],
  ] as const)(
    "is not taken back: an older %s is refused by preview and by up, and nothing is touched",
    async (knob, step, way) => {
      const state = readFileSync(stack.stateFile);
      stack.configure({ [knob]: older[knob] });
      try {
        for (const command of ["preview", "up"]) {
          const ran = await stack.run(command);
          console.log(command, ran.stdout, ran.stderr);
          expect(ran.code, ran.stderr).toBe(2);
          expect(ran.stderr).toContain(step);
          expect(ran.stderr).toContain(way);
        }
      } finally {
        stack.configure(newer);
      }
      expect(readFileSync(stack.stateFile).equals(state)).toBe(true);
      ok(await stack.run("up", "--expect-no-changes"));
    },
    10 * minutes,
  );

  it(
    "does not leave out a minor version: that is refused with the way",
    async () => {
      const state = readFileSync(stack.stateFile, "utf8");
      // As if this cluster had come from 1.35.4: a state says so in its commitments and in what the masters' rollout printed.
      writeFileSync(stack.stateFile, state.replaceAll("1.37.2", "1.35.4"));
      try {
        const ran = await stack.run("preview");
        console.log(ran.stdout, ran.stderr);
        expect(ran.code, ran.stderr).toBe(2);
        expect(ran.stderr).toContain('"1.35.4" to "1.37.2" is refused');
        expect(ran.stderr).toContain(
          "set kubernetesVersion: 1.36.3 and run `kilonode up`, then set kubernetesVersion: 1.37.2 and run `kilonode up`",
        );
      } finally {
        writeFileSync(stack.stateFile, state);
      }
      ok(await stack.run("preview", "--expect-no-changes"));
    },
    10 * minutes,
  );
});

if (!root) {
  it("an upgrade of a small cluster", (context) =>
    context.skip("the lab makes network namespaces and mounts: run as root on Linux"));
}
