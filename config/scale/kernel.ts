/** Derived: kernel settings by profile. A host's own higher value is kept wherever `floor` is set. */
import { type Book, powerOfTwo } from "./book";
import { constants as c } from "./constants";
import type { EtcdScale, KernelProfile, KernelScale, LoadBalancerScale, MastersScale, Rates, Scale } from "./types";

const kernelDocs = "https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html";
export const kernelProfiles: readonly KernelProfile[] = ["master", "etcd", "node", "lb"];

/** The kernel's default of fs.nr_open. */
const usualOpenFiles = 1_048_576;

/** Hosts and pods that a host of the profile may speak to directly: all in one broadcast domain, the worst case. */
function peers(profile: KernelProfile, book: Book, masters: MastersScale, etcd: EtcdScale): [number, string, string[]] {
  const { nodes, pods } = book.workload;
  if (profile === "etcd")
    return [etcd.hosts + masters.count + 16, "etcd hosts + masters + 16 others", ["etcd.hosts", "masters.count"]];
  if (profile === "node")
    return [
      nodes + pods + masters.count,
      "nodes + pods + masters: without an overlay every pod has an entry",
      ["workload.nodes", "workload.pods", "masters.count"],
    ];
  return [
    nodes + masters.count + etcd.hosts,
    "nodes + masters + etcd hosts",
    ["workload.nodes", "masters.count", "etcd.hosts"],
  ];
}

function connections(
  profile: KernelProfile,
  book: Book,
  rates: Rates,
  masters: MastersScale,
): [number, string, string[]] {
  const w = book.workload;
  if (profile === "node")
    return [
      Math.max(
        c.conntrackMin.value,
        c.conntrackPerCore.value * w.coresPerNode,
        powerOfTwo(w.podsPerNode * c.connectionsPerPod.value),
      ),
      "the largest of 131,072, 32,768 a core and 2,000 connections a pod",
      [
        "workload.coresPerNode",
        "workload.podsPerNode",
        "constants.conntrackMin",
        "constants.conntrackPerCore",
        "constants.connectionsPerPod",
      ],
    ];
  if (profile === "etcd") return [c.conntrackMin.value, "131,072: masters and peers only", ["constants.conntrackMin"]];
  const share = profile === "lb" ? rates.connections * 2 : Math.ceil(rates.connections / masters.survivors);
  return [
    Math.max(c.conntrackMin.value, powerOfTwo(share * 4)),
    profile === "lb"
      ? "4 x both sides of every connection, at least 131,072"
      : "4 x the connections of a master when a zone is lost, at least 131,072",
    ["rates.connections", "masters.survivors", "constants.conntrackMin"],
  ];
}

export function deriveKernel(
  book: Book,
  rates: Rates,
  masters: MastersScale,
  etcd: EtcdScale,
  loadBalancer: LoadBalancerScale,
): KernelScale {
  const each = (
    name: string,
    unit: string,
    rule: (profile: KernelProfile) => readonly [number, string, readonly string[]],
    source: string,
  ) =>
    Object.fromEntries(
      kernelProfiles.map((profile) => {
        const [value, formula, inputs] = rule(profile);
        return [profile, book.derive(`kernel.${name}.${profile}`, { value, unit, formula, inputs, source })];
      }),
    ) as Record<KernelProfile, number>;
  return {
    neighbours: each(
      "neighbours",
      "entries",
      (profile) => {
        const [count, formula, inputs] = peers(profile, book, masters, etcd);
        return [
          powerOfTwo(Math.max(1024, 2 * count)),
          `twice (${formula}) as a power of two, at least 1,024 (the kernel's default)`,
          inputs,
        ];
      },
      `${kernelDocs} (neigh/default/gc_thresh3); OpenAI raised it to 100,000 at 2,500 nodes (https://openai.com/index/scaling-kubernetes-to-2500-nodes)`,
    ),
    conntrack: each(
      "conntrack",
      "entries",
      (profile) => {
        const [value, formula, inputs] = connections(profile, book, rates, masters);
        const memoryGiB = profile === "node" ? book.workload.memoryPerNodeGiB : masters.memoryGiB;
        const room = Math.floor((memoryGiB * 2 ** 30 * c.conntrackMemoryShare.value) / c.conntrackEntryBytes.value);
        return [
          Math.max(c.conntrackMin.value, Math.min(value, room)),
          `${formula}; at most 2 % of the memory`,
          [
            ...inputs,
            ...(profile === "node" ? ["workload.memoryPerNodeGiB"] : ["masters.memoryGiB"]),
            "constants.conntrackEntryBytes",
            "constants.conntrackMemoryShare",
          ],
        ];
      },
      "https://www.kernel.org/doc/html/latest/networking/nf_conntrack-sysctl.html",
    ),
    backlog: each(
      "backlog",
      "connections",
      (profile) => {
        const busy =
          profile === "lb"
            ? rates.connections
            : profile === "master"
              ? Math.ceil(rates.connections / masters.survivors)
              : 0;
        return [
          Math.min(65_535, Math.max(32_768, powerOfTwo(busy))),
          "connections that may arrive at once (after the loss of a zone) as a power of two, 32,768 to 65,535",
          ["rates.connections", "masters.survivors"],
        ];
      },
      `${kernelDocs} (somaxconn, tcp_max_syn_backlog)`,
    ),
    openFiles: each(
      "openFiles",
      "files",
      (profile) =>
        profile === "lb"
          ? [
              Math.max(usualOpenFiles, powerOfTwo(loadBalancer.openFiles)),
              "what haproxy needs, as a power of two, at least 1,048,576",
              ["loadBalancer.openFiles"],
            ]
          : [
              usualOpenFiles,
              'the kernel\'s default of fs.nr_open for every unit: far above any need, and never "too many open files"',
              [],
            ],
      "https://www.kernel.org/doc/html/latest/admin-guide/sysctl/fs.html",
    ),
  };
}

