/** An authority of the program, renewed by the provider of the rehearsal engine, over some years. */
import { X509Certificate } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, expect, it } from "vitest";
import { Pki } from "../../../components/pki/pki";
import { ClusterConfig } from "../../../config/cluster";
import type { Values } from "../../../engine";
import { tlsProvider } from "../../../engine/providers/tls";
import { call, create } from "./support";

const dayMs = 86_400_000;
const SELF = "tls:index/selfSignedCert:SelfSignedCert";
const LOCAL = "tls:index/locallySignedCert:LocallySignedCert";
const certificates = { authorityDays: 730, days: 365, renewBeforeDays: 90 };

/** Inputs and options of every resource of the PKI, by type and name. */
const made = new Map<string, Values>();
beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      made.set(`${type} ${name}`, inputs as Values);
      return { id: name, state: inputs as Record<string, unknown> };
    },
    call: () => ({}),
  });
  const { keys } = ClusterConfig.parse({ platform: "lab" });
  new Pki("pki", {
    stack: "prod",
    ephemeral: false,
    certificates,
    keys,
    authorities: ["kubernetes"],
    shards: [],
  }).program("me", "mine");
  await pulumi.runtime.disconnect();
});

it("an authority is never outlived by what it signs, whenever `up` is run, and keeps key and subject when it is renewed", async () => {
  const inputs = made.get(`${SELF} kubernetes-ca`) as Values;
  const { privateKeyPem } = (
    await create(tlsProvider(), call("tls:index/privateKey:PrivateKey"), {
      algorithm: "ECDSA",
      ecdsaCurve: "P256",
    })
  ).outputs;
  const ca = { ...inputs, privateKeyPem: privateKeyPem as string };
  const request = (
    await create(tlsProvider(), call("tls:index/certRequest:CertRequest"), {
      privateKeyPem: privateKeyPem as string,
      subject: { commonName: "leaf" },
    })
  ).outputs.certRequestPem as string;

  let now = Date.UTC(2030, 0, 1);
  const provider = tlsProvider(() => new Date(now));
  let current = await create(provider, call(SELF), ca);
  const first = new X509Certificate(String(current.outputs.certPem));
  let renewals = 0;
  for (let up = 0; up < 60; up++, now += 29.3 * dayMs) {
    const { replaces = [] } = await provider.diff!(call(SELF), current.id, ca, current.outputs, ca, []);
    if (replaces.length > 0) {
      current = await create(provider, call(SELF), ca);
      renewals++;
    }
    const authority = new X509Certificate(String(current.outputs.certPem));
    // Signing comes a while after looking.
    now += 3_600_000;
    const leaf = await create(provider, call(LOCAL), {
      ...(made.get(`${LOCAL} program`) as Values),
      caPrivateKeyPem: privateKeyPem as string,
      caCertPem: String(current.outputs.certPem),
      certRequestPem: request,
    });
    const certificate = new X509Certificate(String(leaf.outputs.certPem));
    expect(new Date(certificate.validTo).getTime()).toBeLessThanOrEqual(new Date(authority.validTo).getTime());
    // Each trusts what the other has signed: hosts change one by one.
    expect([authority.subject, authority.publicKey.equals(first.publicKey)]).toEqual([first.subject, true]);
    expect([certificate.checkIssued(first), certificate.verify(first.publicKey)]).toEqual([true, true]);
  }
  expect(renewals).toBe(4);
});
