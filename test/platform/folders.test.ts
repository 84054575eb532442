/**
 * A whole cluster on a platform that only this test has: planned, placed, changed and destroyed by the engine with the unmodified
 * program. Host programs really run, each in the folder that its host is; etcd and the API servers are simulated.
 */

import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { previewReport } from "../../cli/show/preview";
import { components } from "../../components/control-plane/flags";
import { changeProblems, commitmentsOf } from "../../components/plan/commitments";
import type { RawConfiguration } from "../../config/read";
import { catalogue } from "../../config/releases";
import { folders, returnSeconds } from "./folders";
import { FoldersCluster } from "./support/cluster";
import { changed, problems } from "./support/result";

// Each run starts a few dozen programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

const [oldest = "", next = "", newest = ""] = catalogue.kubernetes.map(({ version }) => version);

const base = {
  workload: { nodes: 5, pods: 500 },
  kubernetesVersion: oldest,
  masters: { count: 3 },
  etcd: { shards: { main: { members: 3 } } },
  pools: { workers: { count: 2, labels: { disk: "fast" } } },
};
/** One flag of the API servers, and one setting of etcd. */
const knobs = {
  masters: { count: 3, flags: { apiserver: { "event-ttl": "30m" } } },
  etcd: { shards: { main: { members: 3 } }, snapshotCount: 20_000 },
};

/** After the machines were changed. */
const asItIs = { ...knobs, folders: { image: "second", label: "other" } };
/** Another life for authorities makes them anew. */
const renewed = { ...asItIs, kubernetesVersion: next, certificates: { authorityDays: 4000 } };

/** After keys of authorities were changed. */
const rotated = { ...renewed, keys: { authorities: { "etcd-main-peer": [2], kubernetes: [2] } } };

/** After machines were changed once more. */
const again = { ...rotated, folders: { image: "third", label: "other" } };

interface OpenedResource {
  readonly urn: string;
  readonly type: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
}

let cluster: FoldersCluster;
beforeAll(async () => {
  cluster = await FoldersCluster.start(base);
});
afterAll(() => cluster?.end());

/** A host's name without the stack's, which every run may choose anew. */
const own = (text: string) => text.replaceAll(`${cluster.stack}-`, "");
const log = () => cluster.world.log.splice(0).map(own);
/** Who was away, with which services. Nobody goes before the one that is away is back. */
function oneByOne(lines: readonly string[]): [host: string, services: string][] {
  const moves = lines.filter((line) => / (away: .*|back)$/.test(line));
  const away = moves.flatMap((line) => /^(\S+) away: (.*)$/.exec(line)?.slice(1) ?? []);
  const pairs = away.flatMap((host, index): [string, string][] => (index % 2 ? [] : [[host, away[index + 1] ?? ""]]));
  expect(moves).toEqual(pairs.flatMap(([host, services]) => [`${host} away: ${services}`, `${host} back`]));
  return pairs;
}
const hostFolders = () => readdirSync(join(cluster.root, "hosts")).map(own).sort();

const imageDigests = Object.fromEntries(components.map((name) => [name, `sha256:${"0".repeat(64)}`]));