export interface SysctlValue {
  readonly value: string;
  /** Only ever raise what the host has. */
  readonly floor: boolean;
}

const atLeast = (value: number): SysctlValue => ({ value: String(value), floor: true });
const exactly = (value: number | string): SysctlValue => ({ value: String(value), floor: false });

/** For every profile: the article's list, with floors so that a newer kernel's larger defaults stay. */
function common(backlog: number, openFiles: number): Record<string, SysctlValue> {
  return {
    // All programs of a host together: room for two with as many as one may have.
    "fs.file-max": atLeast(2 * openFiles),
    "fs.inotify.max_user_instances": atLeast(8192),
    "fs.inotify.max_user_watches": atLeast(524_288),
    "fs.nr_open": atLeast(openFiles),
    // A host that hangs is worse than one that restarts: the others take over.
    "kernel.panic": exactly(10),
    "kernel.panic_on_oops": exactly(1),
    "kernel.softlockup_all_cpu_backtrace": exactly(1),
    "kernel.softlockup_panic": exactly(1),
    "net.core.netdev_max_backlog": atLeast(16_384),
    "net.core.rmem_max": atLeast(16_777_216),
    "net.core.somaxconn": atLeast(backlog),
    "net.core.wmem_max": atLeast(16_777_216),
    "net.ipv4.tcp_max_syn_backlog": atLeast(backlog > 32_768 ? backlog : 8096),
    // Floors number by number: a kernel of 2025 has 131072 and 32 MiB here, more than the article.
    "net.ipv4.tcp_rmem": { value: "4096 87380 16777216", floor: true },
    "net.ipv4.tcp_slow_start_after_idle": exactly(0),
    "net.ipv4.tcp_tw_reuse": exactly(1),
    "net.ipv4.tcp_wmem": { value: "4096 87380 16777216", floor: true },
    "vm.overcommit_memory": exactly(1),
  };
}

/** kubelet refuses to start where these differ and protectKernelDefaults is set; NodePorts are kept from outgoing connections. */
const withKubelet: Record<string, SysctlValue> = {
  "net.ipv4.ip_local_reserved_ports": exactly("30000-32767"),
  "vm.max_map_count": atLeast(262_144),
};

/**
 * After so many attempts, 13 s, a connection ends on which nothing is acknowledged. A member that a network has cut off for longer comes back
 * on a connection whose next attempt may be minutes away, and a third of all requests hang on it meanwhile (measured: 24 to 35 s). etcd means
 * to end such streams after 5 s, but Go ignores the `Dial` of its transport beside `DialContext` (client/pkg/transport/timeout_transport.go).
 */
const peerRetries = 5;

/** Neighbour table: thresh1 0 on purpose, as kops on AWS: addresses move between machines, an old entry must not linger. */
function neighbours(entries: number): Record<string, SysctlValue> {
  const family = (version: "ipv4" | "ipv6"): [string, SysctlValue][] => [
    [`net.${version}.neigh.default.gc_thresh1`, exactly(0)],
    [`net.${version}.neigh.default.gc_thresh2`, atLeast(entries / 2)],
    [`net.${version}.neigh.default.gc_thresh3`, atLeast(entries)],
  ];
  return Object.fromEntries([...family("ipv4"), ...family("ipv6")]);
}

/** The kernel settings of one profile, sorted by key. Source of the list: the large-cluster article, section 3.2. */
export function sysctlsFor(profile: KernelProfile, scale: Scale): Record<string, SysctlValue> {
  const { kernel } = scale;
  const all: Record<string, SysctlValue> = {
    ...common(kernel.backlog[profile], kernel.openFiles[profile]),
    ...neighbours(kernel.neighbours[profile]),
    // An etcd host's firewall tracks no connection: without the module every packet is spared the table.
    ...(profile === "etcd" ? {} : { "net.netfilter.nf_conntrack_max": atLeast(kernel.conntrack[profile]) }),
    ...(profile === "etcd" ? { "net.ipv4.tcp_retries2": exactly(peerRetries) } : {}),
    ...(profile === "master" || profile === "node" ? withKubelet : {}),
    ...(profile === "node"
      ? {
          "net.bridge.bridge-nf-call-iptables": exactly(1),
          "net.ipv4.ip_forward": exactly(1),
          "kernel.pid_max": atLeast(4_194_304),
        }
      : {}),
    // One address connects to every master: the ports below NodePorts are its own.
    ...(profile === "lb" ? { "net.ipv4.ip_local_port_range": exactly(`${65_536 - c.sourcePorts.value} 65535`) } : {}),
  };
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Which endpoint a new connection gets in ipvs mode: the one with the fewest, as the article says (8.1). Its module is ip_vs_lc. */
export const ipvsScheduler = "lc";

/** Kernel modules that a profile loads before its settings: connection tracking, and what kube-proxy's mode needs. */
export function modulesFor(profile: KernelProfile, scale: Scale): readonly string[] {
  if (profile === "etcd") return [];
  if (profile !== "node") return ["nf_conntrack"];
  const proxy: Readonly<Record<string, readonly string[]>> = {
    ipvs: ["ip_vs", `ip_vs_${ipvsScheduler}`],
    nftables: ["nf_tables"],
    iptables: ["ip_tables"],
  };
  return ["br_netfilter", "nf_conntrack", "overlay", ...(proxy[scale.node.proxyMode] ?? [])].sort();
}
