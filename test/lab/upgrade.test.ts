/**
 * From one release to the next while clients write: snapshots, etcd, then the API servers, then the controllers; killed in the middle of the
 * masters, and gone on with. Before that, one of which no snapshot can be taken, and one that is stopped at its first API server and goes
 * back. After it, what is refused: back, and a minor version left out. At the end etcd goes back by its own downgrade.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ran, TestStack } from "../../bench/lib/stack";
import { Writer, type WriterReport } from "../../bench/lib/writer";
import type { ListedShard } from "../../cli/etcd/backup/backups";
import type { StatusReport } from "../../cli/hosts/status-types";
import { releasesOf } from "../../config/releases";
import { ensureToolchain } from "../../toolchain/ensure";
import { everything, nightly } from "../support/nightly";
import { killedUp } from "./support/killed";
import { inLab } from "./support/lab";
import { ProcessWatch, type Started } from "./support/processes";
import { newer, older } from "./support/releases";

const stack = new TestStack("upgrade");
const prefix = "kn-upgrade";
const minutes = 60_000;

const members = [1, 2, 3].map((number) => `upgrade-etcd-main-${number}`);
const masters = [1, 2, 3].map((number) => `upgrade-master-${number}`);
const controllers = ["kube-controller-manager", "kube-scheduler"];
const ok = (ran: Ran) => expect(ran.code, `${ran.stdout}\n${ran.stderr}`).toBe(0);
const etcd = { shards: { main: { members: 3 } }, backup: { everyMinutes: 1440 } };
const clean = () =>
  execFileSync("components/platform/lab/lab-clean", ["--prefix", prefix], { stdio: ["ignore", "ignore", "inherit"] });

/** Every binary of both releases, made where it is missing: sum to version. */
async function versionsBySum(): Promise<Map<string, string>> {
  const tools = [];
  for (const spec of [older, newer]) tools.push(...(await ensureToolchain({ releases: releasesOf(spec) })));
  return new Map(tools.map(({ sha256, version }) => [sha256, version]));
}

/** Program to the version on each host that it runs on. */
function running(latest: readonly Started[]): Record<string, string[]> {
  const programs = [...new Set(latest.map(({ program }) => program))].sort();
  return Object.fromEntries(
    programs.map((name) => [name, latest.filter(({ program }) => program === name).map(({ version }) => version)]),
  );
}

const minorOf = (version: string) => Number(version.split(".")[1]);
const is = (name: string) => (one: Started) => one.program === name;
const three = (version: string) => [version, version, version];
const unique = (texts: readonly string[]) => [...new Set(texts)];

/** What a rollout of masters said it did: the pass, and the host. */
function visitsIn(progress: string): { readonly pass: string; readonly host: string }[] {
  const lines = /(upgrading kube-apiserver\.service on|changing) (\S*master-\d) with a restart/g;
  return [...progress.matchAll(lines)].map(([, pass = "", host = ""]) => ({ pass, host }));
}

