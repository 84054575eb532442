/** machine-apply --only: what a host trusts, and what it shows of itself, live before the rest of its content. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Machine, MachineFile, SecretFiles } from "../../components/machine/machine";
import { FakeHost, file, machine as plain, unit } from "./machine-fake-host";

const scratch = mkdtempSync(join(tmpdir(), "kilonode-authorities-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A self-signed certificate of that name; with the same key name it has the same key. */
function certificate(name: string, key = name): string {
  const path = join(scratch, `${key}.key`);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: ["ignore", "pipe", "ignore"] });
  try {
    readFileSync(path);
  } catch {
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path);
  }
  return String(openssl("req", "-x509", "-key", path, "-subj", `/CN=${name}`, "-days", "9"));
}

const [oldCa, newCa, renewedCa] = [certificate("old"), certificate("new"), certificate("old, renewed", "old")];
const credential = (kind: MachineFile["credential"], content: string): MachineFile => ({
  ...file(content),
  ...(kind && { credential: kind }),
});

const encryption = (...keys: string[]) =>
  `providers:\n  - secretbox:\n      keys:\n${keys.map((name) => `        - name: ${name}\n          secret: ${name}==\n`).join("")}  - identity: {}\n`;

function content(ca: string, own: string, more: Partial<Machine["files"]> = {}): Machine {
  const files = {
    "/etc/etcd/ca.crt": credential("trusted", ca),
    "/etc/etcd/own.crt": credential("own", own),
    "/etc/etcd/etcd.env": file("ETCD_NAME=etcd-1\n"),
    "/etc/systemd/system/etcd.service": file("[Service]\nExecStart=/usr/local/bin/etcd\n"),
    ...more,
  } as Machine["files"];
  const services = { "etcd.service": unit({ restartOn: ["/etc/etcd/ca.crt", "/etc/etcd/etcd.env"], wait: false }) };
  return { ...plain, directories: {}, files, services };
}

const secrets = (...keys: string[]): SecretFiles => ({
  files: { "/etc/etcd/keys.yaml": { ...file(encryption(...keys), "0600"), credential: "trusted" } },
});

const namesIn = (text: string) =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((pem) =>
    new X509Certificate(pem).subject.replace("CN=", ""),
  );

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
});
afterEach(() => host.remove());

const trusts = () => namesIn(host.read("/etc/etcd/ca.crt"));
const keys = () => host.read("/etc/etcd/keys.yaml").match(/(?<=name: ).*/g);
const actions = () => host.calls().filter((call) => /\b(re)?start\b/.test(call));

describe("a host that is to trust another authority", () => {
  beforeEach(() => {
    host.ok("stage", content(oldCa, "old certificate\n"));
    host.ok("activate");
    host.calls();
    host.ok("stage", content(newCa, "new certificate\n", { "/etc/etcd/etcd.env": file("ETCD_NAME=other\n") }));
  });

  it("first trusts both, then shows the new, and takes the rest with all of its content", () => {
    const before = host.ok("status");
    expect(before).toMatchObject({ distrusts: true, restarts: ["etcd.service"] });
    expect(host.ok("status --only trust")).toMatchObject({ staged: before.parts.trust, restarts: ["etcd.service"] });

    expect(host.ok("activate --only trust").digest).toBe(before.parts.trust);
    expect(trusts()).toEqual(["old", "new"]);
    expect(host.read("/etc/etcd/own.crt")).toBe("old certificate\n");
    expect(actions()).toHaveLength(1);

    const { parts, active } = host.ok("status");
    expect(parts.trust).toBe(active);
    expect(host.ok("status --only show")).toMatchObject({ staged: parts.show, restarts: [] });
    expect(host.ok("activate --only show").digest).toBe(parts.show);
    expect([trusts(), host.read("/etc/etcd/own.crt")]).toEqual([["old", "new"], "new certificate\n"]);
    expect(host.read("/etc/etcd/etcd.env")).toBe("ETCD_NAME=etcd-1\n");
    expect(actions()).toEqual([]);

    const { digest } = host.ok("activate");
    expect(trusts()).toEqual(["new"]);
    expect(host.read("/etc/etcd/etcd.env")).toBe("ETCD_NAME=other\n");
    expect(actions()).toHaveLength(1);
    expect(host.ok("status")).toMatchObject({
      active: digest,
      parts: { trust: digest, show: digest },
      distrusts: false,
      pending: [],
    });
  });

  it("goes on after a kill anywhere in between", () => {
    for (const point of ["journal-written", "first-file-live", "before-record"]) {
      for (const part of ["trust", "show"]) {
        expect(host.run(["activate", "--only", part], "", point).signal).toBe("SIGKILL");
        expect(trusts().length).toBeGreaterThan(0);
        host.ok(`activate --only ${part}`);
        expect(trusts()).toEqual(["old", "new"]);
      }
      host.ok("activate");
      host.ok("stage", content(oldCa, `old certificate, ${point}\n`));
      host.ok("activate");
      host.ok("stage", content(newCa, "new certificate\n"));
    }
  });

  it("is nothing to do for one that was renewed with its own key", () => {
    host.ok("stage", content(renewedCa, "old certificate\n"));
    const { active, parts, distrusts } = host.ok("status");
    expect([parts.trust, distrusts]).toEqual([active, false]);
  });

  it("has nothing to do where nothing was ever active", () => {
    const fresh = new FakeHost();
    try {
      fresh.ok("stage", content(newCa, "new certificate\n"));
      expect(fresh.ok("status")).toMatchObject({ parts: {}, distrusts: false, everActivated: false });
      expect(fresh.refused("activate --only trust")).toContain("nothing is active on this host yet");
    } finally {
      fresh.remove();
    }
  });
});

it("keys of Secrets: the new one can be read first, then is used, then is the only one", () => {
  const stage = (...names: string[]) => {
    host.ok("stage-secrets", secrets(...names));
    host.ok("stage", content(oldCa, "certificate\n"));
  };
  stage("key1");
  host.ok("activate");
  stage("key2");
  host.ok("activate --only trust");
  expect(keys()).toEqual(["key1", "key2"]);
  host.ok("activate --only show");
  expect(keys()).toEqual(["key2", "key1"]);
  host.ok("activate");
  expect(keys()).toEqual(["key2"]);
  expect(JSON.stringify(host.ok("status"))).not.toContain("key2==");
});
