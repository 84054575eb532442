import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  return { own, csr, ...(await sign(ca, csr.outputs.certRequestPem as string, inputs, from)) };
}

function sign(ca: Authority, certRequestPem: string, inputs: Values = {}, from: Provider = provider) {
  const all: Values = {
    caCertPem: ca.cert,
    caPrivateKeyPem: ca.key,
    certRequestPem,
    allowedUses: ["digital_signature", "key_encipherment", "server_auth", "client_auth"],
    validityPeriodHours: 24,
    ...inputs,
  };
  return create(from, call(LOCAL), all);
}

/** As hosts make them: with alternative names, the key stays where it is. */
function hostRequest(name: string, subject: string, names: string): { csr: string; key: string } {
  const make = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl([
    ...make,
    "-subj",
    subject,
    "-addext",
    `subjectAltName=${names}`,
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.csr`,
  ]);
  return { csr: read(`${name}.csr`), key: read(`${name}.key`) };
}

const read = (file: string) => readFileSync(join(dir, file), "utf8");

interface Authority {
  readonly cert: string;
  readonly key: string;
}

async function authority(extra: Values = {}): Promise<Authority> {
  const own = await key();
  const made = await create(provider, call(SELF), {
    privateKeyPem: own.privateKeyPem as string,
    subject: { commonName: "Test Authority", organization: "Ünïcode" },
    isCaCertificate: true,
    allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
    validityPeriodHours: 48,
    setSubjectKeyId: true,
    ...extra,
  });
  return { cert: made.outputs.certPem as string, key: own.privateKeyPem as string };
}

describe("PrivateKey", () => {
  it.each([{ algorithm: "ECDSA", ecdsaCurve: "P256" }, { algorithm: "ED25519" }])(
    "gives every form of a key: %o",
    async (inputs: Values) => {
      const made = await create(provider, call(KEY), inputs);
      const out = made.outputs as Record<string, string>;
      expect(out).toMatchObject({ rsaBits: 2048, ecdsaCurve: "P224", ...inputs });
      expect(made.id).toMatch(/^[0-9a-f]{40}$/);
      const header = out.algorithm === "ECDSA" ? "EC PRIVATE KEY" : "PRIVATE KEY";
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
    },
  );

  it("is replaced by any change, unknown in a preview, and secret", async () => {
    const inputs = { algorithm: "ECDSA", ecdsaCurve: "P256" };
    expect(await provider.diff?.(call(KEY), "id", inputs, {}, { algorithm: "ED25519" }, [])).toEqual({
      changes: true,
      replaces: ["algorithm", "ecdsaCurve"],
      detailedDiff: { algorithm: "update-replace", ecdsaCurve: "update-replace" },
    });
    expect(await provider.diff?.(call(KEY), "id", inputs, {}, { ...inputs, rsaBits: 2048 }, [])).toEqual({
      changes: false,
    });
    const planned = await create(provider, call(KEY, "it", { preview: true }), inputs);
    expect(planned.outputs).toMatchObject({ ecdsaCurve: "P256", privateKeyPem: UNKNOWN, publicKeyPem: UNKNOWN });
    expect(provider.secretOutputs?.(KEY)).toEqual(["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"]);
  });

  it.each([
    [{ algorithm: "RSA" }, "a key RSA"],
    [{ algorithm: "ECDSA" }, "a key ECDSA"],
    [{ algorithm: "ECDSA", ecdsaCurve: "P384" }, "a key ECDSA on P384"],
    [{ algorithm: "ED25519", ecdsaCurve: "P256" }, "a key ED25519 on P256"],
  ])("of another kind is refused: %o", async (inputs: Values, asked: string) => {
    await expect(create(provider, call(KEY), inputs)).rejects.toThrow(
      `${asked} is not supported in a rehearsal; supported: ED25519, ECDSA on P256`,
    );
  });
});

describe("certificates", () => {
  it("are good for openssl, with the names of a host's request", async () => {
    const ca = await authority();
    const names = "DNS:one.example.org,DNS:*.etcd.local,IP:10.1.2.3,IP:fd00::1:2";
    const host = hostRequest("one", "/O=system:nodes/CN=system:node:one", names);
    const { outputs, id } = await sign(ca, host.csr);
    const files = { "ca.pem": ca.cert, "cert.pem": outputs.certPem as string };
    expect(openssl(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "ca.pem", "cert.pem"], files)).toBe(
      "cert.pem: OK\n",
    );
    const shown = openssl(["x509", "-in", "cert.pem", "-noout", "-text"]);
    expect(shown).toContain("Signature Algorithm: ecdsa-with-SHA256");
    expect(shown).toContain("Subject: O = system:nodes, CN = system:node:one");
    expect(shown).toMatch(/X509v3 Key Usage: critical\n\s*Digital Signature, Key Encipherment\n/);
    expect(shown).toMatch(/Extended Key Usage: \n\s*TLS Web Server Authentication, TLS Web Client Authentication\n/);
    expect(shown).toMatch(/Basic Constraints: critical\n\s*CA:FALSE\n/);
    expect(shown).toMatch(/Authority Key Identifier: \n/);
    expect(shown).toMatch(
      /Alternative Name: \n\s*DNS:one.example.org, DNS:\*.etcd.local, IP Address:10.1.2.3, IP Address:FD00:0:0:0:0:0:1:2\n/,
    );
    const cert = new X509Certificate(outputs.certPem as string);
    expect(BigInt(`0x${cert.serialNumber}`).toString()).toBe(id);
    expect(cert.checkIssued(new X509Certificate(ca.cert))).toBe(true);
    expect(cert.checkPrivateKey(createPrivateKey(host.key))).toBe(true);
    expect(Date.parse(cert.validTo)).toBe(Date.parse(outputs.validityEndTime as string));
    expect(outputs).toMatchObject({
      caKeyAlgorithm: "ECDSA",
      readyForRenewal: false,
      isCaCertificate: false,
      earlyRenewalHours: 0,
      setSubjectKeyId: false,
    });
  });

  it("are made for a request of this package", async () => {
    const ca = await authority();
    const { own, csr, outputs } = await issue(ca, {
      subject: { commonName: "operator", organization: "system:masters" },
    });
    expect(csr.id).toMatch(/^[0-9a-f]{40}$/);
    const files = { "csr.pem": csr.outputs.certRequestPem as string, "cert.pem": outputs.certPem as string };
    expect(openssl(["req", "-in", "csr.pem", "-verify", "-noout", "-subject"], files)).toContain(
      "O = system:masters, CN = operator",
    );
    expect(openssl(["x509", "-in", "cert.pem", "-noout", "-text"])).not.toContain("Alternative Name");
    const cert = new X509Certificate(outputs.certPem as string);
    expect(cert.publicKey.equals(createPublicKey(own.publicKeyPem as string))).toBe(true);
  });

  it("copy the issuer's name byte by byte, as Go compares it", async () => {
    // An authority of openssl's, whose name is encoded in another way than here.
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
    openssl([...make, "-subj", "/C=de/O=Authority & Söhne/CN=root", "-keyout", "root.key", "-out", "root.pem"]);
    const root = { cert: read("root.pem"), key: read("root.key") };
    const leaf = await issue(root, { subject: { commonName: "leaf" } }, { setSubjectKeyId: true });
    const files = { "leaf.pem": leaf.outputs.certPem as string };
    expect(openssl(["verify", "-CAfile", "root.pem", "leaf.pem"], files)).toBe("leaf.pem: OK\n");
    const strings = (file: string) =>
      openssl(["asn1parse", "-in", file])
        .split("\n")
        .filter((line) => /PRINTABLESTRING|UTF8STRING/.test(line))
        .map((line) => line.replace(/^.*prim: /, ""));
    expect(strings("leaf.pem").slice(0, 3)).toEqual(strings("root.pem").slice(0, 3));
    expect(openssl(["x509", "-in", "leaf.pem", "-noout", "-text"])).toContain("Subject Key Identifier");
  });

  it("mark the alternative names as critical where there is no subject", async () => {
    const { outputs } = await sign(await authority(), hostRequest("bare", "/", "DNS:a.example.org").csr);
    expect(openssl(["x509", "-in", "bare.pem", "-noout", "-text"], { "bare.pem": outputs.certPem as string })).toMatch(
      /Subject: \n[\s\S]*Subject Alternative Name: critical/,
    );
  });

  it("work in a TLS handshake with a client certificate", async () => {
    const ca = await authority();
    const host = hostRequest("server", "/CN=server", "DNS:localhost,IP:127.0.0.1");
    const server = { key: host.key, cert: (await sign(ca, host.csr)).outputs.certPem as string };
    const client = await issue(ca, { subject: { commonName: "client" } }, { allowedUses: ["client_auth"] });
    const listening = createServer({ ...server, ca: ca.cert, requestCert: true }, (socket) =>
      socket.end(`${socket.authorized} ${socket.getPeerCertificate().subject.CN}`),
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
    const subject = { commonName: "x" };
    await expect(issue(ca, { subject }, { caCertPem: ca.key })).rejects.toThrow(
      'invalid PEM type - expected "CERTIFICATE", got "EC PRIVATE KEY"',
    );
    await expect(issue(ca, { subject }, { caPrivateKeyPem: "nothing" })).rejects.toThrow(
      "Failed to parse CA private key PEM",
    );
    await expect(authority({ subject: {} })).rejects.toThrow("Must contain at least one Distinguished Name");
    await expect(authority({ validityPeriodHours: 0.5 })).rejects.toThrow("validityPeriodHours must be a whole number");
    await expect(create(provider, call(LOCAL), {})).rejects.toThrow("caCertPem is missing");
  });

  it("refuse what the program does not ask for, and say what there is", async () => {
    const ca = await authority();
    const subject = { commonName: "x" };
    await expect(issue(ca, { subject }, { allowedUses: ["code_signing"] })).rejects.toThrow(
      'use "code_signing" is not supported in a rehearsal; supported: cert_signing, client_auth, crl_signing, ' +
        "digital_signature, key_encipherment, server_auth",
    );
    await expect(issue(ca, { subject, dnsNames: ["a"] })).rejects.toThrow(
      "property dnsNames is not supported in a rehearsal; supported: privateKeyPem, subject",
    );
    await expect(issue(ca, { subject: { ...subject, country: "de" } })).rejects.toThrow(
      "property subject.country is not supported in a rehearsal; supported: organization, commonName",
    );
    await expect(sign(ca, hostRequest("uri", "/CN=x", "URI:spiffe://cluster/one").csr)).rejects.toThrow(
      "an alternative name of kind 6 is not supported in a rehearsal; supported: DNS, IP",
    );
    const ed25519 = await key({ algorithm: "ED25519" });
    await expect(authority({ privateKeyPem: ed25519.privateKeyPem as string })).rejects.toThrow(
      "the private key is no ECDSA key on P-256, the only kind that signs certificates in a rehearsal",
    );
    await expect(create(provider, call("tls:index/other:Other"), {})).rejects.toThrow(
      `Resource type tls:index/other:Other is not supported in a rehearsal; supported: ${KEY}, ${SELF}, ${REQUEST}, ${LOCAL}`,
    );
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
