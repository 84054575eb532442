/** The host program `api-server`: ends and starts a master's API server, whatever kind of service it is. */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeHost } from "./machine-fake-host";

vi.setConfig({ testTimeout: 120_000 });

const program = resolve("components/machine/files/usr/local/lib/kilonode/api-server");
const manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const text = 'kind: Pod\nmetadata:\n  annotations:\n    kilonode.io/content: "a1"\n';

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
});
afterEach(() => host.remove());

function run(...words: string[]) {
  const env = { ...host.environment, KILONODE_ROOT: host.root };
  const { status, stdout, stderr } = spawnSync(program, words, { env, encoding: "utf8" });
  return { status, stderr, told: stdout === "" ? undefined : JSON.parse(stdout) };
}
const told = (...words: string[]) => {
  const done = run(...words);
  expect([done.status, done.stderr]).toEqual([0, ""]);
  return done.told;
};

describe("a unit", () => {
  const service = "unit:kube-apiserver.service";

  test("ends, starts and restarts once for an id", () => {
    host.write("/usr/local/lib/systemd/system/kube-apiserver.service", "[Service]\n");
    host.write("/fake/kube-apiserver.service.active", "active\n");
    expect(told("state", service)).toEqual({ running: true, restartedFor: null });
    expect(told("stop", service)).toEqual({ running: false, restartedFor: null });
    expect(told("start", service)).toEqual({ running: true, restartedFor: null });
    expect(told("restart", service, "r1")).toEqual({ running: true, restartedFor: "r1" });
    expect(host.calls()).toEqual([
      "stop kube-apiserver.service",
      "reset-failed kube-apiserver.service",
      "start --no-block kube-apiserver.service",
      "restart kube-apiserver.service",
    ]);
  });
});

describe("a static pod", () => {
  const service = "static-pod:kube-apiserver";

  test("ends without its manifest, and comes back with it", () => {
    host.kubelet = true;
    host.write(manifest, text);
    expect(told("state", service)).toMatchObject({ running: true });
    expect(told("stop", service)).toMatchObject({ running: false });
    expect(host.has(manifest)).toBe(false);
    // Cut short and run again, it does not lose the manifest.
    expect(told("stop", service)).toMatchObject({ running: false });
    expect(told("start", service)).toMatchObject({ running: true });
    expect(host.read(manifest)).toBe(text);
    expect(told("start", service)).toMatchObject({ running: true });
    host.calls();
    expect(told("restart", service, "r1")).toEqual({ running: true, restartedFor: "r1" });
    expect(host.calls()).toEqual([expect.stringMatching(/^stopp kube-apiserver-\d$/)]);
  });
});

test("says how it is used", () => {
  expect(run("stop", "kube-apiserver")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^api-server: ends and/),
  });
  expect(run("restart", "unit:kube-apiserver.service").status).toBe(2);
});
