/** The scale model over a range of nodes. */
import { deriveScale, type Notice, type Scale } from "../../config/scale";
import type { ScaleArguments } from "./arguments";
import { charts } from "./charts";
import type { Figures, Row } from "./figures";

/** Sizes where a ladder steps: the line needs a point on both sides. */
const steps = [10, 50, 100, 250, 500, 1000, 3000, 5000];
/** Rows of the page's table. */
const tableSizes = [10, 100, 500, 1000, 1300, 3000, 5000, 10_000, 15_000];

function sizesOf([from, to]: readonly [number, number]): number[] {
  const count = 60;
  const even = Array.from({ length: count + 1 }, (_, index) => Math.round(from * (to / from) ** (index / count)));
  const wanted = [...even, ...steps.flatMap((step) => [step, step + 1]), ...tableSizes];
  return [...new Set(wanted.filter((nodes) => nodes >= from && nodes <= to))].sort((a, b) => a - b);
}

/** The types of all shards' hosts, each once. */
const etcdInstances = ({ shards }: Scale["etcd"]): string =>
  [...new Set(Object.values(shards).map(({ host }) => host.instance))].join(", ");

/** What comes in steps: where it changes between two sizes, both sides of the step are added. */
const stepped = ({ masters, etcd }: Scale): string =>
  [masters.count, masters.needed, masters.instance, etcd.hosts, etcdInstances(etcd)].join(" ");

function exactSteps(scales: readonly Scale[], scaleAt: (nodes: number) => Scale): Scale[] {
  return scales.flatMap((right, index) => {
    let left = scales[index - 1];
    let upper = right;
    if (!left || stepped(left) === stepped(right)) return [right];
    while (upper.workload.nodes - left.workload.nodes > 1) {
      const middle: Scale = scaleAt(Math.floor((left.workload.nodes + upper.workload.nodes) / 2));
      if (stepped(middle) === stepped(left)) left = middle;
      else upper = middle;
    }
    return [left, upper, right].filter((scale, at, all) => scale !== scales[index - 1] && all.indexOf(scale) === at);
  });
}

const row = (scale: Scale): Row => ({
  nodes: scale.workload.nodes,
  pods: scale.workload.pods,
  masters: scale.masters.count,
  mastersNeeded: scale.masters.needed,
  masterInstance: scale.masters.instance,
  masterMemoryGiB: scale.masters.memoryGiB,
  etcdHosts: scale.etcd.hosts,
  etcdInstances: etcdInstances(scale.etcd),
  shards: Object.entries(scale.etcd.shards)
    .map(([name, { members }]) => `${name} ${members}`)
    .join(", "),
  usdPerMonth: scale.cost.total,
  maxRequestsInflight: scale.apiserver.maxRequestsInflight,
  maxMutatingRequestsInflight: scale.apiserver.maxMutatingRequestsInflight,
  controllerManagerQps: scale.controllerManager.qps,
  schedulerQps: scale.scheduler.qps,
  leaseWritesPerSecond: scale.rates.leaseWritesPerSecond,
  watchEgressGbit: scale.rates.watchEgressGbit,
  extrapolated: scale.derivations["apiserver.maxRequestsInflight"]?.extrapolated ? "yes" : "no",
});

function firstNotices(scales: readonly Scale[]): (Notice & { fromNodes: number })[] {
  const first = new Map<string, Notice & { fromNodes: number }>();
  for (const scale of scales) {
    for (const notice of scale.notices) {
      const key = `${notice.level} ${notice.path}`;
      if (!first.has(key)) first.set(key, { ...notice, fromNodes: scale.workload.nodes });
    }
  }
  return [...first.values()];
}

/** Everything that the page shows. */
export function series(range: readonly [number, number], { workload, options, at }: ScaleArguments): Figures {
  const scaleAt = (nodes: number) => deriveScale({ ...workload, nodes }, options);
  const scales = exactSteps(sizesOf(range).map(scaleAt), scaleAt);
  const marked = at ?? { nodes: range[0] <= 1300 && range[1] >= 1300 ? 1300 : range[0] };
  const here = deriveScale({ ...workload, ...marked }, options);
  return {
    range,
    at: { nodes: here.workload.nodes, pods: here.workload.pods },
    versions: here.versions,
    charts: charts({ scales, here }),
    points: scales.map(row),
    here: row(here),
    notices: firstNotices(scales),
  };
}

/** Rows of the table: round sizes within the range, the marked one as it is. */
export function tableRows({ points, here, range }: Figures): readonly Row[] {
  const [from, to] = range;
  const marked = Number(here.nodes) >= from && Number(here.nodes) <= to ? [here] : [];
  const rest = points.filter(({ nodes }) => tableSizes.includes(Number(nodes)) && nodes !== here.nodes);
  return [...rest, ...marked].sort((a, b) => Number(a.nodes) - Number(b.nodes));
}
