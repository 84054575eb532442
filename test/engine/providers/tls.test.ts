import { execFileSync } from "node:child_process";
import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, connect as tlsConnect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Provider, UNKNOWN, type Values } from "../../../engine";
import { tlsProvider } from "../../../engine/providers/tls";
import { providers } from "../../../engine/rehearsal";
import { call, create } from "./support";

const KEY = "tls:index/privateKey:PrivateKey";
const SELF = "tls:index/selfSignedCert:SelfSignedCert";
const REQUEST = "tls:index/certRequest:CertRequest";
const LOCAL = "tls:index/locallySignedCert:LocallySignedCert";
const provider = providers("tls");
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "tls-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

function openssl(args: string[], files: Record<string, string> = {}): string {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content);
  return execFileSync("openssl", args, { cwd: dir, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

async function key(inputs: Values = { algorithm: "ECDSA", ecdsaCurve: "P256" }): Promise<Values> {
  return (await create(provider, call(KEY), inputs)).outputs;
}

/** A key, its request and the certificate of an authority for it. */
async function issue(ca: Authority, request: Values, inputs: Values = {}, from: Provider = provider) {
  const own = await key();
  const csr = await create(from, call(REQUEST), { privateKeyPem: own.privateKeyPem as string, ...request });
  const all: Values = {
    caCertPem: ca.cert,
    caPrivateKeyPem: ca.key,
    certRequestPem: csr.outputs.certRequestPem as string,
    allowedUses: ["digital_signature", "key_encipherment", "server_auth", "client_auth"],
    validityPeriodHours: 24,
    ...inputs,
  };
  return { own, csr, ...(await create(from, call(LOCAL), all)) };
}

interface Authority {
  readonly cert: string;
  readonly key: string;
}

async function authority(keyInputs?: Values, extra: Values = {}): Promise<Authority> {
  const own = await key(keyInputs);
  const made = await create(provider, call(SELF), {
    privateKeyPem: own.privateKeyPem as string,
    subject: { commonName: "Test Authority", organization: "Ünïcode" },
    isCaCertificate: true,
    allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
    validityPeriodHours: 48,
    ...extra,
  });
  return { cert: made.outputs.certPem as string, key: own.privateKeyPem as string };
}

describe("PrivateKey", () => {
  it.each([
    { algorithm: "ECDSA", ecdsaCurve: "P256" },
    { algorithm: "ECDSA", ecdsaCurve: "P384" },
    { algorithm: "ED25519" },
    { algorithm: "RSA", rsaBits: 2048 },
  ])("gives every form of a key: %o", async (inputs: Values) => {
    const made = await create(provider, call(KEY), inputs);
    const out = made.outputs as Record<string, string>;
    expect(out).toMatchObject({ rsaBits: 2048, ecdsaCurve: "P224", ...inputs });
    expect(made.id).toMatch(/^[0-9a-f]{40}$/);
    const header = { ECDSA: "EC PRIVATE KEY", RSA: "RSA PRIVATE KEY", ED25519: "PRIVATE KEY" }[out.algorithm as "RSA"];
    expect(out.privateKeyPem).toMatch(new RegExp(`^-----BEGIN ${header}-----\n`));
    for (const form of ["privateKeyPem", "privateKeyPemPkcs8"]) {
      expect(openssl(["pkey", "-in", "key", "-pubout"], { key: out[form] as string })).toBe(out.publicKeyPem);
    }
    writeFileSync(join(dir, "ssh"), out.privateKeyOpenssh as string, { mode: 0o600 });
    const pub = execFileSync("ssh-keygen", ["-y", "-f", join(dir, "ssh")], { encoding: "utf8" });
    expect(`${pub.trim()}\n`).toBe(out.publicKeyOpenssh);
    const print = (type: string) =>
      execFileSync("ssh-keygen", ["-l", "-E", type, "-f", join(dir, "ssh")], { encoding: "utf8" }).split(" ")[1];
    expect(print("sha256")).toBe(out.publicKeyFingerprintSha256);
    expect(print("md5")).toBe(`MD5:${out.publicKeyFingerprintMd5}`);
    rmSync(join(dir, "ssh"));
    const asked = await provider.invoke?.(
      "tls:index/getPublicKey:getPublicKey",
      { privateKeyPem: out.privateKeyPem ?? "" },
      call(""),
    );
    expect(asked).toMatchObject({ algorithm: inputs.algorithm, publicKeyOpenssh: out.publicKeyOpenssh, id: made.id });
  });

  it("has no SSH form for the curve that is the default", async () => {
    expect(await key({ algorithm: "ECDSA" })).toMatchObject({
      ecdsaCurve: "P224",
      privateKeyOpenssh: "",
      publicKeyOpenssh: "",
    });
  });

  it("is replaced by any change, unknown in a preview, and secret", async () => {
    const inputs = { algorithm: "ECDSA", ecdsaCurve: "P256" };
    const other = { ...inputs, ecdsaCurve: "P384" };
    expect(await provider.diff?.(call(KEY), "id", inputs, {}, other, [])).toEqual({
      changes: true,
      replaces: ["ecdsaCurve"],
      detailedDiff: { ecdsaCurve: "update-replace" },
    });
    expect(await provider.diff?.(call(KEY), "id", inputs, {}, { ...inputs, rsaBits: 2048 }, [])).toEqual({
      changes: false,
    });
    const planned = await create(provider, call(KEY, "it", { preview: true }), inputs);
    expect(planned.outputs).toMatchObject({ ecdsaCurve: "P256", privateKeyPem: UNKNOWN, publicKeyPem: UNKNOWN });
    expect(provider.secretOutputs?.(KEY)).toEqual(["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"]);
    await expect(create(provider, call(KEY), { algorithm: "DSA" })).rejects.toThrow(
      'algorithm has the value "DSA"; accepted: RSA, ECDSA, ED25519',
    );
  });
});

describe("certificates", () => {
  const names = {
    subject: { commonName: "system:node:one", organization: "system:nodes" },
    dnsNames: ["one.example.org", "*.etcd.local"],
    ipAddresses: ["10.1.2.3", "fd00::1:2", "::ffff:192.0.2.1"],
    uris: ["spiffe://cluster/one"],
  };

  it.each([
    [{ algorithm: "ECDSA", ecdsaCurve: "P256" }, "ecdsa-with-SHA256"],
    [{ algorithm: "ECDSA", ecdsaCurve: "P384" }, "ecdsa-with-SHA384"],
    [{ algorithm: "ED25519" }, "ED25519"],
    [{ algorithm: "RSA" }, "sha256WithRSAEncryption"],
  ])("are good for openssl: an authority with %o", async (keyInputs: Values, algorithm: string) => {
    const ca = await authority(keyInputs);
    const { own, csr, outputs, id } = await issue(ca, names);
    expect(csr.id).toMatch(/^[0-9a-f]{40}$/);
    const files = {
      "ca.pem": ca.cert,
      "cert.pem": outputs.certPem as string,
      "csr.pem": csr.outputs.certRequestPem as string,
    };
    expect(openssl(["req", "-in", "csr.pem", "-verify", "-noout", "-subject"], files)).toContain(
      "CN = system:node:one",
    );
    expect(openssl(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.pem", "cert.pem"])).toBe(
      "cert.pem: OK\n",
    );
    const shown = openssl(["x509", "-in", "cert.pem", "-noout", "-text"]);
    expect(shown).toContain(`Signature Algorithm: ${algorithm}`);
    expect(shown).toContain("Subject: O = system:nodes, CN = system:node:one");
    expect(shown).toMatch(/X509v3 Key Usage: critical\n\s*Digital Signature, Key Encipherment\n/);
    expect(shown).toMatch(/Extended Key Usage: \n\s*TLS Web Server Authentication, TLS Web Client Authentication\n/);
    expect(shown).toMatch(/Basic Constraints: critical\n\s*CA:FALSE\n/);
    expect(shown).toMatch(/Authority Key Identifier: \n/);
    expect(shown).toMatch(
      /Alternative Name: \n\s*DNS:one.example.org, DNS:\*.etcd.local, IP Address:10.1.2.3, IP Address:FD00:0:0:0:0:0:1:2, IP Address:192.0.2.1, URI:spiffe:\/\/cluster\/one\n/,
    );
    const cert = new X509Certificate(outputs.certPem as string);
    expect(BigInt(`0x${cert.serialNumber}`).toString()).toBe(id);
    expect(cert.checkIssued(new X509Certificate(ca.cert))).toBe(true);
    expect(cert.publicKey.equals(createPublicKey(own.publicKeyPem as string))).toBe(true);
    expect(Date.parse(cert.validTo)).toBe(Date.parse(outputs.validityEndTime as string));
    expect(outputs).toMatchObject({
      caKeyAlgorithm: keyInputs.algorithm,
      readyForRenewal: false,
      isCaCertificate: false,
      earlyRenewalHours: 0,
      setSubjectKeyId: false,
    });
  });

  it("make a chain, and copy the issuer's name byte by byte, as Go compares it", async () => {
    // An authority of openssl's, whose name is encoded in another way than here.
    const subject = "/C=de/O=Authority & Söhne/CN=root";
    const make = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-days",
      "2",
      "-utf8",
    ];
    openssl([...make, "-subj", subject, "-keyout", "root.key", "-out", "root.pem"]);
    const read = (file: string) => execFileSync("cat", [join(dir, file)], { encoding: "utf8" });
    const root = { cert: read("root.pem"), key: read("root.key") };
    const middle = await issue(
      root,
      { subject: { commonName: "middle" } },
      {
        isCaCertificate: true,
        maxPathLength: 1,
        allowedUses: ["cert_signing", "crl_signing"],
      },
    );
    const leaf = await issue(
      { cert: middle.outputs.certPem as string, key: middle.own.privateKeyPem as string },
      {},
      { setSubjectKeyId: true },
    );
    const files = { "middle.pem": middle.outputs.certPem as string, "leaf.pem": leaf.outputs.certPem as string };
    expect(openssl(["verify", "-CAfile", "root.pem", "-untrusted", "middle.pem", "leaf.pem"], files)).toBe(
      "leaf.pem: OK\n",
    );
    expect(openssl(["x509", "-in", "middle.pem", "-noout", "-text"])).toMatch(
      /CA:TRUE, pathlen:1\n[\s\S]*Subject Key Identifier/,
    );
    const parse = (file: string) =>
      openssl(["asn1parse", "-in", file])
        .split("\n")
        .filter((line) => /PRINTABLESTRING|UTF8STRING/.test(line));
    const strings = (lines: string[]) => lines.map((line) => line.replace(/^.*prim: /, ""));
    expect(strings(parse("middle.pem")).slice(0, 3)).toEqual(strings(parse("root.pem")).slice(0, 3));
    // A certificate without a subject must mark its names as critical; one without names has none.
    expect(openssl(["x509", "-in", "leaf.pem", "-noout", "-text"])).toMatch(/Subject: \n[\s\S]*Subject Key Identifier/);
  });

  it("work in a TLS handshake with a client certificate", async () => {
    const ca = await authority();
    const server = await issue(ca, { dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] });
    const client = await issue(ca, { subject: { commonName: "client" } }, { allowedUses: ["client_auth"] });
    const listening = createServer(
      {
        key: server.own.privateKeyPem as string,
        cert: server.outputs.certPem as string,
        ca: ca.cert,
        requestCert: true,
      },
      (socket) => socket.end(`${socket.authorized} ${socket.getPeerCertificate().subject.CN}`),
    );
    await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
    const { port } = listening.address() as { port: number };
    const said = await new Promise<string>((resolve, reject) => {
      const options = { ca: ca.cert, key: client.own.privateKeyPem as string, cert: client.outputs.certPem as string };
      const socket = tlsConnect({ port, host: "127.0.0.1", ...options }, () => {});
      socket.on("data", (data) => resolve(data.toString())).on("error", reject);
    });
    listening.close();
    expect(said).toBe("true client");
  });

  it("say what is wrong", async () => {
    const ca = await authority();
    await expect(issue(ca, names, { allowedUses: ["server"] })).rejects.toThrow(
      'allowedUses has the value "server"; accepted: any_ext',
    );
    await expect(issue(ca, names, { caCertPem: ca.key })).rejects.toThrow(
      'invalid PEM type - expected "CERTIFICATE", got "EC PRIVATE KEY"',
    );
    await expect(issue(ca, names, { caPrivateKeyPem: "nothing" })).rejects.toThrow(
      "Failed to parse CA private key PEM",
    );
    await expect(issue(ca, { ipAddresses: ["10.0.0"] })).rejects.toThrow(
      'Invalid IP address: Failed to parse "10.0.0"',
    );
    await expect(authority(undefined, { subject: {} })).rejects.toThrow("Must contain at least one Distinguished Name");
    await expect(create(provider, call(LOCAL), {})).rejects.toThrow("caCertPem is missing");
    await expect(create(provider, call("tls:index/other:Other"), {})).rejects.toThrow("not supported in a rehearsal");
  });
});

describe("renewal", () => {
  it("replaces a certificate from `earlyRenewalHours` before its end", async () => {
    let now = Date.parse("2030-01-01T00:00:00Z");
    const clocked = tlsProvider(() => new Date(now));
    const ca = await authority();
    const { inputs, outputs, id } = await issue(
      ca,
      { subject: { commonName: "x" } },
      { earlyRenewalHours: 4 },
      clocked,
    );
    expect(outputs).toMatchObject({
      validityStartTime: "2030-01-01T00:00:00.000Z",
      validityEndTime: "2030-01-02T00:00:00.000Z",
    });
    const at = call(LOCAL);
    now += 20 * 3_600_000 - 1;
    expect(await clocked.diff?.(at, id, inputs, outputs, inputs, [])).toEqual({ changes: false });
    expect(await clocked.diff?.(at, id, inputs, outputs, { ...inputs, earlyRenewalHours: 3 }, [])).toEqual({
      changes: true,
      detailedDiff: { earlyRenewalHours: "update" },
    });
    const updated = await clocked.update?.(at, id, inputs, outputs, { ...inputs, earlyRenewalHours: 3 });
    expect(updated?.outputs).toEqual({ ...outputs, earlyRenewalHours: 3 });
    now += 1;
    expect(await clocked.diff?.(at, id, inputs, outputs, inputs, [])).toEqual({
      changes: true,
      replaces: ["readyForRenewal"],
      detailedDiff: { readyForRenewal: "update-replace" },
    });
    expect((await clocked.read?.(at, id, inputs, outputs))?.outputs.readyForRenewal).toBe(true);
  });

  it("replaces a certificate when anything else about it changes", async () => {
    const inputs = {
      caCertPem: "a",
      caPrivateKeyPem: "b",
      certRequestPem: "c",
      allowedUses: ["server_auth"],
      validityPeriodHours: 1,
    };
    const diff = await provider.diff?.(
      call(LOCAL),
      "id",
      inputs,
      {},
      { ...inputs, caCertPem: UNKNOWN, allowedUses: [] },
      [],
    );
    expect(diff?.replaces?.toSorted()).toEqual(["allowedUses", "caCertPem"]);
  });
});
