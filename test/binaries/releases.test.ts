/** Releases of the catalogue: their flags, every Kubernetes on every etcd, and steps of etcd, which refuses what we refuse. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { components, knownFlags } from "../../config/flags";
import { defaultReleases, etcdVersions, kubernetesVersions, type Releases } from "../../config/releases";
import { releaseStepProblems } from "../../config/releases/steps";
import { RunningCluster } from "./support/cluster";
import { Credentials } from "./support/credentials";
import { etcdStart, startEtcd } from "./support/etcd";
import { placeHost } from "./support/hosts";
import { firstOf, productionPlan } from "./support/plans";
import { run } from "./support/process";
import { byVersion } from "./support/versions";

const root = mkdtempSync(join(tmpdir(), "kilonode-releases-"));
afterAll(() => rmSync(root, { recursive: true, maxRetries: 5 }));

/** Every component in every release of it. */
const all = components.flatMap((name) =>
  (name === "etcd" ? etcdVersions : kubernetesVersions).map((version) => [name, version] as const),
);

test.for(all)("%s %s has every flag that is listed for it", async ([name, version], { skip }) => {
  const release = byVersion(name === "etcd" ? "etcd" : "kubernetes", version);
  if (typeof release === "string") return skip(release);
  const { output } = await run(release.path(name), ["--help"]);
  const has = new Set([...output.matchAll(/^\s+(?:-\w, )?--([a-z0-9-]+)/gm)].map(([, flag]) => flag));
  expect(has.size).toBeGreaterThan(40);
  expect([...knownFlags(name, version)].filter((flag) => !has.has(flag))).toEqual([]);
});

const pairs = kubernetesVersions.flatMap((kubernetes) => etcdVersions.map((etcd) => [kubernetes, etcd] as const));

test.for(pairs)("Kubernetes %s keeps its objects in etcd %s", async (pair, { skip }) => {
  const releases: Releases = { kubernetes: pair[0], etcd: pair[1] };
  const kubernetes = byVersion("kubernetes", releases.kubernetes);
  const etcd = byVersion("etcd", releases.etcd);
  if (typeof kubernetes === "string") return skip(kubernetes);
  if (typeof etcd === "string") return skip(etcd);
  const cluster = new RunningCluster(productionPlan({ nodes: 100 }, { releases }), kubernetes, etcd);
  try {
    await cluster.start();
    const version = await cluster.ask("kube-apiserver", "/version");
    expect(JSON.parse(version.text)).toMatchObject({ gitVersion: `v${releases.kubernetes}` });
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "one" }, data: { written: "once" } };
    const configMaps = "/api/v1/namespaces/default/configmaps";
    const answer = await cluster.ask("kube-apiserver", configMaps, { method: "POST", body });
    expect(answer, answer.text).toMatchObject({ status: 201 });
    const { text } = await cluster.ask("kube-apiserver", `${configMaps}/one`);
    expect(JSON.parse(text)).toMatchObject({ data: { written: "once" } });
  } finally {
    await cluster.stop();
  }
});

const steps = etcdVersions.slice(1).map((to, index) => [etcdVersions[index] as string, to] as const);

test.for(steps)("a member of etcd %s goes on with its data as %s, and not back", async ([from, to], { skip }) => {
  const old = byVersion("etcd", from);
  const next = byVersion("etcd", to);
  if (typeof old === "string") return skip(old);
  if (typeof next === "string") return skip(next);
  const credentials = await Credentials.make();
  const place = (version: string) =>
    placeHost(
      firstOf(productionPlan({ nodes: 100 }, { releases: { etcd: version } }), "etcd-main"),
      join(root, `${from}-${to}`),
      credentials,
    );
  const etcdctl = async (...args: string[]) => {
    const host = await place(to);
    return (await run(next.path("etcdctl"), args, { env: host.environment("/etc/etcd/etcdctl.env") })).output.trim();
  };
  const start = async ({ version, path }: typeof old) => startEtcd(path("etcd"), etcdStart(await place(version)));
  const ready = /"msg":"ready to serve client requests"/;

  const before = await start(old);
  try {
    await before.says(ready);
    expect(await etcdctl("put", "written", "by the old one")).toBe("OK");
  } finally {
    await before.stop();
  }
  const after = await start(next);
  try {
    await after.says(ready);
    const minor = to.split(".").slice(0, 2).join(".");
    await after.says(new RegExp(`"msg":"cluster version is updated","cluster-version":"${minor}"`));
    expect(await etcdctl("get", "written", "--print-value-only")).toBe("by the old one");
  } finally {
    await after.stop();
  }
  const { code, output } = await (await start(old)).end();
  expect(code).not.toBe(0);
  // Which of the two it says depends on whether the newer one has marked its database yet, which it does a while after its start.
  expect(output).toMatch(
    /"error":"version \\"\d+\.\d+\.0\\" is not supported"|"msg":"invalid downgrade; server version is lower than determined cluster version"/,
  );

  const step = (a: string, b: string) =>
    releaseStepProblems({ ...defaultReleases, etcd: a }, { ...defaultReleases, etcd: b });
  expect(step(from, to)).toEqual([]);
  expect(step(to, from)).toHaveLength(1);
});
