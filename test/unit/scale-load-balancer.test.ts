/** The load balancer's limits: from the model into haproxy's file, its unit and the kernel of its host. */
import { describe, expect, test } from "vitest";
import { sysctlsFor } from "../../config/scale";
import { clusterOf } from "../support/plans";
import { scaleOf } from "./scale-samples";

const shards = {
  main: { members: 7 },
  events: { members: 5, resources: ["/events"] },
  leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
  pods: { members: 5, resources: ["/pods"], slot: 3 },
};

/** What the plan writes on the load balancer's host for so many nodes. */
function limits(nodes: number, workload: Record<string, number> = {}) {
  const raw = { platform: "lab", workload: { nodes, ...workload }, etcd: { shards } };
  const host = clusterOf("lab", raw).plan.hosts.find(({ role }) => role === "load-balancer");
  const text = (path: string) => host?.machine.files[path]?.content ?? "";
  const number = (path: string, line: RegExp) => Number(line.exec(text(path))?.[1]);
  const sysctl = (key: string) => host?.machine.sysctls[key];
  return {
    fdHardLimit: number("/etc/haproxy/haproxy.cfg", /^ {4}fd-hard-limit (\d+)$/m),
    limitNofile: number("/etc/systemd/system/haproxy.service.d/kilonode.conf", /^LimitNOFILE=(\d+)$/m),
    nrOpen: sysctl("fs.nr_open"),
    fileMax: sysctl("fs.file-max"),
    conntrack: sysctl("net.netfilter.nf_conntrack_max"),
    somaxconn: sysctl("net.core.somaxconn"),
    ports: sysctl("net.ipv4.ip_local_port_range"),
  };
}
const floor = (value: number) => ({ value: String(value), floor: true });

describe("what the plan gives the load balancer", () => {
  test.each([
    { nodes: 1300, connections: 6510, maxConnections: 16_384, files: 33_792, conntrack: 131_072, somaxconn: 32_768 },
    { nodes: 5000, connections: 25_010, maxConnections: 65_536, files: 132_096, conntrack: 262_144, somaxconn: 32_768 },
    {
      nodes: 15_000,
      connections: 75_010,
      maxConnections: 262_144,
      files: 525_312,
      conntrack: 1_048_576,
      somaxconn: 65_535,
    },
  ])("$nodes nodes: $connections connections, room for $maxConnections, $files files", (size) => {
    const { rates, loadBalancer } = scaleOf({ nodes: size.nodes });
    expect(rates.connections).toBe(size.connections);
    expect(loadBalancer.maxConnections).toBe(size.maxConnections);
    expect(limits(size.nodes)).toEqual({
      fdHardLimit: size.files,
      limitNofile: 1_048_576,
      nrOpen: floor(1_048_576),
      fileMax: floor(2_097_152),
      conntrack: floor(size.conntrack),
      somaxconn: floor(size.somaxconn),
      ports: { value: "10240 65535", floor: false },
    });
  });

  test("more connections than a million files hold: the unit and the kernel follow", () => {
    const { fdHardLimit, limitNofile, nrOpen, fileMax } = limits(15_000, { agentsPerNode: 100 });
    expect({ fdHardLimit, limitNofile, nrOpen, fileMax }).toEqual({
      fdHardLimit: 8_389_632,
      limitNofile: 16_777_216,
      nrOpen: floor(16_777_216),
      fileMax: floor(33_554_432),
    });
    expect(sysctlsFor("master", scaleOf({ nodes: 15_000, agentsPerNode: 100 }))["fs.nr_open"]).toEqual(
      floor(1_048_576),
    );
  });

  test("two files a connection, and what haproxy needs beside", () => {
    for (const nodes of [1, 100, 1300, 5000, 15_000]) {
      const { loadBalancer, kernel, rates } = scaleOf({ nodes });
      expect(loadBalancer.openFiles).toBe(2 * loadBalancer.maxConnections + 1024);
      expect(kernel.openFiles.lb).toBeGreaterThanOrEqual(loadBalancer.openFiles);
      expect(loadBalancer.maxConnections).toBeGreaterThanOrEqual(2 * rates.connections);
    }
  });

  test.each([
    [1300, 0.21],
    [5000, 0.81],
    [15_000, 2.46],
  ])("%i nodes: %f GiB of memory", (nodes, gib) => {
    expect(scaleOf({ nodes }).loadBalancer.memoryGiB).toBe(gib);
  });
});

describe("source ports: one address connects to every master", () => {
  const warning = (nodes: number, masters: number) =>
    scaleOf({ nodes }, { masters }).notices.find(({ path }) => path === "loadBalancer.connectionsPerMaster");

  test("suffice at 15,000 nodes behind 11 masters, also after the loss of a zone", () => {
    expect(scaleOf({ nodes: 15_000 }, { masters: 11 }).loadBalancer.connectionsPerMaster).toBe(21_432);
    expect(warning(15_000, 11)).toBeUndefined();
  });

  test("do not behind 3", () => {
    expect(scaleOf({ nodes: 15_000 }, { masters: 3 }).loadBalancer.connectionsPerMaster).toBe(75_010);
    expect(warning(15_000, 3)).toEqual({
      level: "warning",
      path: "loadBalancer.connectionsPerMaster",
      message:
        "about 75,010 connections to each of the 2 masters left after the loss of a zone, and 55,296 source ports: run more masters",
      source: "https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html (ip_local_port_range)",
    });
    expect(warning(5000, 3)).toBeUndefined();
  });
});
