/** Pools of nodes: what each knob does to a node, what is refused, and readable golden trees of what nodes hold. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { ClusterPlan, NodePlan } from "../../components/plan/types";
import { nodeCertificates } from "../../components/pools/certificates";
import { knownFlags } from "../../config/flags";
import { planOf } from "../support/plans";
import { planWithPools, poolOf, poolProblems, samplePools } from "./pool-samples";

const plan = planWithPools();
const kubelet = (pool: object) => {
  const { node } = poolOf(planWithPools({ p: { count: 1, ...pool } }), "p");
  return parse(node.machine.files["/etc/kubernetes/kubelet.yaml"]?.content ?? "") as Record<string, unknown>;
};

/** Everything a node holds, as one readable text: facts first, then each file under its path. */
function tree({ machine: { files, sysctls: _, ...machine }, ...rest }: NodePlan): string {
  const sections = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, file]) => `=== ${path} ${file.mode} ${file.owner}\n${file.content}`);
  return `${JSON.stringify({ ...rest, machine }, null, 2)}\n\n${sections.join("\n")}`;
}

describe("nodes of a pool", () => {
  it.each(Object.keys(samplePools))("hold what the golden tree of %s says", async (name) => {
    await expect(tree(poolOf(plan, name).node)).toMatchFileSnapshot(`golden/plan/pools/${name}.txt`);
  });

  it("are planned, and not delivered: their template is what it was", () => {
    for (const { template } of plan.pools) {
      expect(template).toMatchObject({ files: {}, binaries: {}, services: {}, directories: {}, users: {} });
      expect(template.modules).toContain("ip_vs_lc");
    }
  });

  it("have the label of their pool, beside their own", () => {
    expect(plan.pools.map(({ name, labels }) => [name, labels])).toEqual([
      ["workers", { "kilonode.io/pool": "workers" }],
      ["batch", { "kilonode.io/pool": "batch", disk: "fast" }],
      ["special", { "kilonode.io/pool": "special" }],
    ]);
  });

  it("take as many pods as the workload says, or fewer, and keep memory for as many", () => {
    expect(kubelet({})).toMatchObject({ maxPods: 110, kubeReserved: { memory: `${255 + 11 * 110}Mi` } });
    expect(kubelet({ maxPods: 30 })).toMatchObject({ maxPods: 30, kubeReserved: { memory: `${255 + 11 * 30}Mi` } });
  });

  it("evict by the plan's thresholds; one that the pool gives replaces it, and its soft one with it", () => {
    const usual = kubelet({});
    expect(usual.evictionHard).toMatchObject({ "memory.available": "500Mi", "pid.available": "5%" });
    const own = kubelet({ eviction: { hard: { "memory.available": "2Gi" }, soft: { "pid.available": "10%" } } });
    expect(own.evictionHard).toEqual({ ...(usual.evictionHard as object), "memory.available": "2Gi" });
    expect(own.evictionSoft).toEqual({ "nodefs.available": "15%", "imagefs.available": "20%", "pid.available": "10%" });
    // A kubelet does not start with a soft threshold that has no time.
    for (const one of [usual, own])
      expect(Object.keys(one.evictionSoftGracePeriod as object)).toEqual(Object.keys(one.evictionSoft as object));
  });

  it("that are protected keep others off by a taint, and evict in the last moment alone", () => {
    expect(poolOf(plan, "special").taints).toEqual([
      { key: "kilonode.io/protected", value: "special", effect: "NoSchedule" },
    ]);
    const own = kubelet({ protected: true });
    expect(own.registerWithTaints).toEqual([{ key: "kilonode.io/protected", value: "p", effect: "NoSchedule" }]);
    expect(own).not.toHaveProperty("evictionSoft");
    expect(own).not.toHaveProperty("evictionSoftGracePeriod");
    const [hard, usual] = [own, kubelet({})].map(({ evictionHard }) => evictionHard as Record<string, string>);
    expect(Object.keys(hard ?? {})).toEqual(Object.keys(usual ?? {}));
    for (const [signal, threshold] of Object.entries(hard ?? {}))
      expect(Number.parseInt(threshold, 10), signal).toBeLessThan(Number.parseInt(usual?.[signal] ?? "", 10));
  });

  it("report every minute where the API says another number of CPUs, and every 10 s where not", () => {
    expect(kubelet({})).toMatchObject({ nodeStatusUpdateFrequency: "10s" });
    expect(kubelet({ cpuOvercommit: 1.25 })).toMatchObject({ nodeStatusUpdateFrequency: "60s" });
  });
});

