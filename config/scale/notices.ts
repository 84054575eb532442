/** Thresholds: where the workload or the configuration leaves what others tested, or would not work. */
import { instanceNamed, shortfalls } from "../instances";
import { constants as c } from "./constants";
import { noInstance } from "./host";
import type { HostScale, Notice, Scale, ScaleOptions } from "./types";

const thresholds =
  "https://github.com/kubernetes/community/blob/master/sig-scalability/configs-and-limits/thresholds.md";
const large = "https://kubernetes.io/docs/setup/best-practices/cluster-large/";
const slos = "https://github.com/kubernetes/community/blob/master/sig-scalability/slos/slos.md";
const faq = "https://etcd.io/docs/v3.6/faq/";

/** 150,000. */
const shown = (value: number): string => value.toLocaleString("en-US");

type Draft = Scale;
type Figure = (scale: Draft) => number;

/** Upstream's tested limits. */
const limits: readonly {
  readonly path: string;
  readonly what: string;
  readonly most: number;
  readonly value: Figure;
  readonly source: string;
}[] = [
  { path: "workload.nodes", what: "nodes", most: 5000, value: (s) => s.workload.nodes, source: large },
  { path: "workload.pods", what: "pods", most: 150_000, value: (s) => s.workload.pods, source: large },
  {
    path: "workload.podsPerNode",
    what: "pods on a node",
    most: 110,
    value: (s) => s.workload.podsPerNode,
    source: large,
  },
  { path: "workload.services", what: "services", most: 10_000, value: (s) => s.workload.services, source: thresholds },
  {
    path: "workload.servicesPerNamespace",
    what: "services in a namespace",
    most: 5000,
    value: (s) => s.workload.servicesPerNamespace,
    source: thresholds,
  },
  {
    path: "workload.podsPerNamespace",
    what: "pods in a namespace",
    most: 3000,
    value: (s) => s.workload.podsPerNamespace,
    source: thresholds,
  },
  {
    path: "workload.namespaces",
    what: "namespaces",
    most: 10_000,
    value: (s) => s.workload.namespaces,
    source: thresholds,
  },
  {
    path: "workload.endpointsPerService",
    what: "endpoints of a service",
    most: 250,
    value: (s) => s.workload.endpointsPerService,
    source: thresholds,
  },
  {
    path: "workload.churnPodsPerSecond",
    what: "pods created per second",
    most: 20,
    value: (s) => s.workload.churnPodsPerSecond,
    source: slos,
  },
];

export function noticesOf(scale: Draft, options: ScaleOptions): readonly Notice[] {
  return [
    ...limitNotices(scale),
    ...densityNotices(scale),
    ...etcdNotices(scale),
    ...masterNotices(scale),
    ...instanceNotices(scale, options),
    ...loadBalancerNotices(scale),
    ...proxyNotices(scale),
  ];
}

function limitNotices(scale: Draft): Notice[] {
  return limits
    .filter(({ most, value }) => value(scale) > most)
    .map(({ path, what, most, value, source }) => ({
      level: "warning",
      path,
      message: `${shown(value(scale))} ${what}: upstream tests up to ${shown(most)}; test this size yourself before it carries anything`,
      source,
    }));
}

function densityNotices({ workload: w }: Draft): Notice[] {
  const most = 10 * w.coresPerNode;
  if (w.podsPerNode <= most) return [];
  return [
    {
      level: "warning",
      path: "workload.podsPerNode",
      message: `${w.podsPerNode} pods on a node of ${w.coresPerNode} cores: upstream tests up to 10 a core (${most})`,
      source: thresholds,
    },
  ];
}

