/** Derived: the host of an etcd member. */
import { chooseInstance, etcdFamilies } from "../instances";
import { type Book, ladder, rounded } from "./book";
import { constants as c } from "./constants";
import type { EtcdScale, HostScale, ScaleOptions } from "./types";

const hardware = "https://etcd.io/docs/v3.6/op-guide/hardware/";

/** etcd's own hardware table; above its last row (3,000 nodes) one step more, then more shards instead of larger hosts. */
const sizeLadder = [
  { above: 0, use: { vcpus: 2, memoryGiB: 8, mbPerSecond: 56 } },
  { above: 50, use: { vcpus: 4, memoryGiB: 16, mbPerSecond: 94 } },
  { above: 250, use: { vcpus: 8, memoryGiB: 32, mbPerSecond: 125 } },
  { above: 1000, use: { vcpus: 16, memoryGiB: 64, mbPerSecond: 250 } },
  { above: 3000, use: { vcpus: 32, memoryGiB: 128, mbPerSecond: 500 } },
];

export function deriveEtcdHost(
  book: Book,
  etcd: Omit<EtcdScale, "goMemoryLimitGiB">,
  options: ScaleOptions,
): HostScale & { readonly goMemoryLimitGiB: number } {
  const { nodes } = book.workload;
  const row = ladder(nodes, sizeLadder);
  const quota = Math.max(...Object.values(etcd.shards).map((shard) => shard.quotaGiB));
  const given = (what: number | undefined, rule: string) => (what === undefined ? rule : "what the host has");
  const vcpus = book.derive("etcdHost.vcpus", {
    value: options.etcdVcpus ?? row.vcpus,
    unit: "vCPU",
    formula: given(options.etcdVcpus, "2 to 50 nodes, 4 to 250, 8 to 1,000, 16 to 3,000, 32 above"),
    inputs: ["workload.nodes", "constants.etcdLargeVcpus", "constants.etcdMaxVcpus"],
    source: hardware,
    knownToNodes: 3000,
  });
  const memoryGiB = book.derive("etcdHost.memoryGiB", {
    value: options.etcdMemoryGiB ?? Math.max(row.memoryGiB, 2 * quota),
    unit: "GiB",
    formula: given(
      options.etcdMemoryGiB,
      "8, 16, 32, 64 by the same rows, 128 above 3,000; at least twice the quota, which is mapped into memory",
    ),
    inputs: ["workload.nodes", "constants.etcdDefaultQuotaGiB"],
    source: hardware,
    knownToNodes: 3000,
  });
  const networkGbit = book.derive("etcdHost.networkGbit", {
    value: rounded((row.mbPerSecond * 8) / 1000 / c.networkUse.value),
    unit: "Gbit/s",
    formula: "the table's disk bandwidth, which the leader sends to followers, / planned share of the NIC",
    inputs: ["workload.nodes", "constants.networkUse"],
    source: hardware,
    knownToNodes: 3000,
  });
  const nvmeDisks = book.derive("etcdHost.nvmeDisks", {
    value: 2,
    unit: "disks",
    formula: "one for the write-ahead log, one for the database",
    inputs: [],
    source: "https://etcd.io/docs/v3.6/tuning/#disk",
  });
  const need = { vcpus, memoryGiB, networkGbit, disks: nvmeDisks };
  const own = options.etcdVcpus !== undefined || options.etcdMemoryGiB !== undefined;
  const instance = book.derive("etcdHost.instance", {
    value:
      options.etcdInstance ??
      (own ? "the host at hand" : (chooseInstance(etcdFamilies, need)?.name ?? "none of the catalogue")),
    unit: "",
    formula: "smallest with two local NVMe disks and the vCPU, memory and bandwidth",
    inputs: ["etcdHost.vcpus", "etcdHost.memoryGiB", "etcdHost.networkGbit", "etcdHost.nvmeDisks"],
    source: "config/instances.ts",
  });
  const goMemoryLimitGiB = book.derive("etcd.goMemoryLimitGiB", {
    value: rounded(Math.max(0.25, Math.min(memoryGiB - quota - 1, memoryGiB * 0.75)), 2),
    unit: "GiB",
    formula: "the host's memory less the database's pages and 1 GiB, at most three quarters",
    inputs: ["etcdHost.memoryGiB", "constants.etcdDefaultQuotaGiB"],
    source: "https://go.dev/doc/gc-guide#Memory_limit",
  });
  return { vcpus, memoryGiB, networkGbit, nvmeDisks, instance, goMemoryLimitGiB };
}
