/** Derived: the host of a shard's member, from what that shard carries. */
import { type Book, ladder, rounded } from "./book";
import { constants as c } from "./constants";
import { deriveInstance } from "./host";
import type { HostScale, ScaleOptions } from "./types";

const hardware = "https://etcd.io/docs/v3.6/op-guide/hardware/";

/**
 * etcd's own hardware table: each row's host, and the most that it serves. The nodes are its example, a cluster in one etcd. Above
 * its last row one step more for the nodes, then more shards instead of larger hosts.
 */
const small = { vcpus: 2, memoryGiB: 8, mbPerSecond: 56 };
const medium = { vcpus: 4, memoryGiB: 16, mbPerSecond: 94 };
const large = { vcpus: 8, memoryGiB: 32, mbPerSecond: 125 };
const xLarge = { vcpus: 16, memoryGiB: 64, mbPerSecond: 250 };
const beyond = { vcpus: 32, memoryGiB: 128, mbPerSecond: 500 };

const byNodes = [
  { above: 0, use: small },
  { above: 50, use: medium },
  { above: 250, use: large },
  { above: 1000, use: xLarge },
  { above: 3000, use: beyond },
];
const byRequests = [
  { above: -1, use: small },
  { above: 200, use: medium },
  { above: 1000, use: large },
  { above: 10_000, use: xLarge },
];
const byStoredMB = [
  { above: -1, use: small },
  { above: 100, use: medium },
  { above: 500, use: large },
  { above: 1000, use: xLarge },
];

/** Room beside a database as large as its quota. */
const spareGiB = 2;

export interface ShardLoad {
  readonly requestsPerSecond: number;
  readonly storedMB: number;
  readonly quotaGiB: number;
  /** True: the host is as large as the cluster's nodes ask for at least. */
  readonly byNodes: boolean;
}

export function deriveShardHost(book: Book, shard: string, load: ShardLoad, options: ScaleOptions): HostScale {
  const at = `etcd.shards.${shard}.host`;
  const rows = [
    ladder(load.requestsPerSecond, byRequests),
    ladder(load.storedMB, byStoredMB),
    ...(load.byNodes ? [ladder(book.workload.nodes, byNodes)] : []),
  ];
  const largest = (figure: keyof typeof small) => Math.max(...rows.map((row) => row[figure]));
  const inputs = [
    ...["requestsPerSecond", "storedMB"].map((name) => `etcd.shards.${shard}.${name}`),
    ...(load.byNodes ? ["workload.nodes"] : []),
  ];
  const table = { source: hardware, ...(load.byNodes ? { knownToNodes: 3000 } : {}) };
  const vcpus = book.derive(`${at}.vcpus`, {
    value: largest("vcpus"),
    unit: "vCPU",
    formula: `2 up to 200 requests a second and 100 MB, 4 up to 1,000 and 500 MB, 8 up to 10,000 and 1 GB, 16 above${
      load.byNodes ? "; at least 2 up to 50 nodes, 4 up to 250, 8 up to 1,000, 16 up to 3,000, 32 above" : ""
    }`,
    inputs: [...inputs, ...(load.byNodes ? ["constants.etcdLargeVcpus", "constants.etcdMaxVcpus"] : [])],
    ...table,
  });
  const memoryGiB = book.derive(`${at}.memoryGiB`, {
    value: Math.max(largest("memoryGiB"), 2 * load.quotaGiB),
    unit: "GiB",
    formula: `8, 16, 32, 64 by the same rows${load.byNodes ? ", 128 above 3,000 nodes" : ""}; at least twice the quota, which is mapped into memory`,
    inputs: [...inputs, `etcd.shards.${shard}.quotaGiB`],
    ...table,
  });
  const networkGbit = book.derive(`${at}.networkGbit`, {
    value: rounded((largest("mbPerSecond") * 8) / 1000 / c.networkUse.value),
    unit: "Gbit/s",
    formula: "the row's disk bandwidth, which the leader sends to followers, / planned share of the NIC",
    inputs: [...inputs, "constants.networkUse"],
    ...table,
  });
  const nvmeDisks = book.derive(`${at}.nvmeDisks`, {
    value: options.etcdVolumes ? 0 : 2,
    unit: "disks",
    formula: options.etcdVolumes
      ? "none: two volumes over the network"
      : "one for the write-ahead log, one for the database",
    inputs: [],
    source: "https://etcd.io/docs/v3.6/tuning/#disk",
  });
  const diskGiB = book.derive(`${at}.diskGiB`, {
    value: load.quotaGiB + spareGiB,
    unit: "GiB",
    formula: "the quota and 2 GiB beside it; the write-ahead log needs less",
    inputs: [`etcd.shards.${shard}.quotaGiB`],
    source: "own rule",
  });
  const need = { vcpus, memoryGiB, networkGbit, nvmeDisks, diskGiB };
  return { ...need, ...deriveInstance(book, at, need, options.etcdInstance) };
}

/** What Go may use on a shard's host. From what the host must have, not from its instance: another choice restarts no member. */
export function deriveShardMemoryLimit(book: Book, shard: string, quotaGiB: number, memoryGiB: number): number {
  return book.derive(`etcd.shards.${shard}.goMemoryLimitGiB`, {
    value: rounded(Math.max(0.25, Math.min(memoryGiB - quotaGiB - 1, memoryGiB * 0.75)), 2),
    unit: "GiB",
    formula: "the host's memory less the database's pages and 1 GiB, at most three quarters",
    inputs: [`etcd.shards.${shard}.host.memoryGiB`, `etcd.shards.${shard}.quotaGiB`],
    source: "https://go.dev/doc/gc-guide#Memory_limit",
  });
}
