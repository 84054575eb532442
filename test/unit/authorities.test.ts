/** Authorities are renewed in time, with their keys, and whoever reads one only once is restarted for the new one. */
import { X509Certificate } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, describe, expect, it } from "vitest";
import { Pki } from "../../components/pki/pki";
import type { Values } from "../../engine";
import { tlsProvider } from "../../engine/providers/tls";
import { call, create } from "../engine/providers/support";
import { clusterOf, planOf, problemsOf } from "../support/plans";
import { smallConfiguration } from "./cli-fixture";

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
  new Pki("pki", { stack: "prod", ephemeral: false, certificates }).operator("me", "mine");
  await pulumi.runtime.disconnect();
});

describe("an authority", () => {
  it("is never outlived by what it signs, whenever `up` is run, and keeps key and subject when it is renewed", async () => {
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
        ...(made.get(`${LOCAL} operator`) as Values),
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

  it("must live at least twice as long as its certificates", () => {
    const problems = (certificates: object) => problemsOf({ platform: "lab", certificates });
    expect(problems({ authorityDays: 1 })).toEqual([
      expect.stringMatching(
        /^certificates\.authorityDays: 1 days for an authority, and 365 .* take at least twice as long, 730/,
      ),
    ]);
    expect(problems({ authorityDays: 729 })).toHaveLength(1);
    expect(problems({ authorityDays: 730 })).toEqual([]);
    expect(problems({ authorityDays: 60, days: 30, renewBeforeDays: 10 })).toEqual([]);
  });
});

describe("an authority's file", () => {
  /** A service reads it anew by itself: the API server those of its own clients (dynamic_cafile_content.go). */
  const readAnew = ["front-proxy-ca.crt"];

  it.each([
    ["units", planOf("lab")],
    ["a small lab", clusterOf("lab-small", smallConfiguration).plan],
  ])("restarts or reloads who reads it: %s", (_what, { hosts }) => {
    for (const { name, machine, pem } of hosts) {
      const acted = Object.values(machine.services).flatMap((service) => [
        ...service.restartOn,
        ...(service.kind === "unit" ? service.reloadOn : []),
      ]);
      const paths = Object.entries(pem).flatMap(([path, { kind }]) => (kind === "authority" ? [path] : []));
      const silent = paths.filter(
        (path) => !acted.includes(path) && !readAnew.some((file) => path.endsWith(`/${file}`)),
      );
      expect([name, silent]).toEqual([name, []]);
    }
  });
});
