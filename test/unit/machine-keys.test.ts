import { spawnSync } from "node:child_process";
import { createPrivateKey, createPublicKey } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { KeyRequest } from "../../components/machine/machine";
import { verifiedRequest } from "../../components/pki/requests";

vi.setConfig({ testTimeout: 120_000 });

const program = resolve("components/machine/files/usr/local/lib/kilonode/make-keys");
const peer: KeyRequest = {
  name: "etcd-peer",
  keyPath: "/etc/etcd/pki/peer.key",
  owner: "etcd:etcd",
  commonName: "etcd-main-1",
  organization: "system:etcd",
  dnsNames: ["etcd-main-1.lab", "localhost"],
  ipAddresses: ["10.0.0.1", "fd00::1"],
};
const bare: KeyRequest = {
  name: "proxy",
  keyPath: "/etc/proxy.key",
  owner: "root:root",
  commonName: "system:kube-proxy",
  dnsNames: [],
  ipAddresses: [],
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kilonode-keys-"));
  write("/etc/passwd", `root:x:${process.getuid?.()}:${process.getgid?.()}::/root:/bin/sh\n`);
  write("/etc/group", `root:x:${process.getgid?.()}:\n`);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

test("makes a user of the number that is planned for it", () => {
  const uid = String(process.getuid?.() === 0 ? 61_001 : process.getuid?.());
  csrs([{ ...bare, owner: "pod:pod", uid }, peer]);
  expect(readFileSync(join(root, "/etc/passwd"), "utf8")).toMatch(new RegExp(`^pod:x:${uid}:`, "m"));
  expect(statSync(join(root, bare.keyPath)).uid).toBe(Number(uid));
  expect(makeKeys([{ ...bare, uid: "0" }]).stderr).toContain('[0].uid: got "0", wants the number of its user, as text');
});

function makeKeys(requests: unknown) {
  const PATH = `${resolve("test/unit/machine-fakes")}:${process.env.PATH}`;
  const env = { ...process.env, PATH, FAKE_ROOT: root };
  return spawnSync("python3", ["-IS", program, "--root", root], {
    input: JSON.stringify(requests),
    env,
    encoding: "utf8",
  });
}

function csrs(requests: readonly KeyRequest[]): Record<string, string> {
  const done = makeKeys(requests);
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout) as Record<string, string>;
}

/** What openssl reads in a request: its public key, subject and names; fails when its signature does not fit. */
function read(csr: string | undefined): { publicKey: string; subject: string; names: string } {
  const words = ["req", "-noout", "-verify", "-pubkey", "-subject", "-nameopt", "RFC2253", "-text"];
  const done = spawnSync("openssl", words, { input: csr ?? "", encoding: "utf8" });
  expect(done.stderr).toMatch(/verify OK/);
  return {
    publicKey: done.stdout.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----\n/)?.[0] ?? "",
    subject: done.stdout.match(/^subject=(.*)$/m)?.[1] ?? "",
    names: done.stdout.match(/Subject Alternative Name: *\n *(.*)/)?.[1] ?? "",
  };
}

test("makes a key for its owner alone, and a request with exactly its subject and names", () => {
  const answer = csrs([peer, bare]);
  expect(Object.keys(answer)).toEqual(["etcd-peer", "proxy"]);
  const request = read(answer["etcd-peer"]);
  expect(request.subject).toBe("CN=etcd-main-1,O=system:etcd");
  expect(request.names).toBe("DNS:etcd-main-1.lab, DNS:localhost, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1");
  expect(read(answer.proxy)).toMatchObject({ subject: "CN=system:kube-proxy", names: "" });

  const path = join(root, peer.keyPath);
  const key = createPrivateKey(readFileSync(path));
  expect(key.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
  expect(request.publicKey).toBe(createPublicKey(key).export({ type: "spki", format: "pem" }));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(dirname(path))).toEqual(["peer.key"]);
});

test("a request is the planned one byte for byte, in the very text that is signed", () => {
  const word = fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9 :._@-]{0,30}[A-Za-z0-9])?$/);
  const identity = fc.record(
    {
      commonName: word,
      organization: word,
      dnsNames: fc.array(fc.oneof(fc.domain(), fc.constant("*.lab")), { maxLength: 5 }),
      ipAddresses: fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 5 }),
    },
    { requiredKeys: ["commonName", "dnsNames", "ipAddresses"] },
  );
  const requests = fc.sample(identity, 60).map((of, index): KeyRequest => {
    return { ...of, name: `key-${index}`, keyPath: `/etc/keys/${index}.key`, owner: "root:root" };
  });
  for (const all of [requests, requests.map((one) => ({ ...one, commonName: "of a key that is there" }))]) {
    const made = csrs(all);
    for (const planned of all) {
      const csr = made[planned.name] ?? "";
      expect([planned, verifiedRequest("host", planned, csr)]).toEqual([planned, csr]);
    }
  }
});

