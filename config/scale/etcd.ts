/** Derived: etcd's shards, their write rates and database sizes, and the hosts of their members. */
import { type Book, ladder, rounded } from "./book";
import { constants as c } from "./constants";
import { deriveShardHost, deriveShardMemoryLimit } from "./etcd-host";
import type { EtcdScale, Rates, ScaleOptions, ShardOption, ShardScale } from "./types";

const hardware = "https://etcd.io/docs/v3.6/op-guide/hardware/";
const quotaSource = "etcd-io/etcd server/storage/quota.go";

/** Where an API resource's data is kept: the model knows these by size and rate, everything else counts to `main`. */
const resources = { events: "/events", leases: "coordination.k8s.io/leases", pods: "/pods" } as const;

const rateInputs = {
  events: ["rates.eventWritesPerSecond"],
  leases: ["rates.leaseWritesPerSecond"],
  pods: ["rates.podWritesPerSecond"],
  rest: ["rates.nodeStatusWritesPerSecond", "rates.sliceWritesPerSecond", "rates.otherWritesPerSecond"],
} as const;

const sizeInputs = [
  "workload.pods",
  "workload.nodes",
  "workload.services",
  "constants.podBytes",
  "constants.nodeBytes",
  "constants.objectBytes",
  "constants.eventBytes",
  "constants.leaseBytes",
] as const;

interface Load {
  readonly writesPerSecond: number;
  readonly liveBytes: number;
  /** As a file. */
  readonly gib: number;
}

/** Live data and the history that is kept between compactions (twice the interval at most), as a file. */
function loads(
  book: Book,
  rates: Rates,
  compactionSeconds: number,
): Readonly<Record<"events" | "leases" | "pods" | "rest", Load>> {
  const w = book.workload;
  const kept = (liveBytes: number, bytesPerSecond: number) => ({
    liveBytes,
    gib: ((liveBytes + bytesPerSecond * 2 * compactionSeconds) * c.fragmentation.value) / 2 ** 30,
  });
  const slices = w.services * (c.sliceBytes.value + w.endpointsPerService * c.endpointBytes.value);
  const restLive =
    w.nodes * c.nodeBytes.value +
    w.pods * w.objectsPerPod * c.objectBytes.value +
    slices +
    w.services * c.objectBytes.value;
  const restWrites = rates.nodeStatusWritesPerSecond + rates.sliceWritesPerSecond + rates.otherWritesPerSecond;
  const sliceBytes = c.sliceBytes.value + Math.min(100, w.endpointsPerService) * c.endpointBytes.value;
  const restBytes =
    rates.nodeStatusWritesPerSecond * c.nodeBytes.value +
    rates.sliceWritesPerSecond * sliceBytes +
    rates.otherWritesPerSecond * c.objectBytes.value;
  return {
    events: {
      writesPerSecond: rates.eventWritesPerSecond,
      ...kept(rates.eventWritesPerSecond * 3600 * c.eventBytes.value, rates.eventWritesPerSecond * c.eventBytes.value),
    },
    leases: {
      writesPerSecond: rates.leaseWritesPerSecond,
      ...kept(w.nodes * c.leaseBytes.value, rates.leaseWritesPerSecond * c.leaseBytes.value),
    },
    pods: {
      writesPerSecond: rates.podWritesPerSecond,
      ...kept(w.pods * c.podBytes.value, rates.podWritesPerSecond * c.podBytes.value),
    },
    rest: { writesPerSecond: restWrites, ...kept(restLive, restBytes) },
  };
}

/** Members by nodes: 3, 5 above 100, and 7 for main above 1,000, whose hosts keep the data on disks that go with the instance. */
export const membersFor = (nodes: number, most: number): number =>
  Math.min(
    most,
    ladder(nodes, [
      { above: 0, use: 3 },
      { above: 100, use: 5 },
      { above: 1000, use: 7 },
    ]),
  );

