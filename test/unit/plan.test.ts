/** The plan of a cluster: exact addresses and shards, and readable golden trees of what each kind of host gets. */
import { describe, expect, it } from "vitest";
import { machineDiff } from "../../cli/show/machine-diff";
import { groupOf } from "../../components/plan/groups";
import { plan } from "../../components/plan/plan";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import { parseCidr } from "../../config/cidr";
import { clusterOf, hostOf as host, builtPlanOf as planOf, problemsOf, rawOf } from "../support/plans";

const numberOf = (address: string) => parseCidr(address.includes("/") ? address : `${address}/32`)?.base ?? 0;

/** Everything a host gets, as one readable text: facts first, then each file under its path. */
function tree({ machine, certificates, pem, secrets, ...place }: HostPlan): string {
  const { files, ...rest } = machine;
  const sections = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, file]) => `=== ${path} ${file.mode} ${file.owner}\n${file.content}`);
  return `${JSON.stringify({ place, certificates, pem, secrets, machine: rest }, null, 2)}\n\n${sections.join("\n")}`;
}

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
    const shards = (main: number) => ({ shards: { main: { members: main } } });
    const places = (of: ClusterPlan) =>
      Object.fromEntries(of.hosts.map(({ name, address, zone }) => [name, `${address} ${zone}`]));
    const small = places(planOf("lab", { etcd: shards(3), masters: { count: 3 } }));
    const large = places(planOf("lab", { etcd: shards(7), masters: { count: 11 } }));
    expect(large).toMatchObject(small);
  });

  it("changes nothing on the members that stay when a shard grows", () => {
    const shards = (main: number) => ({ shards: { main: { members: main } } });
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

  it("runs the same components as static pods where the platform has kubelets", async () => {
    const { spec, platform } = clusterOf("lab-small", rawOf("lab-small"));
    const pods = plan(spec, { ...platform.facts(spec), runtimes: ["static-pod"] });
    const master = host(pods, "lab-small-master-1");
    expect(Object.entries(master.machine.services).map(([name, { kind }]) => `${kind} ${name}`)).toEqual([
      "static-pod kube-apiserver",
      "static-pod kube-controller-manager",
      "static-pod kube-scheduler",
      "unit host-firewall.service",
    ]);
    expect(master.machine.firewall?.allowed.map(({ name, port }) => `${port} ${name}`)).toEqual([
      "22 operators",
      "6443 API clients",
      "10250 masters",
    ]);
    expect(master.machine.binaries).toEqual({});
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

  it("has masters answer for themselves where the platform balances, and serve until its load balancer has let go", () => {
    const { spec, platform } = clusterOf("lab-small", rawOf("lab-small"));
    const api = { kind: "managed", name: "api.example", drainSeconds: 40, returnSeconds: 30 } as const;
    const balanced = plan(spec, { ...platform.facts(spec), api });
    const master = host(balanced, "lab-small-master-1");
    const before = host(planOf("lab-small"), "lab-small-master-1");
    const added = (of: (one: HostPlan) => readonly string[]) => of(master).filter((item) => !of(before).includes(item));
    expect(added(({ machine }) => Object.keys(machine.files))).toEqual([
      "/usr/local/lib/systemd/system/kube-apiserver.service.d/stop.conf",
      "/usr/local/lib/kilonode/apiserver-health",
      "/usr/local/lib/kilonode/ready-seconds",
      "/usr/local/lib/systemd/system/apiserver-health.service",
      "/usr/local/lib/systemd/system/apiserver-health.service.d/hardening.conf",
      "/etc/kubernetes/apiserver-health.env",
    ]);
    expect(added(({ machine }) => Object.keys(machine.users))).toEqual(["apiserver-health"]);
    expect(added(({ machine }) => Object.keys(machine.services))).toEqual(["apiserver-health.service"]);
    expect(added(({ certificates }) => certificates.map(({ commonName }) => commonName))).toEqual([
      "kilonode:apiserver-health",
    ]);
    expect(master.machine.firewall?.allowed).toContainEqual({
      name: "health checks",
      port: 3990,
      from: [spec.network.hosts],
    });
    const content = (path: string) => master.machine.files[path]?.content;
    expect(content("/etc/kubernetes/apiserver-health.env")).toBe(
      'API_PORT=6443\nPORT=3990\nREADY_PATH="/readyz?exclude=etcd-override-0&exclude=etcd-override-readiness-0&exclude=etcd-override-1&exclude=etcd-override-readiness-1"\n',
    );
    expect(content("/etc/kubernetes/kube-apiserver.flags")).toContain("--shutdown-delay-duration=40s\n");
    // 40 s until nobody comes any more, 60 s for the longest request, 5 s over which watches end, 10 s to spare: less than the unit's own.
    expect(content("/usr/local/lib/systemd/system/kube-apiserver.service.d/stop.conf")).toBe(
      "[Service]\nTimeoutStopSec=120s\n",
    );
    const group = groupOf(balanced, master.name);
    expect(group.strategy).toMatchObject({ returnSeconds: 30 });
    expect(group.strategy).not.toHaveProperty("balancer");
    expect(group.hostTimeoutSeconds - groupOf(planOf("lab-small"), master.name).hostTimeoutSeconds).toBe(30 + 15);
  });

  it("gives hosts firewalls that stay the same as the cluster grows, by members, masters and zones", () => {
    const small = planOf("lab-small");
    const shards = { main: { members: 5 }, events: { members: 3, resources: ["/events"] } };
    const large = planOf("lab-small", { zones: ["a", "b", "c", "d"], masters: { count: 9 }, etcd: { shards } });
    expect(large.hosts.length).toBeGreaterThan(small.hosts.length);
    for (const { name, machine } of small.hosts.filter(({ name }) => !name.includes("leases")))
      expect(host(large, name).machine.firewall).toEqual(machine.firewall);
    // Every host is where the rules look for it.
    const within = (address: string, ranges: readonly string[]) =>
      ranges.some((range) => {
        const [first = 0, last = first] = range.split("-").map(numberOf);
        return first <= numberOf(address) && numberOf(address) <= last;
      });
    for (const { machine, role, group } of large.hosts.map((one) => ({ ...one, group: groupOf(large, one.name) })))
      for (const { port, name, from } of machine.firewall?.allowed ?? []) {
        if (name === "operators") continue;
        const callers = large.hosts.filter((one) =>
          role === "etcd" && name === "members"
            ? group.hosts.includes(one.name)
            : one.role === "master" || (port === 6443 && ["load-balancer", "node-simulator"].includes(one.role)),
        );
        const allowed = large.hosts.filter(({ address }) => within(address, from));
        expect(allowed.map((one) => one.name)).toEqual(callers.map((one) => one.name));
      }
  });

  it("lets operators in from where the configuration says, beside those that the platform knows", () => {
    const operators = ["203.0.113.0/24", "192.0.2.7/32"];
    for (const { machine } of planOf("lab-small", { network: { hosts: "198.18.16.0/20", operators } }).hosts)
      expect(machine.firewall?.allowed[0]).toEqual({
        name: "operators",
        port: 22,
        from: ["198.18.31.254/32", ...operators],
      });
    const member = (more: Parameters<typeof planOf>[1]) =>
      host(planOf("lab-small", more), "lab-small-etcd-main-1").machine;
    const change = machineDiff(member({}), member({ network: { hosts: "198.18.16.0/20", operators } }));
    expect(change).toEqual({
      files: [],
      settings: ["firewall port 22 for operators: 198.18.31.254/32 -> 198.18.31.254/32, 203.0.113.0/24, 192.0.2.7/32"],
      restarts: [],
      reloads: [],
    });
    expect(problemsOf({ platform: "lab", network: { operators: ["203.0.113.9"] } })).toEqual([
      "network.operators.0: 203.0.113.9 is no IPv4 range written from its first address; for instance 192.0.2.0/24, or 192.0.2.7/32 for one address",
    ]);
  });

  it("refuses a protected flag and a flag that the version does not have, all at once", () => {
    const apiserver = { "etcd-servers": "http://elsewhere", "target-ram-mb": 100 };
    expect(() => planOf("lab-small", { masters: { count: 3, flags: { apiserver } } })).toThrow(
      /etcd-servers[\s\S]*target-ram-mb/,
    );
  });
});
