/** Rows of the ledger: Hosts, hardware, network, kernel. */
import type { LedgerEntry } from "./entry";

export const hosts: readonly LedgerEntry[] = [
  {
    id: "H1",
    area: "Hosts, hardware, network",
    source: "C 1",
    recommendation: "a cluster is 11 masters + 17 dedicated etcd hosts; 3 such clusters; 1,300+ nodes; 100,000+ pods",
    form: "three production stacks, the same program; sizes are configuration, 11 + 17 the default",
    status: "done",
    implementedIn: [
      "stacks/Pulumi.prod-c.yaml",
      "stacks/Pulumi.prod-b.yaml",
      "stacks/Pulumi.prod-a.yaml",
      "config/cluster.ts",
      "stacks/Pulumi.lab.yaml",
      "components/plan/plan.ts",
    ],
    evidence: [
      {
        file: "test/unit/aws-hosts.test.ts",
        test: "are few: two, and four more for volumes of EBS, one more for a master",
      },
      {
        file: "test/unit/plan.test.ts",
        test: "has 17 etcd hosts in three shards, 11 masters, a load balancer and a node simulator",
      },
    ],
  },
  {
    id: "H2",
    area: "Hosts, hardware, network",
    source: "C 3.1",
    recommendation: "SSD or NVMe for etcd, many cores, fast NICs, load balancer",
    form: "instance catalogue with vCPU, memory, NVMe disks, network, price; the cheapest that carries the load, by role and shard",
    status: "done",
    implementedIn: [
      "components/platform/aws/hosts.ts",
      "config/instances.ts",
      "config/scale/masters.ts",
      "config/scale/etcd-host.ts",
    ],
    evidence: [
      { file: "test/unit/aws-hosts.test.ts", test: "%s is the golden one" },
      {
        file: "test/unit/scale-properties.test.ts",
        test: "memory limits fit the host, and the host's needs fit the instance",
      },
      {
        file: "test/unit/scale-notices.test.ts",
        test: "an instance that is too small, and one that fits",
      },
      { file: "test/unit/instances.test.ts", test: "has it, and nothing cheaper does" },
    ],
  },
  {
    id: "H3",
    area: "Hosts, hardware, network",
    source: "C 3.1",
    recommendation: "overcommit: report 60 CPUs for a 48-core host",
    form: "node pools take `cpuOvercommit` (ratio); realised by a supported mechanism that a kubelet 1.37 really obeys (decision 25), off by default, not to be had on masters",
    status: "later",
    implementedIn: [
      "components/pools/overcommit.ts",
      "docs/decisions/0025-overcommitted-cpus-are-said-by-the-api-servers.md",
    ],
    evidence: [
      {
        file: "test/binaries/pools.test.ts",
        test: "a node of the pool has more CPUs for pods from its registration on, and the same capacity",
      },
      {
        file: "test/binaries/pools.test.ts",
        test: "it keeps them when the kubelet reports what the machine has, and when somebody else reports",
      },
    ],
    reason:
      "API servers say the larger number for nodes of such a pool, shown with a real one; no node joins yet, so no real kubelet has been seen to admit by it",
  },
  {
    id: "H4",
    area: "Hosts, hardware, network",
    source: "C 3.1",
    recommendation: "split horizontally by load",
    form: "etcd sharded by resource (events, leases, pods ...), see E6",
    status: "done",
    implementedIn: ["config/scale/etcd.ts", "components/etcd/plan.ts", "components/control-plane/flags.ts"],
    evidence: [
      {
        file: "test/unit/scale-notices.test.ts",
        test: "everything that no other shard holds counts to main",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "a shard that the configuration names has hosts of its own and an override on every master",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "keeps events and leases in their own shards, and Secrets encrypted",
      },
    ],
  },
  {
    id: "K1",
    area: "Kernel",
    source: "C 3.2",
    recommendation:
      'the sysctl list: vm.max_map_count=262144, kernel.softlockup_panic=1, kernel.softlockup_all_cpu_backtrace=1, net.ipv4.ip_local_reserved_ports=30000-32767, net.core.somaxconn=32768, net.core.rmem_max=16777216, net.core.wmem_max=16777216, net.ipv4.tcp_wmem and tcp_rmem "4096 87380 16777216", net.ipv4.tcp_max_syn_backlog=8096, net.ipv4.tcp_slow_start_after_idle=0, net.ipv4.tcp_tw_reuse=1, net.core.netdev_max_backlog=16384, fs.file-max=2097152, fs.inotify.max_user_instances=8192, fs.inotify.max_user_watches=524288, vm.overcommit_memory=1, kernel.panic=10, kernel.panic_on_oops=1',
    form: "per role, sized by host and scale; a value never goes below the kernel's own default on the host at hand (fs.file-max is far higher on a modern kernel: then it is left alone)",
    status: "done",
    implementedIn: [
      "config/scale/kernel.ts",
      "components/machine/files/usr/local/lib/kilonode/machine_apply/sysctl.py",
    ],
    evidence: [
      {
        file: "test/unit/scale-kernel.test.ts",
        test: "the article's list, on every profile that it concerns",
      },
      {
        file: "test/unit/scale-properties.test.ts",
        test: "no kernel setting is below the kernel's own default where it may lower the host's",
      },
      {
        file: "test/unit/machine-apply.test.ts",
        test: "a floor only ever raises, also at the next boot",
      },
    ],
  },
  {
    id: "K2",
    area: "Kernel",
    source: "C 3.2",
    recommendation: "ARP cache thresholds (neigh.default.gc_thresh1/2/3)",
    form: "derived from the number of nodes and pods that one host talks to",
    status: "done",
    implementedIn: ["config/scale/kernel.ts"],
    evidence: [
      {
        file: "test/unit/scale-kernel.test.ts",
        test: "neighbour tables hold everybody that a host speaks to",
      },
    ],
  },
  {
    id: "K3",
    area: "Kernel",
    source: "C 3.2",
    recommendation: "conntrack table and hash size",
    form: "derived from memory and cores; agrees with kube-proxy's conntrack settings (P2), which would otherwise overwrite it",
    status: "later",
    implementedIn: ["config/scale/kernel.ts", "config/scale/node.ts", "components/pools/kube-proxy.ts"],
    evidence: [
      {
        file: "test/unit/scale-kernel.test.ts",
        test: "kube-proxy sets the connection table that the kernel settings say",
      },
      {
        file: "test/unit/scale-kernel.test.ts",
        test: "a table never takes more than 2 % of the memory, nor less than kube-proxy's default",
      },
    ],
    reason:
      "the size of the table is derived, set on masters and load balancer, and what kube-proxy is told; its hash size is kube-proxy's to set on nodes (a quarter, its unit may write it), and nobody's elsewhere",
  },
  {
    id: "K4",
    area: "Kernel",
    source: "C 3.2",
    recommendation: 'file descriptors ("Too many open files")',
    form: "LimitNOFILE in the unit of every service that keeps running, fs.nr_open",
    status: "done",
    implementedIn: [
      "components/machine/files/usr/local/lib/systemd/system",
      "components/load-balancer/plan.ts",
      "config/scale/kernel.ts",
    ],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "every service that keeps running may open a million files, and the kernel lets it",
      },
    ],
  },
];