test("answers the same at every run, and never touches a key that is there", () => {
  const first = csrs([peer, bare]);
  expect(csrs([peer, bare])).toEqual(first);
  const key = readFileSync(join(root, peer.keyPath), "utf8");

  const renamed = csrs([{ ...peer, dnsNames: ["new-name.lab"] }]);
  expect(renamed["etcd-peer"]).not.toBe(first["etcd-peer"]);
  expect(readFileSync(join(root, peer.keyPath), "utf8")).toBe(key);

  const rotated = csrs([{ ...peer, keyPath: "/etc/etcd/pki/peer-2.key" }]);
  expect(rotated["etcd-peer"]).not.toBe(first["etcd-peer"]);
  expect(readFileSync(join(root, peer.keyPath), "utf8")).toBe(key);
});

test("a key replaced by another gets another request", () => {
  const first = csrs([peer, bare]);
  writeFileSync(join(root, bare.keyPath), readFileSync(join(root, peer.keyPath)));
  const second = csrs([peer, bare]);
  expect(second["etcd-peer"]).toBe(first["etcd-peer"]);
  expect(second.proxy).not.toBe(first.proxy);
});

test("follows no link, and goes into no folder in which others write", () => {
  write("/etc/shadow", "secret\n");
  chmodSync(join(root, "/etc/shadow"), 0o640);
  mkdirSync(dirname(join(root, peer.keyPath)), { recursive: true });
  symlinkSync(join(root, "/etc/shadow"), join(root, peer.keyPath));
  const linked = makeKeys([peer]);
  expect([linked.status, linked.stdout]).toEqual([1, ""]);
  expect(linked.stderr).toContain(`symbolic links: ${join(root, peer.keyPath)}. Mend that`);
  expect(statSync(join(root, "/etc/shadow")).mode & 0o777).toBe(0o640);
  rmSync(join(root, peer.keyPath));

  chmodSync(join(root, "/etc/etcd"), 0o777);
  expect(makeKeys([peer]).stderr).toContain(
    "/etc/etcd is no directory in which only root writes, so /etc/etcd/pki/peer.key is not touched. Mend that",
  );
  rmSync(join(root, "/etc/etcd"), { recursive: true });
  mkdirSync(join(root, "/home/etcd"), { recursive: true });
  symlinkSync(join(root, "/home/etcd"), join(root, "/etc/etcd"));
  expect(makeKeys([peer]).stderr).toContain("/etc/etcd is no directory in which only root writes");
  expect(readdirSync(join(root, "/home/etcd"))).toEqual([]);
});

test("a broken key is not replaced, and said", () => {
  write(bare.keyPath, "not a key\n");
  const done = makeKeys([bare]);
  expect([done.status, done.stdout]).toEqual([1, ""]);
  expect(done.stderr).toMatch(/openssl req .*proxy\.key.*failed with exit code 1/);
  expect(readFileSync(join(root, bare.keyPath), "utf8")).toBe("not a key\n");
});

test("reports all errors at once, and makes nothing", () => {
  const bad = [
    { ...peer, owner: "etcd", commonName: "a/b", ipAddresses: "10.0.0.1", extra: 1 },
    { ...bare, name: "etcd-peer", dnsNames: ["a,DNS:evil"] },
  ];
  const done = makeKeys(bad);
  expect([done.status, done.stdout]).toEqual([2, ""]);
  expect(done.stderr).toBe(`make-keys: 6 error(s) in the requests; nothing was made:
  [0].commonName: got "a/b", wants 1 to 64 letters, digits, blanks or :._@-
  [0].extra: unknown; allowed are name, keyPath, owner, uid, commonName, organization, dnsNames, ipAddresses
  [0].ipAddresses: got "10.0.0.1", wants an array of IP addresses
  [0].owner: got "etcd", wants "user:group"
  [1].dnsNames: got "a,DNS:evil", wants DNS names
  name etcd-peer: is there twice
`);
  expect(readdirSync(root)).toEqual(["etc"]);
});