describe("a node of a pool", () => {
  const file = (pool: object, path: string) =>
    poolOf(planWithPools({ p: { count: 1, ...pool } }), "p").node.machine.files[path]?.content;
  const services = (pool: string) => Object.keys(poolOf(plan, pool).node.machine.services);

  it("runs its runtime, the kubelet, kube-proxy and what preloads images, as services", () => {
    expect(services("workers")).toEqual(["containerd.service", "kubelet.service", "kube-proxy.service"]);
    expect(services("batch")).toEqual([
      "docker.service",
      "cri-dockerd.service",
      "kubelet.service",
      "kube-proxy.service",
    ]);
    expect(services("special")).toEqual([
      "containerd.service",
      "kubelet.service",
      "kube-proxy.service",
      "preload-base.service",
      "preload-environment.timer",
    ]);
  });

  it("has a file, or a binary, for each path whose change restarts something", () => {
    for (const { name, node } of plan.pools) {
      const { files, binaries, services: all } = node.machine;
      // Trusted authorities come with the node's certificates; cri-dockerd cannot be had.
      const elsewhere = ["/etc/kubernetes/pki/kubernetes-ca.crt", "/usr/local/bin/cri-dockerd"];
      for (const service of Object.values(all))
        for (const path of service.restartOn)
          expect([...Object.keys(files), ...Object.keys(binaries), ...elsewhere], name).toContain(path);
    }
  });

  it("has the programs of its runtime, in versions of the catalogue, and plugins by the names that they are looked for", () => {
    const { binaries } = poolOf(plan, "workers").node.machine;
    expect(binaries["/opt/cni/bin/bridge"]?.name).toBe("cni-bridge");
    for (const { node } of plan.pools)
      for (const { version } of Object.values(node.machine.binaries)) expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(Object.keys(poolOf(plan, "batch").node.machine.binaries).join()).not.toContain("containerd");
    expect(poolOf(plan, "batch").node.packages).toContain("docker.io");
  });

  it("tells the kubelet its pool and labels by a flag, its taints by its file, and its name by nothing", () => {
    const flags = file({ labels: { disk: "fast" } }, "/etc/kubernetes/kubelet.flags");
    expect(flags).toContain("--node-labels=kilonode.io/pool=p,disk=fast\n");
    expect(flags).not.toContain("hostname");
    for (const flag of flags?.match(/(?<=^--)[\w-]+/gm) ?? []) expect(knownFlags("kubelet", "1.37.2")).toContain(flag);
  });

  it.each([
    ["ipvs", ["ip_vs", "ip_vs_lc"], { scheduler: "lc", strictARP: true }],
    ["nftables", ["nf_tables"], { syncPeriod: "30s" }],
  ])(
    "has kube-proxy in the mode %s, with its modules and the section of that mode alone",
    (proxyMode, modules, own) => {
      const proxy = parse(file({ proxyMode }, "/etc/kubernetes/kube-proxy.yaml") ?? "") as Record<string, unknown>;
      expect(proxy).toMatchObject({ mode: proxyMode, clusterCIDR: "10.128.0.0/9", [proxyMode]: own });
      expect(["ipvs", "nftables", "iptables"].filter((mode) => mode in proxy)).toEqual([proxyMode]);
      const { machine } = poolOf(planWithPools({ p: { count: 1, proxyMode } }), "p").node;
      expect(machine.modules).toEqual(expect.arrayContaining(modules));
      // What kube-proxy sets is what the kernel settings say.
      const { maxPerCore, min } = proxy.conntrack as { maxPerCore: number; min: number };
      expect(String(Math.max(min, maxPerCore * 16))).toBe(machine.sysctls["net.netfilter.nf_conntrack_max"]?.value);
    },
  );

  it("asks mirrors before the registry, and the registry after them", () => {
    const { files } = poolOf(plan, "special").node.machine;
    expect(files["/etc/containerd/certs.d/docker.io/hosts.toml"]?.content).toBe(`server = "https://registry-1.docker.io"

[host."https://mirror-1.example"]
capabilities = ["pull","resolve"]

[host."https://mirror-2.example/hub"]
capabilities = ["pull","resolve"]
`);
    expect(files["/etc/containerd/certs.d/registry.example_5000_/hosts.toml"]?.content).toContain(
      'server = "https://registry.example:5000"',
    );
  });

  it("says the same with either runtime: pulls side by side, pause image, time without progress, cgroup driver", () => {
    const pauseImage = "registry.example/pause:3";
    const toml = file({ pauseImage }, "/etc/containerd/config.toml");
    for (const line of [
      "max_concurrent_downloads = 10",
      "max_concurrent_uploaded_layers = 5",
      `sandbox = "${pauseImage}"`,
      'image_pull_progress_timeout = "5m0s"',
      "SystemdCgroup = true",
    ])
      expect(toml).toContain(`\n${line}\n`);
    const docker = { pauseImage, runtime: "docker", imageMirrors: { "docker.io": ["https://m.example"] } };
    expect(JSON.parse(file(docker, "/etc/docker/daemon.json") ?? "")).toEqual({
      "exec-opts": ["native.cgroupdriver=systemd"],
      "data-root": "/data/docker",
      "storage-driver": "overlay2",
      "max-concurrent-downloads": 10,
      "max-concurrent-uploads": 5,
      "log-driver": "json-file",
      "log-opts": { "max-size": "100m", "max-file": "5" },
      "registry-mirrors": ["https://m.example"],
      "live-restore": true,
      "userland-proxy": false,
      bridge: "none",
      iptables: false,
      ip6tables: false,
    });
    expect(file(docker, "/etc/cri-dockerd.flags")?.trim().split("\n")).toEqual(
      expect.arrayContaining(["--image-pull-progress-deadline=5m0s", `--pod-infra-container-image=${pauseImage}`]),
    );
    expect(kubelet(docker)).toMatchObject({ cgroupDriver: "systemd" });
  });

  it("has a bridge of ours where the platform leaves the network to us, and nothing where it does not", () => {
    const { files } = poolOf(plan, "workers").node.machine;
    const template = files["/etc/containerd/cni.template"]?.content ?? "";
    const made = template
      .replace(/\{\{range[^}]*PodCIDRRanges.*?\{\{end\}\}\]/, '[{"subnet": "10.128.3.0/24"}]]')
      .replace(/\{\{range[^}]*Routes.*?\{\{end\}\}\]/, '{"dst": "0.0.0.0/0"}]');
    expect(JSON.parse(made)).toMatchObject({ plugins: [{ type: "bridge", ipam: { type: "host-local" } }, {}] });
    const { pools } = planOf("prod-a");
    for (const { node } of pools) {
      expect(Object.keys(node.machine.files).join()).not.toContain("cni");
      expect(node.machine.files["/etc/containerd/config.toml"]?.content).not.toContain("conf_template");
    }
  });

  it("is known by certificates of its own name and no other, where nodes are known one by one", () => {
    const place = { name: "pools-n-1", zone: "a", address: "198.19.0.4", endpoint: "198.19.0.4" };
    expect(
      nodeCertificates(place).map(({ name, commonName, organization, dnsNames, ipAddresses, uses }) => [
        name,
        `${commonName} ${organization}`,
        [...dnsNames, ...ipAddresses],
        uses,
      ]),
    ).toEqual([
      ["kubelet", "system:node:pools-n-1 system:nodes", ["pools-n-1", "198.19.0.4"], ["server_auth"]],
      ["kubelet-client", "system:node:pools-n-1 system:nodes", [], ["client_auth"]],
      ["kube-proxy", "system:kube-proxy undefined", [], ["client_auth"]],
    ]);
  });
});