inLab("an upgrade of a small cluster", () => {
  let versions: ReadonlyMap<string, string>;
  let now: Record<string, string[]> = {};
  /** Controllers that were seen newer than an API server. */
  const tooNew = new Set<string>();
  /** Processes in the order of their starts, from the beginning of the upgrade that is not taken back. */
  let started: readonly Started[] = [];
  let visits: ReturnType<typeof visitsIn> = [];
  let writes: WriterReport;

  const look = (latest: readonly Started[]) => {
    now = running(latest);
    const oldest = Math.min(...latest.filter(is("kube-apiserver")).map(({ version }) => minorOf(version)));
    for (const one of latest.filter(({ program }) => controllers.includes(program)))
      if (minorOf(one.version) > oldest) tooNew.add(`${one.program} ${one.version} on ${one.host}`);
  };

  const snapshots = async () => {
    const [main] = JSON.parse((await stack.run("etcd backups", "--json")).stdout) as ListedShard[];
    return main?.snapshots ?? [];
  };

  beforeAll(async () => {
    clean();
    versions = await versionsBySum();
    stack.configure({
      ...older,
      etcd,
      "policy:severities": { "events-on-own-hosts": "advisory" },
    });
  }, 60 * minutes);

  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  }, 20 * minutes);

  it("begins with a cluster of the older release", async () => {
    ok(await stack.run("up"));
    new ProcessWatch(prefix, versions, look).stop();
    expect(now).toMatchObject({
      etcd: three("3.6.16"),
      "kube-apiserver": three("1.36.3"),
      "kube-controller-manager": three("1.36.3"),
      "kube-scheduler": three("1.36.3"),
    });
  });

  it("is shown by a preview", async () => {
    stack.configure(newer);
    const preview = await stack.run("preview");
    stack.configure(older);
    ok(preview);
    expect(preview.stdout).toMatch(/kube-apiserver 1\.36\.3 \(sha256 \w+\) -> kube-apiserver 1\.37\.2 \(/);
    expect(preview.stdout).toMatch(/etcd 3\.6\.16 \(sha256 \w+\) -> etcd 3\.7\.3 \(/);
    expect(preview.stdout).toMatch(/etcd 3\.6\.16 -> 3\.7\.3: can be taken back by etcd's own downgrade/);
    expect(preview.stdout).toMatch(/Kubernetes 1\.36\.3 -> 1\.37\.2: CANNOT be taken back/);
    expect(preview.stdout).toContain("a snapshot of each shard");
  });

  it("changes nothing when no snapshot can be taken before", async () => {
    const onMembers = (command: string) =>
      Promise.all(members.map((name) => stack.ssh(name.replace("upgrade-", ""), command)));
    const room = "/var/lib/kilonode/backup";
    await onMembers(`mkdir -p ${room}; mount -t tmpfs -o size=1m none ${room}`);
    stack.configure({ kubernetesVersion: newer.kubernetesVersion });
    const watch = new ProcessWatch(prefix, versions, look);
    const before = watch.started.length;
    const up = await stack.run("up");
    watch.stop();
    await onMembers(`umount ${room}`);
    expect(up.code, up.stderr).toBe(3);
    expect(up.stderr).toMatch(
      /checked: a snapshot of the shard is taken before another release; found: upgrade-etcd-main-\d/,
    );
    expect(watch.started.slice(before)).toEqual([]);
    expect(await snapshots()).toEqual([]);
  });

  nightly("goes back to the release that it came from when it was stopped at its first API server", async () => {
    stack.configure({ kubernetesVersion: newer.kubernetesVersion });
    const watch = new ProcessWatch(prefix, versions, look);
    await killedUp(stack, /upgrading kube-apiserver\.service on/);
    stack.configure({ kubernetesVersion: older.kubernetesVersion });
    const preview = await stack.run("preview");
    const up = await stack.run("up");
    watch.stop();
    ok(preview);
    ok(up);
    const ofNewer = watch.started.filter(({ version }) => version === newer.kubernetesVersion);
    expect(ofNewer.map(({ program }) => program)).toEqual(["kube-apiserver"]);
    expect(now).toMatchObject({ "kube-apiserver": three("1.36.3"), "kube-controller-manager": three("1.36.3") });
  });

  it("comes to its end by up, also when one is killed among the masters", async () => {
    stack.configure(newer);
    const watch = new ProcessWatch(prefix, versions, look);
    const before = watch.started.length;
    const writer = new Writer((await stack.run("kubeconfig")).stdout, "default");
    const killed = await killedUp(stack, /(upgrading kube-apiserver\.service on [\s\S]*){2}/);
    const up = await stack.run("up");
    writes = await writer.stop();
    watch.stop();
    started = watch.started.slice(before);
    visits = visitsIn(`${killed}\n${up.stderr}`);
    ok(up);
  });

  it("began with a snapshot of what was before, once for each upgrade, however often up went on", async () => {
    // The one that went back, and this one.
    const upgrades = everything ? ["3.6.16", "3.6.16"] : ["3.6.16"];
    expect((await snapshots()).map(({ etcdVersion }) => etcdVersion)).toEqual(upgrades);
  });

  it("loses no write and fails no request", () => {
    expect(writes).toMatchObject({ failed: [], lost: [] });
    expect(writes.acknowledged).toBeGreaterThan(100);
  });

  it("goes over the masters twice: all API servers, then the rest", () => {
    const passes = ["upgrading kube-apiserver.service on", "changing"];
    const hostsOf = (wanted: string) => visits.filter(({ pass }) => pass === wanted).map(({ host }) => host);
    expect(unique(visits.map(({ pass }) => pass))).toEqual(passes);
    // The master at which it was killed is looked at once more.
    for (const pass of passes) expect(unique(hostsOf(pass)).sort(), pass).toEqual(masters);
    expect(visits.map(({ pass }) => pass)).toEqual(passes.flatMap((pass) => hostsOf(pass).map(() => pass)));
  });

  it("restarts every process once: etcd first, then all API servers, then the controllers, one host at a time", () => {
    expect(started.map(({ program }) => (controllers.includes(program) ? "controller" : program))).toEqual([
      ...members.map(() => "etcd"),
      ...masters.map(() => "kube-apiserver"),
      ...masters.flatMap(() => ["controller", "controller"]),
    ]);
    const hostsOf = (name: string) => started.filter(is(name)).map(({ host }) => host);
    expect(hostsOf("etcd").sort()).toEqual(members);
    for (const program of ["kube-apiserver", ...controllers]) expect(hostsOf(program).sort(), program).toEqual(masters);
    const last = started.slice(-2 * masters.length).map(({ host }) => host);
    expect(last.filter((_, index) => index % 2 === 0)).toEqual(last.filter((_, index) => index % 2 === 1));
  });

  it("runs no controller that is newer than an API server, at any time", () => {
    expect([...tooNew]).toEqual([]);
  });

  it("ends with every process, member and server saying the newer release", async () => {
    expect(now).toMatchObject({
      etcd: three("3.7.3"),
      "kube-apiserver": three("1.37.2"),
      "kube-controller-manager": three("1.37.2"),
      "kube-scheduler": three("1.37.2"),
    });
    const etcdctl = "set -a; . /etc/etcd/etcdctl.env; etcdctl endpoint status --cluster --write-out json";
    const answers = JSON.parse(await stack.ssh("etcd-main-1", etcdctl)) as { Status: object }[];
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
    expect(status.masters.map(({ version }) => version)).toEqual(three("1.37.2"));
    expect(status.etcd.flatMap((shard) => shard.members.map(({ version }) => version))).toEqual(three("3.7.3"));
    ok(await stack.run("up", "--expect-no-changes"));
  });

  it.each([
    ["kubernetesVersion", '"1.37.2" to "1.36.3" is refused', "keep kubernetesVersion: 1.37.2"],
    ["etcdVersion", '"3.7.3" to "3.6.16" is refused', "keep etcdVersion: 3.7.3"],
  ] as const)(
    "is not taken back: an older %s is refused by preview and by up, and nothing is touched",
    async (...row) => {
      const [knob, step, way] = row;
      const state = readFileSync(stack.stateFile);
      const watch = new ProcessWatch(prefix, versions, look);
      const before = watch.started.length;
      stack.configure({ [knob]: older[knob] });
      const refused = [await stack.run("preview"), await stack.run("up")];
      stack.configure(newer);
      watch.stop();
      for (const ran of refused) {
        expect(ran.code, ran.stderr).toBe(2);
        expect(ran.stderr).toContain(step);
        expect(ran.stderr).toContain(way);
      }
      expect(watch.started.slice(before)).toEqual([]);
      expect(readFileSync(stack.stateFile).equals(state)).toBe(true);
      ok(await stack.run("up", "--expect-no-changes"));
    },
  );

  nightly(
    "lets etcd go back by its own downgrade where that is asked for, also when up is killed, and loses no write",
    async () => {
      stack.configure({ etcdVersion: older.etcdVersion, etcd: { downgradeTo: older.etcdVersion } });
      ok(await stack.run("preview"));
      const writer = new Writer((await stack.run("kubeconfig")).stdout, "default");
      await killedUp(stack, /done: restart upgrade-etcd-main-\d/);
      const up = await stack.run("up");
      const report = await writer.stop();
      ok(up);
      expect(report).toMatchObject({ failed: [], lost: [] });
      const status = await stack.json<StatusReport>("status");
      expect(status.problems).toEqual([]);
      expect(status.etcd.flatMap((shard) => shard.members.map(({ version }) => version))).toEqual(three("3.6.16"));
      const etcdctl = "set -a; . /etc/etcd/etcdctl.env; etcdctl endpoint status --cluster --write-out json";
      const answers = JSON.parse(await stack.ssh("etcd-main-1", etcdctl)) as { Status: object }[];
      expect(answers.map(({ Status }) => Status)).toMatchObject(
        members.map(() => ({ storageVersion: "3.6.0", downgradeInfo: {} })),
      );
      // What was taken of the newer etcd is nothing for the older one.
      expect((await snapshots()).at(-1)?.etcdVersion).toBe("3.7.3");
      const restore = await stack.run("etcd restore", "--shard", "main", "--dry-run");
      expect(restore.code, restore.stderr).toBe(3);
      expect(restore.stderr).toContain("does not start on its data");
      // Up again, which nothing that stays in the file may stand for.
      stack.configure(newer);
      expect((await stack.run("preview")).stderr).toContain('etcd.downgradeTo: "3.6.16" is not etcdVersion');
      stack.configure({ etcd: { ...etcd, downgradeTo: undefined } });
      ok(await stack.run("up"));
      expect((await stack.json<StatusReport>("status")).problems).toEqual([]);
    },
  );

  it("does not leave out a minor version: that is refused with the way", async () => {
    const state = readFileSync(stack.stateFile, "utf8");
    // As if the cluster were on 1.35.4: its commitments say so, and what the masters' rollout printed.
    writeFileSync(stack.stateFile, state.replaceAll("1.37.2", "1.35.4"));
    const ran = await stack.run("preview");
    writeFileSync(stack.stateFile, state);
    expect(ran.code, ran.stderr).toBe(2);
    expect(ran.stderr).toContain('"1.35.4" to "1.37.2" is refused');
    expect(ran.stderr).toContain(
      "set kubernetesVersion: 1.36.3 and run `kilonode up`, then set kubernetesVersion: 1.37.2 and run `kilonode up`",
    );
    ok(await stack.run("preview", "--expect-no-changes"));
  });
});