/** events and leases apart at every size, so that a growing cluster never moves data; pods apart when main would outgrow its quota. */
function layout(nodes: number, mainGiB: number, quotaGiB: number): Record<string, ShardOption> {
  const small = membersFor(nodes, 5);
  return {
    main: { members: membersFor(nodes, 7), resources: [] },
    events: { members: small, resources: [resources.events] },
    leases: { members: small, resources: [resources.leases] },
    ...(mainGiB > quotaGiB * c.etcdQuotaUse.value ? { pods: { members: small, resources: [resources.pods] } } : {}),
  };
}

export function deriveEtcd(book: Book, rates: Rates, options: ScaleOptions & { readonly zones: number }): EtcdScale {
  const compactionSeconds = book.workload.nodes > 1000 ? 150 : 300;
  const quotaGiB = options.quotaGiB ?? c.etcdDefaultQuotaGiB.value;
  const load = loads(book, rates, compactionSeconds);
  const configured = options.shards ?? layout(book.workload.nodes, load.rest.gib + load.pods.gib, quotaGiB);
  const shards = Object.fromEntries(
    Object.entries(configured).map(([name, shard]) => [
      name,
      shardScale(book, name, shard, configured, load, quotaGiB, options),
    ]),
  );
  const put = book.below("etcd");
  return {
    shards,
    hosts: put(
      "hosts",
      Object.values(shards).reduce((sum, { members }) => sum + members, 0),
      "hosts",
      "one for each member of each shard",
      "etcd shares its host with nothing: https://etcd.io/docs/v3.6/faq/",
      Object.keys(shards).map((name) => `etcd.shards.${name}.members`),
    ),
    heartbeatMs: put(
      "heartbeatMs",
      options.heartbeatMs ?? 100,
      "ms",
      "the default, about a round trip between zones",
      "https://etcd.io/docs/v3.6/tuning/",
    ),
    electionMs: put(
      "electionMs",
      options.electionMs ?? 1000,
      "ms",
      "10 heartbeats",
      "https://etcd.io/docs/v3.6/tuning/",
      ["etcd.heartbeatMs"],
    ),
    snapshotCount: put(
      "snapshotCount",
      options.snapshotCount ?? 10_000,
      "writes",
      "the default",
      "etcd-io/etcd server/etcdmain/help.go",
    ),
    autoCompactionMinutes: put(
      "autoCompactionMinutes",
      30,
      "min",
      "a net under the API servers' own compaction (5 min at most), for the time when none runs; longer than theirs, so that it takes no revision away from them",
      "https://etcd.io/docs/v3.6/op-guide/maintenance/#history-compaction-v3-api-key-value-database",
    ),
    progressNotifySeconds: put(
      "progressNotifySeconds",
      5,
      "s",
      "5 at every size: the watch cache learns that it is current (bookmarks, consistent reads from the cache)",
      "https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/2340-Consistent-reads-from-cache",
    ),
    maxRequestBytes: put(
      "maxRequestBytes",
      1_572_864,
      "bytes",
      'the default, 1.5 MiB: a larger object is refused ("request is too large")',
      "https://etcd.io/docs/v3.6/dev-guide/limit/",
    ),
    sequentialIops: put(
      "sequentialIops",
      ladder(book.workload.nodes, [
        { above: 0, use: 50 },
        { above: 50, use: 500 },
      ]),
      "IOPS",
      "50 up to 50 nodes, 500 above: what the disk must do one write after the other",
      hardware,
      ["workload.nodes"],
    ),
  };
}