const policiesOf = ({ objects }: ClusterPlan) =>
  objects
    .filter(({ kind }) => kind.startsWith("MutatingAdmission"))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);

describe("what API servers do for pools", () => {
  const objects = plan.objects.filter(({ metadata }) => metadata.name === "kilonode-cpu-overcommit-batch");

  it("is to say more CPUs for the nodes of a pool, and for no other", () => {
    expect(JSON.stringify(objects)).toContain('"matchLabels":{"kilonode.io/pool":"batch"}');
    expect(JSON.stringify(objects)).toContain("double(1.25)");
  });

  it("is asked of them where a pool wants it, and where they can", () => {
    const both = (name: string) => [`MutatingAdmissionPolicy ${name}`, `MutatingAdmissionPolicyBinding ${name}`];
    expect(policiesOf(plan)).toEqual([...both("kilonode-cpu-overcommit-batch"), ...both("kilonode-long-tolerations")]);
    expect(policiesOf(planWithPools({ p: { count: 1 } }))).toEqual([]);
    const old = planWithPools({ p: { count: 1, protected: true } }, { nodes: 100 }, { kubernetesVersion: "1.35.4" });
    expect(policiesOf(old)).toEqual([]);
  });
});

describe("a pool is refused", () => {
  it("with all that is wrong with it at once", () => {
    expect(
      poolProblems({
        runtime: "podman",
        maxPods: 0,
        cpuOvercommit: 8,
        protected: "yes",
        eviction: { hard: { "memory.free": "1Gi", "pid.available": "5" }, firm: {} },
        imageMirrors: { "https://docker.io": ["https://m.example"], "docker.io": ["http://m.example"] },
        pauseImage: "pause",
        preload: { base: ["redis"], everyMinutes: 1 },
        preloads: [],
      }).map((line) => line.split(":")[0]),
    ).toEqual([
      "runtime",
      "maxPods",
      "eviction.hard.pid.available",
      "eviction.hard.memory.free",
      "eviction.firm",
      "protected",
      "cpuOvercommit",
      "imageMirrors.https",
      "imageMirrors.docker.io.0",
      "pauseImage",
      "preload.base.0",
      "preload.everyMinutes",
      "preloads",
    ]);
  });

  it("with more pods than the cluster was sized for", () => {
    expect(poolProblems({ maxPods: 200 })).toEqual([
      "maxPods: 200 is more than workload.podsPerNode, 110, which the cluster was sized for; take at most 110, or raise workload.podsPerNode",
    ]);
  });

  it("with overcommitted CPUs on a release whose API servers cannot say them", () => {
    expect(poolProblems({ cpuOvercommit: 1.5 }, { kubernetesVersion: "1.35.4" })).toEqual([
      "cpuOvercommit: 1.5 is nothing that Kubernetes 1.35.4 can do: API servers have MutatingAdmissionPolicy since 1.36; leave it out, or take a newer kubernetesVersion",
    ]);
    expect(poolProblems({ cpuOvercommit: 1.5 }, { kubernetesVersion: "1.36.3" })).toEqual([]);
    expect(poolProblems({}, { kubernetesVersion: "1.35.4" })).toEqual([]);
  });

  it.each([
    [{ labels: { "node-role.kubernetes.io/worker": "" } }, "labels.node-role.kubernetes.io/worker: a kubelet does not"],
    [{ labels: { "kilonode.io/pool": "x" } }, "labels.kilonode.io/pool: labels under kilonode.io are the plan's own"],
    [{ labels: { "a b": "" } }, 'labels: "a b" is no name of a label'],
    [{ labels: { "a/b/c": "" } }, 'labels: "a/b/c" is no name of a label'],
    [{ labels: { a: "-" } }, 'labels.a: "-" is no value of a label'],
    [{ taints: [{ key: "a,b", effect: "NoSchedule" }] }, 'taints.0.key: "a,b" is no name of a taint'],
    [{ taints: [{ key: "a", value: "b c", effect: "NoSchedule" }] }, 'taints.0.value: "b c" is no value of a taint'],
    [{ taints: [{ key: "kilonode.io/protected", effect: "NoSchedule" }] }, "taints.0.key: taints under kilonode.io"],
    [
      { eviction: { soft: { "memory.available": "500Mi" } } },
      "eviction.soft.memory.available: 500Mi is no more than the hard threshold, 500Mi",
    ],
    [
      { eviction: { hard: { "nodefs.available": "20%" }, soft: { "nodefs.available": "15%" } } },
      "eviction.soft.nodefs.available: 15% is no more than the hard threshold, 20%",
    ],
    [{ protected: true, eviction: { soft: { "pid.available": "10%" } } }, "eviction.soft: nodes of a protected pool"],
    [
      { runtime: "docker", imageMirrors: { "quay.io": ["https://m.example"] } },
      "imageMirrors.quay.io: dockerd has mirrors of docker.io and of no other registry",
    ],
    [
      { preload: { base: ["a.example/b:1"], environment: ["a.example/b:1"] } },
      "preload.environment.0: a.example/b:1 is in preload.base already",
    ],
  ])("%j", (pool, problem) => {
    const problems = poolProblems(pool);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });

  it("with nothing of these where a label, taint or threshold is a good one", () => {
    expect(
      poolProblems({
        labels: {
          "node.kubernetes.io/x": "1",
          "topology.kubernetes.io/zone": "a",
          "example.com/Team_1": "",
          "node.kubernetes.io/instance-type": "m7i.2xlarge",
        },
        taints: [{ key: "example.com/gpu", value: "a100", effect: "NoExecute" }],
        // A share and a quantity cannot be compared without a node.
        eviction: { hard: { "memory.available": "10%" }, soft: { "memory.available": "1Gi" } },
        imageMirrors: { "registry.example:5000": ["https://m.example:5000/v2/hub"] },
        pauseImage: `registry.example/pause@sha256:${"0".repeat(64)}`,
      }),
    ).toEqual([]);
  });
});
