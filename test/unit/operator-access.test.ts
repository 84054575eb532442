/** Certificates for people, as openssl reads them, under authorities as the real provider and openssl write them. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type ApiAccess, issueKubeconfig } from "../../components/pki/operator-access";
import { smallPlan } from "./cli-fixture";

let dir: string;
/** X.509 knows no milliseconds. */
const now = new Date(Math.floor(Date.now() / 1000) * 1000);
const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: dir, encoding: "utf8", stdio: "pipe" });
const read = (file: string) => readFileSync(join(dir, file), "utf8");

/** @param key as providers of TLS write it (SEC 1) or as openssl does (PKCS 8); the subject's encoding differs, too */
function authority(name: string, { sec1, mask }: { sec1: boolean; mask: string }): ApiAccess {
  const request = ["-new", "-x509", "-days", "2", "-subj", `/CN=lab ${name} CA`];
  const extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n";
  const config = `[req]\ndistinguished_name=dn\nx509_extensions=ca\nstring_mask=${mask}\n[dn]\n[ca]\n${extensions}`;
  writeFileSync(join(dir, "config"), config);
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.sec1`);
  openssl("pkcs8", "-topk8", "-nocrypt", "-in", `${name}.sec1`, "-out", `${name}.key`);
  openssl("req", ...request, "-key", `${name}.key`, "-config", "config", "-out", `${name}.crt`);
  const certPem = read(`${name}.crt`);
  const signer = { certPem, keyPem: read(sec1 ? `${name}.sec1` : `${name}.key`) };
  return { stack: "lab", endpoint: "https://192.0.2.1:6443", authorityPem: certPem, signer };
}

async function issued(access: ApiAccess, role: "operator" | "break-glass") {
  const { text, user, ends } = await issueKubeconfig(access, role, "alice", now);
  const { clusters, users, contexts } = parse(text) as {
    clusters: [{ cluster: Record<string, string> }];
    users: [{ name: string; user: Record<string, string> }];
    contexts: [{ context: { user: string } }];
  };
  const decoded = (value = "") => Buffer.from(value, "base64").toString();
  writeFileSync(join(dir, "leaf.crt"), decoded(users[0].user["client-certificate-data"]));
  writeFileSync(join(dir, "leaf.key"), decoded(users[0].user["client-key-data"]));
  expect([users[0].name, contexts[0].context.user]).toEqual([user, user]);
  return {
    user,
    ends,
    server: clusters[0].cluster.server,
    trusted: decoded(clusters[0].cluster["certificate-authority-data"]),
    certificate: new X509Certificate(read("leaf.crt")),
  };
}

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "kilonode-access-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("access of people", () => {
  it.each([
    ["a SEC 1 key, a printable name", { sec1: true, mask: "nombstr" }],
    ["a PKCS 8 key, a name in UTF-8", { sec1: false, mask: "utf8only" }],
  ])("is signed so that openssl accepts it: %s", async (_, kind) => {
    const access = authority("one", kind);
    const { certificate } = await issued(access, "operator");
    expect(openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "one.crt", "leaf.crt")).toBe(
      "leaf.crt: OK\n",
    );
    expect(() => openssl("verify", "-purpose", "sslserver", "-CAfile", "one.crt", "leaf.crt")).toThrow();
    expect(openssl("pkey", "-in", "leaf.key", "-pubout")).toBe(
      certificate.publicKey.export({ type: "spki", format: "pem" }),
    );
    expect(certificate.ca).toBe(false);
  });

  it("is of a group that the plan binds, for hours; past RBAC it is shorter, and of a group of its own for the audit policy", async () => {
    const access = authority("one", { sec1: true, mask: "nombstr" });
    const hours = ({ certificate, ends }: Awaited<ReturnType<typeof issued>>) => {
      expect(new Date(certificate.validTo)).toEqual(ends);
      return (ends.getTime() - now.getTime()) / 3_600_000;
    };
    const day = await issued(access, "operator");
    expect(day.certificate.subject).toBe("CN=kilonode:operator:alice\nO=kilonode:operators");
    expect(hours(day)).toBe(8);
    const night = await issued(access, "break-glass");
    expect(night.certificate.subject).toBe("CN=kilonode:break-glass:alice\nO=system:masters\nO=kilonode:break-glass");
    expect(hours(night)).toBe(1);
    expect(day.certificate.serialNumber).not.toBe(night.certificate.serialNumber);

    const { objects, hosts } = smallPlan();
    const groups = hosts.flatMap(({ certificates }) => certificates.map(({ organization }) => organization));
    expect(groups).not.toContain("system:masters");
    expect(objects).toContainEqual(
      expect.objectContaining({
        kind: "ClusterRoleBinding",
        roleRef: expect.objectContaining({ name: "cluster-admin" }) as unknown,
        subjects: [expect.objectContaining({ kind: "Group", name: "kilonode:operators" })],
      }),
    );
    const policy = hosts.find(({ role }) => role === "master")?.machine.files["/etc/kubernetes/audit-policy.yaml"];
    const { rules } = parse(policy?.content ?? "") as { rules: { level: string; userGroups?: string[] }[] };
    const first = rules.findIndex(({ level }) => level === "None");
    // What holds Secrets comes before it, and nothing that logs less.
    expect(rules.slice(0, first).at(-1)).toEqual({ level: "Request", userGroups: ["kilonode:break-glass"] });
  });

  it("trusts all authorities of the API, and is signed by the one that is used", async () => {
    const old = authority("old", { sec1: true, mask: "nombstr" });
    const access = authority("new", { sec1: true, mask: "nombstr" });
    const both = `${access.authorityPem}${old.authorityPem}`;
    const { trusted, server } = await issued({ ...access, authorityPem: both }, "operator");
    expect(trusted).toBe(both);
    expect(server).toBe("https://192.0.2.1:6443");
    expect(openssl("verify", "-CAfile", "new.crt", "leaf.crt")).toBe("leaf.crt: OK\n");
    expect(() => openssl("verify", "-CAfile", "old.crt", "leaf.crt")).toThrow();
  });
});