function shardScale(
  book: Book,
  name: string,
  shard: ShardOption,
  all: Readonly<Record<string, ShardOption>>,
  load: ReturnType<typeof loads>,
  quotaGiB: number,
  options: ScaleOptions,
): ShardScale {
  const elsewhere = new Set(
    Object.entries(all).flatMap(([other, { resources: held }]) => (other === name ? [] : held)),
  );
  const kinds = Object.entries(resources) as [keyof typeof resources, string][];
  const kept = kinds
    .filter(([, resource]) => (name === "main" ? !elsewhere.has(resource) : shard.resources.includes(resource)))
    .map(([kind]) => kind);
  const parts = [...kept, ...(name === "main" ? (["rest"] as const) : [])];
  const held: Load[] = parts.map((kind) => load[kind]);
  const sum = (figure: keyof Load) => held.reduce((total, part) => total + part[figure], 0);
  const at = `etcd.shards.${name}`;
  const why = name === "main" ? "everything that no other shard holds" : shard.resources.join(", ");
  const members = book.derive(`${at}.members`, {
    value: shard.members,
    unit: "members",
    formula: options.shards ? "as configured" : "3, 5 above 100 nodes; main 7 above 1,000",
    inputs: ["workload.nodes"],
    source:
      "https://etcd.io/docs/v3.6/faq/ (at most 7); https://kubernetes.io/docs/tasks/administer-cluster/configure-upgrade-etcd/ (5). Members add safety, no speed",
  });
  const writesPerSecond = book.derive(`${at}.writesPerSecond`, {
    value: rounded(sum("writesPerSecond")),
    unit: "writes/s",
    formula: `writes of ${why}`,
    inputs: parts.flatMap((kind) => rateInputs[kind]),
    source: "own sum",
  });
  const requestsPerSecond = book.derive(`${at}.requestsPerSecond`, {
    value: rounded(writesPerSecond * c.etcdRequestsPerWrite.value),
    unit: "requests/s",
    formula: "writes x requests for each",
    inputs: [`${at}.writesPerSecond`, "constants.etcdRequestsPerWrite"],
    source: c.etcdRequestsPerWrite.source,
  });
  const storedMB = book.derive(`${at}.storedMB`, {
    value: rounded(sum("liveBytes") / 1e6),
    unit: "MB",
    formula: `live bytes of ${why}`,
    inputs: sizeInputs,
    source: "own sum",
    knownToNodes: 5000,
  });
  const databaseGiB = book.derive(`${at}.databaseGiB`, {
    value: rounded(sum("gib"), 4),
    unit: "GiB",
    formula: `(live bytes of ${why} + what is written in two compaction intervals) x fragmentation`,
    inputs: [...sizeInputs, `${at}.writesPerSecond`, "constants.fragmentation"],
    source:
      "own sum; upstream's 5,000-node test grew to 5.3-6.5 GB in one database (https://github.com/kubernetes/test-infra/issues/37360)",
    knownToNodes: 5000,
  });
  book.derive(`${at}.quotaGiB`, {
    value: quotaGiB,
    unit: "GiB",
    formula: options.quotaGiB === undefined ? "8, the largest that etcd suggests" : "as configured",
    inputs: ["constants.etcdDefaultQuotaGiB"],
    source: quotaSource,
  });
  const faultTolerance = book.derive(`${at}.faultTolerance`, {
    value: Math.floor((members - 1) / 2),
    unit: "members",
    formula: "(members - 1) / 2, rounded down",
    inputs: [`${at}.members`],
    source: "https://etcd.io/docs/v3.6/faq/",
  });
  // Nobody knows how much of main's load a resource without figures of its own takes along.
  const byNodes = name === "main" || shard.resources.some((resource) => !kinds.some(([, known]) => known === resource));
  const host = deriveShardHost(book, name, { requestsPerSecond, storedMB, quotaGiB, byNodes }, options);
  return {
    members,
    resources: shard.resources,
    writesPerSecond,
    requestsPerSecond,
    storedMB,
    databaseGiB,
    quotaGiB,
    faultTolerance,
    host,
    goMemoryLimitGiB: deriveShardMemoryLimit(book, name, quotaGiB, host.memoryGiB),
  };
}
