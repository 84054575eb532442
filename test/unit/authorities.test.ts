/** An authority lives longer than its certificates, and whoever reads it only once is restarted for a new one. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { trustsAll } from "../../components/host/trust";
import type { HostPlan } from "../../components/plan/types";
import { clusterOf, planOf, problemsOf } from "../support/plans";
import { smallConfiguration } from "./cli-fixture";

describe("an authority", () => {
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

describe("authorities keep planes and shards apart", () => {
  const { authorities, hosts, shards } = planOf("lab");
  /** The certificates by which a host could be a client, by their authority. */
  const clientsOf = ({ certificates }: HostPlan) =>
    certificates.flatMap(({ authority, uses }) => (uses.includes("client_auth") ? [authority] : []));
  const trustedBy = ({ pem }: HostPlan, file: string) =>
    Object.entries(pem).flatMap(([path, one]) =>
      path.endsWith(file) && one.kind === "authorities" ? one.authorities : [],
    );
  const members = hosts.filter(({ role }) => role === "etcd");
  const shardOf = ({ name }: HostPlan) =>
    shards.find((shard) => shard.members.some((member) => member.name === name))?.name;

  it("no host of etcd is a client, or a peer, of another shard", () => {
    for (const member of members)
      for (const other of hosts.filter((host) => shardOf(host) !== shardOf(member)))
        for (const file of ["/client-ca.crt", "/peer-ca.crt"])
          expect(trustedBy(member, file).filter((one) => clientsOf(other).includes(one))).toEqual(
            other.role === "master" && file === "/client-ca.crt" ? ["apiserver-etcd-client"] : [],
          );
  });

  it("a server's certificate is none for clients, but for peers, who are both", () => {
    const both = hosts.flatMap(({ certificates }) =>
      certificates.filter(({ uses }) => uses.length > 1).map(({ authority }) => authority),
    );
    expect(new Set(both)).toEqual(new Set(shards.map(({ name }) => `etcd-${name}-peer`)));
  });

  it("each is used, and each that is named is there", () => {
    const used = hosts.flatMap(({ certificates }) => certificates.map(({ authority }) => authority));
    expect(new Set(used)).toEqual(new Set(authorities));
    expect(problemsOf({ platform: "lab", keys: { authorities: { "etcd-nowhere-peer": [1, 2] } } })).toEqual([
      expect.stringMatching(
        /^keys\.authorities\.etcd-nowhere-peer: no authority of this cluster; there are kubernetes, /,
      ),
    ]);
  });

  it("a host trusts all that is planned, or it does not", () => {
    const keys = { authorities: { "etcd-main-peer": [2, 1] }, serviceAccount: [1], encryption: [1], ssh: 1 };
    const member = members.find((one) => shardOf(one) === "main") as HostPlan;
    const pem = (...names: string[]) =>
      names
        .map((name) =>
          execFileSync(
            "openssl",
            [
              "req",
              "-x509",
              "-newkey",
              "ec",
              "-pkeyopt",
              "ec_paramgen_curve:P-256",
              "-nodes",
              "-keyout",
              "/dev/null",
              "-subj",
              `/CN=lab ${name} CA`,
            ],
            { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
          ),
        )
        .join("");
    const older = pem("etcd-peer", "etcd-client");
    const all = pem("etcd-main-peer", "etcd-main-client", "apiserver-etcd-client");
    expect(trustsAll({ stack: "lab", keys }, member, older)).toBe(false);
    expect(
      trustsAll(
        { stack: "lab", keys },
        member,
        `${older}-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n`,
      ),
    ).toBe(false);
    expect(trustsAll({ stack: "lab", keys: { ...keys, authorities: {} } }, member, older + all)).toBe(true);
    expect(trustsAll({ stack: "lab", keys }, member, older + all)).toBe(false);
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
      const paths = Object.entries(pem).flatMap(([path, { kind }]) => (kind === "authorities" ? [path] : []));
      const silent = paths.filter(
        (path) => !acted.includes(path) && !readAnew.some((file) => path.endsWith(`/${file}`)),
      );
      expect([name, silent]).toEqual([name, []]);
    }
  });
});