function etcdNotices({ etcd, zones }: Draft): Notice[] {
  const found: Notice[] = [];
  for (const [name, shard] of Object.entries(etcd.shards)) {
    const path = `etcd.shards.${name}`;
    const share = shard.databaseGiB / shard.quotaGiB;
    const quorum = Math.floor(shard.members / 2) + 1;
    if (share > 1)
      found.push({
        level: "error",
        path: `${path}.databaseGiB`,
        message: `about ${shard.databaseGiB} GiB do not fit the quota of ${shard.quotaGiB} GiB: move a resource to a shard of its own, or raise etcd.quotaGiB (upstream's 5,000-node test on GCE runs 20)`,
        source: c.etcdDefaultQuotaGiB.source,
      });
    else if (share > c.etcdQuotaUse.value)
      found.push({
        level: "warning",
        path: `${path}.databaseGiB`,
        message: `about ${shard.databaseGiB} GiB are ${Math.round(100 * share)} % of the quota of ${shard.quotaGiB} GiB: little room for a burst`,
        source: c.etcdQuotaUse.source,
      });
    if (shard.quotaGiB > c.etcdDefaultQuotaGiB.value)
      found.push({
        level: "warning",
        path: `${path}.quotaGiB`,
        message: `${shard.quotaGiB} GiB: etcd warns above ${c.etcdDefaultQuotaGiB.value}; a restart and a new member take longer`,
        source: c.etcdDefaultQuotaGiB.source,
      });
    if (shard.members % 2 === 0)
      found.push({
        level: "error",
        path: `${path}.members`,
        message: `${shard.members} members: an even number survives no more losses than one less`,
        source: faq,
      });
    if (shard.members > 7)
      found.push({
        level: "warning",
        path: `${path}.members`,
        message: `${shard.members} members: at most 7, every write waits for a majority of disks; more shards instead`,
        source: faq,
      });
    if (shard.members - Math.ceil(shard.members / zones) < quorum)
      found.push({
        level: "warning",
        path: `${path}.members`,
        message: `${shard.members} over ${zones} zones: the loss of one zone can take the quorum; take 3 members and 3 zones at least`,
        source: faq,
      });
  }
  return found;
}

function masterNotices({ masters, zones, apiserver }: Draft): Notice[] {
  const found: Notice[] = [];
  if (masters.count < masters.needed)
    found.push({
      level: "warning",
      path: "masters.count",
      message: `${masters.count} masters: after the loss of one of ${zones} zones the load needs ${masters.needed} (${masters.vcpus} vCPU each)`,
      source: large,
    });
  for (const [name, level] of Object.entries(apiserver.levels)) {
    if (level.neededSeats > level.seats)
      found.push({
        level: "warning",
        path: `apiserver.levels.${name}.seats`,
        message: `needs about ${level.neededSeats} seats and has ${level.seats}`,
        source: "own sum",
      });
  }
  return found;
}

/** One line for an instance that is in no catalogue, however many hosts would be made of it. */
function instanceNotices({ masters, etcd }: Draft, { masterInstance, etcdInstance }: ScaleOptions): Notice[] {
  const error = (path: string, message: string): Notice => ({
    level: "error",
    path,
    message,
    source: "config/instances.ts",
  });
  const unknown = Object.entries({ masterInstance, etcdInstance }).flatMap(([knob, name]) =>
    name === undefined || instanceNamed(name) ? [] : [error(knob, `${name} is not in the catalogue`)],
  );
  const small = (path: string, knob: string, what: string, host: HostScale): Notice[] => {
    const { instance, vcpus, memoryGiB, networkGbit, nvmeDisks, diskGiB } = host;
    if (instance === noInstance)
      return [
        error(
          `${path}.instance`,
          `no instance type has ${vcpus} vCPU, ${memoryGiB} GiB, ${networkGbit} Gbit/s and ${nvmeDisks} NVMe disks of ${diskGiB} GiB: split the cluster`,
        ),
      ];
    const known = instanceNamed(instance);
    const lacks = known ? shortfalls(known, host) : [];
    return lacks.length > 0 ? [error(knob, `${instance} is too small for ${what}: ${lacks.join("; ")}`)] : [];
  };
  return [
    ...unknown,
    ...small("masters", "masterInstance", "the masters", masters),
    ...Object.entries(etcd.shards).flatMap(([name, { host }]) =>
      small(`etcd.shards.${name}.host`, "etcdInstance", `shard ${name}`, host),
    ),
  ];
}

/** One address of the load balancer has a port for each of its connections to one master. */
function loadBalancerNotices({ loadBalancer, loadBalanced, masters }: Draft): Notice[] {
  if (!loadBalanced || loadBalancer.connectionsPerMaster <= c.sourcePorts.value) return [];
  return [
    {
      level: "warning",
      path: "loadBalancer.connectionsPerMaster",
      message: `about ${shown(loadBalancer.connectionsPerMaster)} connections to each of the ${masters.survivors} masters left after the loss of a zone, and ${shown(c.sourcePorts.value)} source ports: run more masters`,
      source: c.sourcePorts.source,
    },
  ];
}

function proxyNotices({ node }: Draft): Notice[] {
  if (node.proxyMode !== "ipvs") return [];
  return [
    {
      level: "note",
      path: "node.proxyMode",
      message:
        "ipvs is deprecated since Kubernetes 1.35 and planned to be off by default in 1.40; nftables is selectable",
      source: "https://github.com/kubernetes/enhancements/issues/5495",
    },
  ];
}
