/** What the command line knows of a cluster from its state, whatever engine made it and however far it came. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { knownFrom } from "../../cli/hosts/known";
import { openedState } from "../../cli/run/pulumi-state";
import { unfinishedText } from "../../cli/show/unfinished";
import { removeStackFiles, removeUnusedPassphrase } from "../../cli/stack/files";
import type { ClusterHost } from "../../components/cluster";
import { lab } from "../../components/platform/lab";
import type { OpenedResource, Values } from "../../engine";
import { clusterOf } from "../support/plans";
import { smallConfiguration, smallPlan } from "./cli-fixture";

const plan = smallPlan();
const master = "lab-small-master-1";
const urn = (type: string, name: string) => `urn:pulumi:lab-small::kilonode::${type}::${name}`;
const resource = (type: string, name: string, outputs: Values): OpenedResource => ({
  urn: urn(type, name),
  type,
  outputs,
});
const host = (name: string, address: string, hostKey: string) =>
  resource("command:local:Command", name, { stdout: JSON.stringify({ name, address, hostKey }) });
const sshKey = resource("tls:index/privateKey:PrivateKey", "ssh", { privateKeyOpenssh: "the key" });
const authorityKey = resource("tls:index/privateKey:PrivateKey", "kubernetes-ca", { privateKeyPem: "KEY" });
const authority = resource("tls:index/selfSignedCert:SelfSignedCert", "kubernetes-ca", { certPem: "CA" });
const binding = resource(
  "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
  "ClusterRoleBinding/kilonode:operators",
  {},
);
const outputs = (hosts: readonly Partial<ClusterHost>[]) =>
  resource("pulumi:pulumi:Stack", "kilonode-lab-small", { hosts: hosts as Values[], sshKey: "old" });

describe("known from the state", () => {
  test("hosts that are made, those under way, those to come", () => {
    const known = knownFrom(plan, lab, {
      resources: [sshKey, host(master, "198.18.16.10", "ssh-ed25519 A")],
      pending: [{ urn: urn("command:local:Command", "lab-small-lb-1"), operation: "creating" }],
    });
    expect(known.sshKey).toBe("the key");
    expect(known.hosts).toEqual([
      {
        name: master,
        address: "198.18.16.10",
        zone: "a",
        role: "master",
        group: "masters",
        user: "root",
        port: 22,
        hostKey: "ssh-ed25519 A",
      },
    ]);
    expect(known.unmade).toHaveLength(plan.hosts.length - 1);
    expect(known.unmade).toContainEqual({ name: "lab-small-master-2", reason: "it is not made yet" });
    expect(known.unmade).toContainEqual({
      name: "lab-small-lb-1",
      reason: "it was still being made, so its host key is not known",
    });
    expect(known.access).toBeUndefined();
  });

  test("what lets people in as soon as it is there, and what is missing before", () => {
    const knownOf = (...resources: OpenedResource[]) => knownFrom(plan, lab, { resources, pending: [] });
    expect(knownOf(authorityKey).accessLacks).toEqual(["the certificate of the kubernetes authority"]);
    expect(knownOf(authorityKey, authority)).toMatchObject({
      access: {
        stack: "lab-small",
        endpoint: "https://198.18.16.5:6443",
        authorityPem: "CA",
        signer: { certPem: "CA", keyPem: "KEY" },
      },
      accessLacks: [],
      operatorsBound: false,
    });
    expect(knownOf(authorityKey, authority, binding).operatorsBound).toBe(true);
  });

  test("a host that a failed up has made anew: its new key, not that of the last outputs", () => {
    const told = { name: master, address: "198.18.16.99", hostKey: "ssh-ed25519 OLD", user: "root", port: 22 };
    const { hosts } = knownFrom(plan, lab, {
      resources: [
        outputs([told]),
        { ...host(master, "198.18.16.98", "ssh-ed25519 DOOMED"), delete: true },
        host(master, "198.18.16.10", "ssh-ed25519 NEW"),
      ],
      pending: [],
    });
    expect(hosts).toMatchObject([{ name: master, address: "198.18.16.10", hostKey: "ssh-ed25519 NEW" }]);
  });

  test("where things are is what was applied, not what the configuration asks for since", () => {
    const changed = clusterOf("lab-small", { ...smallConfiguration, network: { hosts: "198.18.32.0/20" } }).plan;
    const applied = resource("pulumi:pulumi:Stack", "kilonode-lab-small", { apiEndpoint: "https://198.18.16.5:6443" });
    const known = knownFrom(changed, lab, {
      resources: [applied, authorityKey, authority, host(master, "198.18.16.10", "ssh-ed25519 A")],
      pending: [],
    });
    expect(changed.api.endpoint).toBe("https://198.18.32.5:6443");
    expect(known.access?.endpoint).toBe("https://198.18.16.5:6443");
    expect(known.hosts).toMatchObject([{ name: master, address: "198.18.16.10" }]);
  });

  test("after a destroy that kept data: no host, although the outputs speak of some", () => {
    const told = { name: master, address: "198.18.16.10", hostKey: "ssh-ed25519 A", user: "root", port: 22 };
    const commitments = resource("command:local:Command", "commitments", { stdout: "{}" });
    expect(knownFrom(plan, lab, { resources: [outputs([told]), commitments], pending: [] }).hosts).toEqual([]);
    expect(knownFrom(plan, lab, { resources: [outputs([told])], pending: [] }).hosts).toEqual([told]);
  });

  test("a host that left the configuration is known until it is gone", () => {
    const told = { name: "lab-small-master-9", address: "198.18.16.19", hostKey: "ssh-ed25519 A", port: 22 };
    const leaving = [outputs([told]), host(told.name, told.address, told.hostKey)];
    expect(knownFrom(plan, lab, { resources: leaving, pending: [] }).hosts).toEqual([told]);
    expect(knownFrom(plan, lab, { resources: leaving.slice(0, 1), pending: [] }).hosts).toEqual([]);
  });
});

describe("a stack of Pulumi's own engine", () => {
  const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '"the key"' };
  const exported = {
    resources: [{ urn: urn("t", "n"), type: "t", custom: true, outputs: { key: secret, open: 1 } }],
    pending_operations: [
      { resource: { urn: urn("t", "lab-small-lb-1"), type: "t", custom: true }, type: "creating" as const },
    ],
  };
  const at = new Date("2026-11-23T09:00:00Z");
  const entry = (kind: "update" | "destroy" | "refresh", result: "failed" | "succeeded" | "in-progress") => ({
    kind,
    result,
    startTime: at,
    endTime: at,
  });

  test("secrets of its export are read as they come, what it was at is told", () => {
    const state = openedState(exported, []);
    expect(state.resources[0]?.outputs).toEqual({ key: "the key", open: 1 });
    expect(state.unfinished).toEqual({ action: "up", how: "killed", what: [] });
    expect(unfinishedText("lab", state.unfinished!, state.pending)).toBe(
      "the last `up` did not finish: it was killed, while at work on lab-small-lb-1; `kilonode up lab` goes on from there",
    );
  });

  test("its history says how the last run ended", () => {
    const unfinished = (...history: ReturnType<typeof entry>[]) => openedState({}, history).unfinished;
    expect(unfinished(entry("update", "succeeded"), entry("update", "failed"))).toBeUndefined();
    expect(unfinished(entry("refresh", "succeeded"), entry("update", "failed"))).toMatchObject({
      how: "failed",
      at: "2026-11-23T09:00:00.000Z",
    });
    expect(unfinished(entry("destroy", "in-progress"))).toMatchObject({ action: "destroy", how: "running" });
  });
});

describe("a create that was under way in a run of Pulumi's own engine that was killed", () => {
  const made = { urn: urn("t", "made"), type: "t", custom: true };
  const lost = { urn: urn("t", "lost"), type: "t", custom: true };
  const pendingOf = (resource: typeof made) => ({ resource, type: "creating" as const });
  const stateAt = (time: string, kind: "update" | "destroy" = "update", result: "succeeded" | "failed" = "succeeded") =>
    openedState(
      {
        manifest: { time, magic: "", version: "" },
        resources: [made],
        pending_operations: [pendingOf(made), pendingOf(lost)],
      },
      [{ kind, result, startTime: new Date("2026-11-23T09:00:00Z"), endTime: new Date("2026-11-23T09:01:00Z") }],
    );

  test("is over when a later up has made it, and one that nothing has made is still told", () => {
    const state = stateAt("2026-11-23T09:01:00.9Z");
    expect(state.pending.map(({ urn: one }) => one)).toEqual([lost.urn]);
    expect(openedState({ resources: [made] }, []).pending).toEqual([]);
  });

  test("is not over when it was killed after that up, or the up failed: the resource may be the one that it replaces", () => {
    for (const state of [
      stateAt("2026-11-23T09:01:01Z"),
      stateAt("2026-11-23T09:01:00Z", "update", "failed"),
      stateAt("2026-11-23T09:01:00Z", "destroy"),
    ]) {
      expect(state.pending).toHaveLength(2);
      expect(state.unfinished).toBeDefined();
    }
  });
});

describe("the passphrase's file", () => {
  const left = (names: readonly string[], remove: (env: NodeJS.ProcessEnv) => void): string[] => {
    const dir = mkdtempSync(join(tmpdir(), "kilonode-files-"));
    for (const name of names) writeFileSync(join(dir, name), "");
    remove({ KILONODE_STATE_DIR: dir });
    const found = existsSync(dir) ? readdirSync(dir).sort() : ["(no folder)"];
    rmSync(dir, { recursive: true, force: true });
    return found;
  };
  const removeA = (env: NodeJS.ProcessEnv) => removeStackFiles("a", env);

  test("goes with the last stack's files", () => {
    expect(left(["passphrase", "a.json", "a.json.bak", "a.json.run", "a.kubeconfig"], removeA)).toEqual([
      "(no folder)",
    ]);
  });

  test.each(["b.json", "b.json.bak", "b.json.journal", "b.json.lock", "b.pulumi", "exported by hand"])(
    "stays beside %s",
    (other) => {
      expect(left(["passphrase", "a.json", other], removeA)).toEqual(["passphrase", other].sort());
      expect(left(["passphrase", other], removeUnusedPassphrase)).toEqual(["passphrase", other].sort());
    },
  );
});
