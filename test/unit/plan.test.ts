/** The plan of a cluster: exact addresses and shards, and readable golden trees of what each kind of host gets. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { plan } from "../../components/plan";
import type { ArtifactSums, ClusterPlan, HostPlan } from "../../components/plan-types";
import { readSpec } from "../../config/read";

const names = [
  "etcd",
  "etcdctl",
  "etcdutl",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kwok",
  "kubectl",
];
/** Short, so that a golden file changes only when the plan does. */
const sums: ArtifactSums = Object.fromEntries(names.map((name) => [name, { version: "1", sha256: `sum-of-${name}` }]));

function planOf(stack: string, change: Record<string, unknown> = {}): ClusterPlan {
  const { config } = parse(readFileSync(`stacks/Pulumi.${stack}.yaml`, "utf8")) as { config: Record<string, unknown> };
  const raw = Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("kilonode:", ""), value]));
  return plan(readSpec(stack, { ...raw, ...change }), sums);
}

/** Everything a host gets, as one readable text: facts first, then each file under its path. */
function tree({ machine, certificates, disks, pem, secrets, ...place }: HostPlan): string {
  const { files, ...rest } = machine;
  const sections = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, file]) => `=== ${path} ${file.mode} ${file.owner}\n${file.content}`);
  return `${JSON.stringify({ place, disks, certificates, pem, secrets, machine: rest }, null, 2)}\n\n${sections.join("\n")}`;
}

const host = (of: ClusterPlan, name: string) => of.hosts.find((candidate) => candidate.name === name) as HostPlan;

describe("the plan", () => {
  it("has 17 etcd hosts in three shards, 11 masters, a load balancer and a node simulator", () => {
    const lab = planOf("lab");
    expect(lab.shards.map(({ name, members }) => [name, members.length])).toEqual([
      ["main", 7],
      ["events", 5],
      ["leases", 5],
    ]);
    const count = (role: string) => lab.hosts.filter((candidate) => candidate.role === role).length;
    expect(["etcd", "master", "load-balancer", "node-simulator"].map(count)).toEqual([17, 11, 1, 1]);
  });

  it("gives every host an address of its own, in its zone's range", () => {
    const lab = planOf("lab");
    expect(new Set(lab.hosts.map(({ address }) => address)).size).toBe(30);
    for (const { address, zone } of lab.hosts) expect(address.split(".")[2]).toBe(String("abc".indexOf(zone)));
  });

  it("keeps each shard's quorum without any one zone", () => {
    for (const { members } of planOf("lab").shards) {
      for (const zone of ["a", "b", "c"]) {
        const left = members.filter((member) => member.zone !== zone).length;
        expect(left).toBeGreaterThan(members.length / 2);
      }
    }
  });

  it("moves nobody when a shard or the masters grow", () => {
    const shards = (main: number) => ({ hosts: main, shards: { main: { members: main } } });
    const places = (of: ClusterPlan) =>
      Object.fromEntries(of.hosts.map(({ name, address, zone }) => [name, `${address} ${zone}`]));
    const small = places(planOf("lab", { etcd: shards(3), masters: { count: 3 } }));
    const large = places(planOf("lab", { etcd: shards(7), masters: { count: 11 } }));
    expect(large).toMatchObject(small);
  });

  it("changes nothing on the members that stay when a shard grows", () => {
    const shards = (main: number) => ({ hosts: main, shards: { main: { members: main } } });
    const member = (main: number) =>
      host(planOf("lab", { etcd: shards(main) }), "lab-etcd-main-1").machine.files["/etc/etcd/etcd.env"];
    expect(member(5)).toEqual(member(3));
  });

  it("names the overrides as kube-apiserver reads them", () => {
    const flags = host(planOf("lab-small"), "lab-small-master-1").machine.files["/etc/kubernetes/kube-apiserver.flags"]
      ?.content;
    expect(flags).toContain(
      "--etcd-servers=https://198.18.16.40:2379,https://198.18.17.41:2379,https://198.18.18.42:2379",
    );
    expect(flags).toContain(
      "--etcd-servers-overrides=/events#https://198.18.17.58:2379,coordination.k8s.io/leases#https://198.18.18.76:2379",
    );
  });

  it("holds no secret and no private key", () => {
    expect(JSON.stringify(planOf("lab"))).not.toMatch(/PRIVATE KEY|password/i);
  });

  it.each(["etcd-main-1", "etcd-events-1", "master-1", "lb-1", "nodes-1"])("of lab-small, host %s", async (name) => {
    await expect(tree(host(planOf("lab-small"), `lab-small-${name}`))).toMatchFileSnapshot(
      `golden/plan/lab-small/${name}.txt`,
    );
  });

  it("runs the same components as static pods where the configuration says so", async () => {
    const pods = planOf("lab-small", { masters: { count: 3, runtime: "static-pod" } });
    const master = host(pods, "lab-small-master-1");
    expect(master.machine.services).toEqual({});
    const manifests = Object.entries(master.machine.files).filter(([path]) =>
      path.startsWith("/etc/kubernetes/manifests/"),
    );
    expect(manifests).toHaveLength(3);
    for (const [path, file] of manifests) {
      await expect(file.content).toMatchFileSnapshot(`golden/plan/static-pods/${path.split("/").at(-1)}`);
      const flags = host(planOf("lab-small"), "lab-small-master-1").machine.files[
        path.replace("manifests/", "").replace(".yaml", ".flags")
      ];
      for (const flag of flags?.content.trim().split("\n") ?? []) expect(file.content).toContain(flag);
    }
  });

  it("refuses a protected flag and a flag that the version does not have, all at once", () => {
    const apiserver = { "etcd-servers": "http://elsewhere", "target-ram-mb": 100 };
    expect(() => planOf("lab-small", { masters: { count: 3, flags: { apiserver } } })).toThrow(
      /etcd-servers[\s\S]*target-ram-mb/,
    );
  });
});
