/**
 * The emitted flags and files against real binaries, where some are in the artifact cache: each parses all its flags and
 * says its version. Skipped, visibly, for binaries that are not there.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  apiserverFlags,
  type ConfigObject,
  controllerManagerFlags,
  etcdFlags,
  kubeletConfiguration,
  kubeProxyConfiguration,
  renderConfiguration,
  renderFlags,
  schedulerConfiguration,
} from "../../config/flags";
import { goldenSizes, scaleOf } from "./scale-samples";

const cache = join(process.env.KILONODE_CACHE_DIR ?? join(homedir(), ".cache", "kilonode"), "artifacts");
const work = mkdtempSync(join(tmpdir(), "kilonode-flags-"));
afterAll(() => rmSync(work, { recursive: true }));

/** Path of a binary in the cache (`<sha256>/<name>`), or undefined. */
function binary(name: string): string | undefined {
  const folders = existsSync(cache) ? readdirSync(cache) : [];
  return folders.map((folder) => join(cache, folder, name)).find((path) => existsSync(path));
}

function run(path: string, args: readonly string[]): string {
  return execFileSync(path, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 30_000 });
}

const written = (name: string, configuration: ConfigObject): string => {
  const path = join(work, name);
  writeFileSync(path, renderConfiguration(configuration));
  return path;
};

const kubeconfig = join(work, "kubeconfig");
writeFileSync(
  kubeconfig,
  "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\ncontexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n",
);

/** Smallest, ours, largest. */
const sizes = goldenSizes.filter(({ nodes }) => [100, 1300, 15_000].includes(nodes));

describe.each(sizes)("at $nodes nodes", (size) => {
  const scale = scaleOf(size);
  const withBinary = (name: string) => test.skipIf(!binary(name));

  withBinary("kube-apiserver")("kube-apiserver parses every flag", () => {
    expect(run(binary("kube-apiserver") as string, [...renderFlags(apiserverFlags(scale)), "--version"])).toContain(
      "Kubernetes v1.",
    );
  });

  withBinary("kube-controller-manager")("kube-controller-manager parses every flag", () => {
    expect(
      run(binary("kube-controller-manager") as string, [...renderFlags(controllerManagerFlags(scale)), "--version"]),
    ).toContain("Kubernetes v1.");
  });

  withBinary("etcd")("etcd parses every flag of every shard", () => {
    for (const shard of Object.keys(scale.etcd.shards))
      expect(run(binary("etcd") as string, [...renderFlags(etcdFlags(scale, shard)), "--version"])).toContain(
        "etcd Version",
      );
  });

  withBinary("kube-scheduler")("kube-scheduler loads and validates its file, and keeps our values", () => {
    const out = join(work, `scheduler-${size.nodes}.out`);
    run(binary("kube-scheduler") as string, [
      "--config",
      written("scheduler.yaml", schedulerConfiguration(scale, kubeconfig)),
      "--write-config-to",
      out,
    ]);
    const text = run("/bin/cat", [out]);
    expect(text).toContain(`qps: ${scale.scheduler.qps}`);
    expect(text).toContain(`parallelism: ${scale.scheduler.parallelism}`);
  });

  withBinary("kube-proxy")("kube-proxy loads its file, and keeps our values", () => {
    const out = join(work, `proxy-${size.nodes}.out`);
    run(binary("kube-proxy") as string, [
      "--config",
      written("proxy.yaml", kubeProxyConfiguration(scale, kubeconfig)),
      "--write-config-to",
      out,
    ]);
    expect(run("/bin/cat", [out])).toContain(`maxPerCore: ${scale.node.conntrackPerCore}`);
  });

  withBinary("kubelet")("kubelet accepts every field of its file", () => {
    const path = written("kubelet.yaml", { ...kubeletConfiguration(scale), failCgroupV1: false });
    // It goes on past the file (without our cgroup v2, which the machine of the test may lack) and fails for want of a runtime; a field that it does not know stops it earlier.
    let said = "";
    try {
      said = run(binary("kubelet") as string, [
        "--config",
        path,
        "--container-runtime-endpoint=unix:///nonexistent.sock",
        "--kubeconfig",
        join(work, "absent"),
        "--root-dir",
        join(work, "kubelet"),
        "--cert-dir",
        join(work, "pki"),
      ]);
    } catch (error) {
      said = String((error as { stderr?: string }).stderr);
    }
    expect(said).not.toMatch(
      /failed to load kubelet config|unknown field|strict decoding|invalid configuration|failed to validate/i,
    );
  });
});