describe("a cluster on folders", () => {
  it("is planned as the facts say: a managed name, names in certificates, static pods, pools", () => {
    const { plan } = cluster.checked();
    const domain = `${cluster.stack}.folders.test`;
    expect(plan.api).toEqual({
      endpoint: `https://api.${domain}:6443`,
      dnsNames: [`api.${domain}`],
      ipAddresses: [],
    });
    expect(plan.groups.map(({ name }) => name)).toEqual(["etcd-main", "masters"]);
    expect(plan.shards[0]?.endpoints[0]).toBe(`https://${cluster.stack}-etcd-main-1.${domain}:2379`);
    const [apiserver] = plan.hosts.find(({ role }) => role === "master")?.certificates ?? [];
    expect(apiserver?.dnsNames).toEqual(
      expect.arrayContaining([`api.${domain}`, `${cluster.stack}-master-1.${domain}`]),
    );
    expect(apiserver?.ipAddresses).toEqual(["10.96.0.1"]);
    expect(plan.pools).toMatchObject([{ name: "workers", count: 2, labels: { disk: "fast" } }]);
  });

  it("is created", async () => {
    const preview = await cluster.preview();
    expect(problems(preview)).toEqual([]);
    expect(existsSync(cluster.root)).toBe(false);
    const up = await cluster.up();
    expect(problems(up)).toEqual([]);
    expect(up.changes).toEqual(preview.changes);
    expect(hostFolders()).toEqual([
      ...[1, 2, 3].map((n) => `etcd-main-${n}`),
      ...[1, 2, 3].map((n) => `master-${n}`),
      "workers-1",
      "workers-2",
    ]);
    expect(
      cluster.api.objects.has("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/kilonode:kubelet-client"),
    ).toBe(true);
    expect(log().filter((line) => line.includes("election"))).toEqual(["etcd-main: election"]);
  });

  it("has hosts whose certificates hold the names by which others call them", () => {
    const domain = `${cluster.stack}.folders.test`;
    const holds = (host: string, path: string, name: string) =>
      execFileSync("openssl", ["x509", "-noout", "-checkhost", name, "-in", cluster.file(host, path)], {
        encoding: "utf8",
      });
    const peer = `${cluster.stack}-etcd-main-2.${domain}`;
    expect(holds("etcd-main-2", "etc/etcd/pki/peer.crt", peer)).toContain("does match certificate");
    expect(cluster.read("etcd-main-2", "etc/kilonode/activation.env")).toContain(`etcd-main-2=https://${peer}:2380`);
    const api = `api.${domain}`;
    expect(holds("master-3", "etc/kubernetes/pki/apiserver.crt", api)).toContain("does match certificate");
  });

  it("does not change when nothing is to change", async () => {
    const before = cluster.world.changes.length;
    for (const result of [await cluster.preview(), await cluster.up()]) {
      expect(problems(result)).toEqual([]);
      expect(changed(result)).toEqual([]);
    }
    expect(cluster.world.changes.slice(before)).toEqual([]);
    expect(log()).toEqual([]);
  });

  it("is the same cluster for another clone, another operator and another cache: its state names no place of this machine", async () => {
    const clone = join(cluster.dir, "clone");
    for (const part of ["components", "config", "toolchain", "test/platform", "test/support", "package.json"])
      cpSync(part, join(clone, part), { recursive: true });
    symlinkSync(resolve("node_modules"), join(clone, "node_modules"));
    vi.stubEnv("HOME", clone);
    vi.stubEnv("KILONODE_CACHE_DIR", join(clone, "cache"));
    expect(changed(await cluster.previewIn(clone))).toEqual([]);
    vi.unstubAllEnvs();
    // Where the hosts are stands in the configuration of this platform.
    const state = JSON.stringify(cluster.opened).replaceAll(cluster.root, "");
    const cache = process.env.KILONODE_CACHE_DIR ?? join(homedir(), ".cache");
    // Paths on hosts, such as /usr/bin and /root, are theirs.
    for (const place of [
      resolve("."),
      realpathSync("node_modules"),
      cache,
      homedir(),
      tmpdir(),
      dirname(process.execPath),
    ])
      if (!["/root", "/usr/bin"].includes(place)) expect(state).not.toContain(place);
    expect(state).not.toMatch(/file:\/\/(?!\/bucket)/);
  });

  it("hands no secret to a command in its environment or its text, which other processes see", () => {
    const commands = (cluster.opened as OpenedResource[]).filter(({ type }) => type.startsWith("command:"));
    const kinds = new Set(commands.map(({ type }) => type));
    expect([...kinds].sort()).toEqual(["command:local:Command", "command:remote:Command"]);
    for (const { urn, inputs = {} } of commands) {
      const { stdin: _, connection: __, ...others } = inputs;
      expect(JSON.stringify(others), urn).not.toMatch(/PRIVATE KEY|"4dabf18193072939515e22adb298388d"/);
    }
    // It goes on stdin, and in the state it is a secret.
    const rollout = commands.find(({ urn }) => urn.endsWith("::masters-rollout"));
    expect(rollout?.inputs?.stdin).toMatchObject({ "4dabf18193072939515e22adb298388d": expect.any(String) });
  });

  it("is no success while a host does not answer: up refuses and touches nothing, a preview says what it could not see", async () => {
    const key = cluster.file("etcd-main-2", "etc/ssh/host_key");
    renameSync(key, `${key}.away`);
    const before = cluster.world.changes.length;
    const preview = await cluster.preview();
    expect(changed(preview)).toEqual([]);
    const unseen = expect.stringMatching(/etcd-main-2 could not be compared with its plan/);
    expect(preview.diagnostics.map(({ message }) => message)).toContainEqual(unseen);
    const refused = problems(await cluster.up()).join("\n");
    expect(own(refused)).toMatch(/GATE REFUSED: etcd-main: etcd-main-2: checked: the host tells its state over SSH/);
    expect(cluster.world.changes.slice(before)).toEqual([]);
    renameSync(`${key}.away`, key);
    const up = await cluster.up();
    expect(problems(up)).toEqual([]);
    expect(changed(up)).toEqual([]);
  });

  it("changes one master at a time, and one member of etcd at a time with the leader last", async () => {
    const holder = own(cluster.world.holder ?? "");
    const leader = own(cluster.world.shards[0]?.leader ?? "");
    const { plan, platform } = cluster.checked(knobs);
    const changes = previewReport(await cluster.preview(knobs), plan, platform);
    expect(changes.hosts.map(({ hosts, restarts }) => [hosts.map(own), restarts])).toEqual([
      [["etcd-main-1", "etcd-main-2", "etcd-main-3"], ["etcd.service"]],
      [["master-1", "master-2", "master-3"], ["kube-apiserver"]],
    ]);
    // A member takes 12 s; a master 25 s, until it is out of rotation, and until it is back.
    const { shutdownDelaySeconds } = plan.scale.apiserver;
    expect(changes.rolloutSeconds).toBe(3 * 12 + 3 * (25 + shutdownDelaySeconds + returnSeconds));
    expect(problems(await cluster.up(knobs))).toEqual([]);
    const lines = log();
    const order = oneByOne(lines).map(([host]) => host);
    const [members, masters] = [order.slice(0, 3), order.slice(3)];
    const all = (kind: string) => [1, 2, 3].map((n) => `${kind}-${n}`);
    expect([...members].sort()).toEqual(all("etcd-main"));
    expect([...masters].sort()).toEqual(all("master"));
    // The load balancer of the platform cannot be asked: it has had the time to see each master before the next one goes.
    const rotation = lines
      .filter((line) => /^master-\d (away: .*|in rotation)$/.test(line))
      .map((line) => line.replace(/ .*/, ""));
    expect(rotation).toEqual(masters.flatMap((host) => [host, host]));
    expect(members[2]).toBe(leader);
    expect(masters[2]).toBe(holder);
    expect(lines.filter((line) => line.startsWith("etcd-main:"))).toEqual([
      expect.stringMatching(`^etcd-main: leadership from ${leader} to etcd-main-`),
    ]);
    expect(oneByOne(lines).map(([, services]) => services)).toEqual([
      ...Array(3).fill("etcd.service"),
      ...Array(3).fill("kube-apiserver"),
    ]);
    for (const n of [1, 2, 3]) {
      expect(cluster.read(`master-${n}`, "etc/kubernetes/manifests/kube-apiserver.yaml")).toContain("--event-ttl=30m");
      expect(cluster.read(`etcd-main-${n}`, "etc/etcd/etcd.env")).toContain("ETCD_SNAPSHOT_COUNT=20000");
    }
  });

  it("takes a change back that was stopped half-way, though it is what the last complete update has left", async () => {
    const stop = new AbortController();
    const flags = { apiserver: { "event-ttl": "10m" } };
    const up = cluster.up({ ...knobs, masters: { count: 3, flags } }, stop.signal);
    await expect.poll(() => cluster.world.log.some((line) => / away: /.test(line)), { timeout: 300_000 }).toBe(true);
    stop.abort();
    expect((await up).result).toBe("interrupted");
    const ttls = () =>
      [1, 2, 3].map(
        (n) =>
          /--event-ttl=(\d+m)/.exec(cluster.read(`master-${n}`, "etc/kubernetes/manifests/kube-apiserver.yaml"))?.[1],
      );
    expect(ttls().sort()).toEqual(["10m", "30m", "30m"]);
    log();
    expect(problems(await cluster.up(knobs))).toEqual([]);
    expect(ttls()).toEqual(["30m", "30m", "30m"]);
    expect(oneByOne(log())).toHaveLength(1);
    expect(changed(await cluster.up(knobs))).toEqual([]);
  });

  it("makes machines again one at a time, each member with its data and back before the next, the leader handed over", async () => {
    const before = cluster.file("etcd-main-1", "etc/ssh/host_key.pub");
    const key = readFileSync(before, "utf8");
    const up = await cluster.up({ ...knobs, folders: { image: "second" } });
    expect(problems(up)).toEqual([]);
    expect(readFileSync(before, "utf8")).not.toBe(key);
    const lines = log();
    const moves = lines.filter((line) => / (rests|starts: .*|back)$/.test(line)).map((line) => line.replace(/:.*/, ""));
    const order = moves.filter((line) => line.endsWith(" rests")).map((line) => line.replace(/ rests$/, ""));
    expect([...order].sort()).toEqual(["etcd-main", "master"].flatMap((kind) => [1, 2, 3].map((n) => `${kind}-${n}`)));
    expect(order.slice(0, 3).every((host) => host.startsWith("etcd"))).toBe(true);
    expect(moves).toEqual(order.flatMap((host) => [`${host} rests`, `${host} starts`, `${host} back`]));
    // No member was removed, none was chosen leader because the old one was gone.
    expect(lines.filter((line) => line.startsWith("etcd-main:") && !line.includes("leadership"))).toEqual([]);
    const again = await cluster.up({ ...knobs, folders: { image: "second" } });
    expect(problems(again)).toEqual([]);
    expect(changed(again)).toEqual([]);
  });

  it("changes machines that go on running one at a time, and interrupts nothing", async () => {
    const label = { image: "second", label: "other" };
    const up = await cluster.up({ ...knobs, folders: label });
    expect(problems(up)).toEqual([]);
    const hosts = ["etcd-main", "master"].flatMap((kind) => [1, 2, 3].map((n) => `${kind}-${n}`));
    expect(hosts.map((host) => JSON.parse(cluster.read(host, "made.json")).label)).toEqual(hosts.map(() => "other"));
    expect(log()).toEqual([]);
    const started = (host: string) => up.steps.find(({ name }) => own(name) === host)?.startedAt ?? 0;
    const ended = (host: string) => started(host) + (up.steps.find(({ name }) => own(name) === host)?.durationMs ?? 0);
    for (const kind of ["etcd-main", "master"]) {
      const order = [1, 2, 3].map((n) => `${kind}-${n}`).sort((a, b) => started(a) - started(b));
      for (const [index, host] of order.entries())
        if (index > 0) expect(started(host)).toBeGreaterThanOrEqual(ended(order[index - 1] ?? ""));
    }
    expect(changed(await cluster.up({ ...knobs, folders: label }))).toEqual([]);
  });

  it("makes one node more of a pool, and touches nothing else", async () => {
    const grown = { ...asItIs, pools: { workers: { count: 3, labels: { disk: "fast" } } } };
    const up = await cluster.up(grown);
    expect(problems(up)).toEqual([]);
    expect(changed(up)).toEqual(["create workers-3"]);
    expect(JSON.parse(cluster.read("workers-3", "machine.json"))).toHaveProperty("sysctls");
  });

  it.each<[string, RawConfiguration, RegExp]>([
    ["another order of zones", { zones: ["b", "a", "c"] }, /zones, .*they would move 4 of 6 hosts that exist/],
    ["a release that leaves one out", { kubernetesVersion: newest }, /kube-apiserver must not skip a minor version/],
    [
      "another range of pods",
      { network: { pods: "10.128.0.0/10" } },
      /network\.pods: 10\.128\.0\.0\/9 -> 10\.128\.0\.0\/10/,
    ],
  ])("refuses %s, with nothing touched", async (_what, change, message) => {
    // As the command says it, before a preview too.
    const { plan } = cluster.checked({ ...asItIs, ...change });
    expect(changeProblems(cluster.commitments, commitmentsOf(plan)).join("\n")).toMatch(message);
    const before = cluster.world.changes.length;
    const up = await cluster.up({ ...asItIs, ...change });
    expect(up.result).toBe("failed");
    expect(problems(up).join("\n")).toMatch(message);
    expect(changed(up)).toEqual(["update commitments"]);
    expect(cluster.world.changes.slice(before)).toEqual([]);
    expect(log()).toEqual([]);
  });

  it("goes to the next release with the API servers of all masters first", async () => {
    expect(problems(await cluster.up({ ...asItIs, kubernetesVersion: next }))).toEqual([]);
    const services = oneByOne(log()).map(([, names]) => names);
    expect(services).toEqual([
      ...Array(3).fill("kube-apiserver"),
      ...Array(3).fill("kube-controller-manager, kube-scheduler"),
    ]);
  });

  it("renews its authorities with their own keys, and restarts who reads them, one by one", async () => {
    const { keys } = cluster;
    const paths = { ca: "etc/etcd/pki/peer-ca.crt", leaf: "etc/etcd/pki/peer.crt" };
    const files = () => Object.values(paths).map((path) => cluster.read("etcd-main-1", path));
    const [oldCa = "", oldLeaf = ""] = files();
    expect(problems(await cluster.up(renewed))).toEqual([]);
    const [newCa = "", newLeaf = ""] = files();
    expect(newCa).not.toBe(oldCa);
    expect(cluster.keys).toEqual(keys);
    const signed = (ca: string, leaf: string) => new X509Certificate(leaf).checkIssued(new X509Certificate(ca));
    expect([signed(newCa, oldLeaf), signed(oldCa, newLeaf)]).toEqual([true, true]);
    const services = oneByOne(log()).map(([, names]) => names);
    expect(services).toEqual([
      ...Array(3).fill("etcd.service"),
      ...Array(3).fill("kube-apiserver, kube-controller-manager, kube-scheduler"),
    ]);
  });

  it("gives authorities other keys: trusted by all, then used, then the old ones are not trusted any more", async () => {
    const [member, master] = ["etcd-main-1", "master-2"];
    const files = {
      peers: () => cluster.read(member, "etc/etcd/pki/peer-ca.crt"),
      peer: () => cluster.read("etcd-main-2", "etc/etcd/pki/peer.crt"),
      clients: () => cluster.read(master, "etc/kubernetes/pki/kubernetes-ca.crt"),
    };
    const names = (pem: string) =>
      (pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((one) => new X509Certificate(one).subject);
    const signer = () => new X509Certificate(files.peer()).issuer;
    const name = (authority: string, number: number) =>
      `CN=${cluster.stack} ${authority} CA${number === 1 ? "" : `-${number}`}`;
    for (const [step, restarts] of [
      [
        [1, 2],
        ["etcd.service", "kube-apiserver, kube-controller-manager, kube-scheduler"],
      ],
      // Members show something else without a restart; static pods are made anew with it.
      [[2, 1], ["kube-apiserver, kube-controller-manager, kube-scheduler"]],
      [[2], ["etcd.service", "kube-apiserver, kube-controller-manager, kube-scheduler"]],
    ] as const) {
      const authorities = { "etcd-main-peer": [...step], kubernetes: [...step] };
      expect(problems(await cluster.up({ ...renewed, keys: { authorities } }))).toEqual([]);
      expect(names(files.peers()).sort()).toEqual(step.map((number) => name("etcd-main-peer", number)).sort());
      expect(names(files.clients()).sort()).toEqual(step.map((number) => name("kubernetes", number)).sort());
      expect(signer()).toBe(name("etcd-main-peer", step[0]));
      const services = oneByOne(log()).map(([, one]) => one);
      expect(services).toEqual(restarts.flatMap((one) => Array(3).fill(one)));
    }
    const jump = await cluster.up({ ...renewed, keys: { authorities: { "etcd-main-peer": [3] } } });
    expect(problems(jump).join("\n")).toMatch(/key 3 would be used before everybody trusts it/);
    log();
  });

  it("leaves machines as they are while a host does not trust all that others will show, and changes them in the next update", async () => {
    const hosts = ["etcd-main", "master"].flatMap((kind) => [1, 2, 3].map((n) => `${kind}-${n}`));
    const images = () => [...new Set(hosts.map((host) => JSON.parse(cluster.read(host, "made.json")).image))];
    // As it is where a version before had other authorities.
    const stranger = cluster.read("etcd-main-1", "etc/etcd/pki/client-ca.crt");
    writeFileSync(cluster.file("etcd-main-1", "etc/etcd/pki/peer-ca.crt"), stranger);
    const first = await cluster.up(again);
    expect(problems(first)).toEqual([]);
    expect((first.outputs.waiting as string[]).map(own).sort()).toEqual(hosts);
    expect(images()).toEqual(["second"]);
    expect(log().filter((line) => line.endsWith(" rests"))).toEqual([]);
    const second = await cluster.up(again);
    expect([problems(second), second.outputs.waiting]).toEqual([[], []]);
    expect(images()).toEqual(["third"]);
    expect(log().filter((line) => line.endsWith(" rests"))).toHaveLength(6);
  });

  it("that is not ephemeral keeps keys, commitments and results in a destroy, and comes back with its members and their data", async () => {
    const kept = { ...again, ephemeral: false, toolchain: { imageDigests }, etcd: { ...again.etcd, backup: false } };
    const held = ["etcd-main-peer-ca-2", "etcd-main-client-ca", "kubernetes-ca-2", "front-proxy-ca", "service-account"];
    expect(problems(await cluster.up(kept))).toEqual([]);
    const { keys, commitments } = cluster;
    log();
    const destroy = await cluster.destroy();
    expect(problems(destroy)).toEqual([]);
    expect(changed(destroy)).not.toContainEqual(
      expect.stringMatching(/^delete (commitments|encryption-at-rest|etcd-main-rollout)$/),
    );
    expect(existsSync(join(cluster.root, "hosts"))).toBe(false);
    expect(problems(await cluster.up(kept))).toEqual([]);
    expect(held.map((name) => cluster.keys.get(name))).toEqual(held.map((name) => keys.get(name)));
    expect(cluster.commitments).toEqual(commitments);
    // No other shard was begun: the simulation would throw, and there is no election but of the members that are back.
    expect(log().filter((line) => line.startsWith("etcd-main-"))).toEqual(
      expect.arrayContaining([1, 2, 3].map((n) => `etcd-main-${n} starts: etcd.service, turn-clients-away.service`)),
    );
    // Not ephemeral any more: all of it goes.
    expect(problems(await cluster.up(again))).toEqual([]);
    log();
  });

  it("takes members out of a shard when no API server asks them any more, their clients held, and then their hosts", async () => {
    const leader = "etcd-main-3";
    cluster.world.shards[0]?.lead(`${cluster.stack}-${leader}`);
    const etcd = { ...knobs.etcd, shards: { main: { members: 1 } } };
    expect(problems(await cluster.up({ ...again, etcd }))).toEqual([]);
    const lines = log();
    expect(oneByOne(lines).map(([, services]) => services)).toEqual(Array(3).fill("kube-apiserver"));
    const mastersDone = lines.findLastIndex((line) => line.endsWith(" back")) + 1;
    expect(lines.slice(0, mastersDone).filter((line) => line.startsWith("etcd-"))).toEqual([]);
    const leaves = (host: string) => [
      ...(host === leader ? [`etcd-main: leadership from ${host} to etcd-main-1`] : []),
      `etcd-main: ${host} removed`,
    ];
    expect(lines.filter((line) => line.startsWith("etcd-main:"))).toEqual([
      ...leaves("etcd-main-3"),
      ...leaves("etcd-main-2"),
    ]);
    expect(lines).toContain(`${leader} holds its clients`);
    expect(hostFolders().filter((name) => name.startsWith("etcd"))).toEqual(["etcd-main-1"]);
  });

  it("is destroyed, and leaves no folder", async () => {
    const destroy = await cluster.destroy();
    expect(problems(destroy)).toEqual([]);
    // With the whole cluster no member leaves by itself.
    expect(log()).toEqual([]);
    expect(existsSync(join(cluster.root, "hosts"))).toBe(false);
    await folders.sweep(cluster.checked().spec, undefined);
    expect(existsSync(cluster.root)).toBe(false);
  });

  it("signs nothing for a host that asks for more than its plan has, beside what is planned", async () => {
    const make = [
      "req",
      "-new",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      "/dev/null",
    ];
    const admin = execFileSync("openssl", [...make, "-subj", "/O=system:masters/CN=admin"], {
      encoding: "utf8",
      stdio: "pipe",
    });
    cluster.world.forged = (host, requests) =>
      host.name.endsWith("master-1")
        ? { ...requests, scheduler: admin.replace("REQUEST-----", "REQUEST----- ") + requests.scheduler }
        : requests;
    const small = { masters: { count: 1 }, etcd: { shards: { main: { members: 1 } } }, pools: {} };
    const up = problems(await cluster.up(small)).join("\n");
    expect(own(up)).toContain('master-1 asks for a certificate "scheduler" with a text that is not one PEM block');
    expect(cluster.signed).not.toEqual([]);
    expect(cluster.signed.filter((pem) => new X509Certificate(pem).subject.includes("system:masters"))).toHaveLength(1);
    expect(problems(await cluster.destroy())).toEqual([]);
  });
});

it("a platform has no word about it outside of its folder", () => {
  const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" });
  const others = files
    .split("\n")
    .filter((file) => /\.(ts|mts|mjs|json|yaml)$/.test(file) && !/^test\/(platform\/|longest-first\.ts)/.test(file));
  expect(others.length).toBeGreaterThan(300);
  const naming = others.filter((file) =>
    /["'`]folders["'`]|platform\/folders\b|\bfolders[A-Z]|make-folder/.test(readFileSync(file, "utf8")),
  );
  expect(naming).toEqual([]);
});
