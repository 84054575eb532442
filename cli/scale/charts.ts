/** What the page draws: lines of the model, with the figures that others published. */
import { instanceNamed } from "../../config/instances";
import type { Scale } from "../../config/scale";
import { constants } from "../../config/scale/constants";
import type { Chart, Line } from "./figures";

type Value = (scale: Scale) => number | undefined;
type Sampled = { readonly scales: readonly Scale[]; readonly here: Scale };

function line({ scales, here }: Sampled, name: string, value: Value, steps = false): Line {
  const points = scales.flatMap((scale): (readonly [number, number])[] => {
    const found = value(scale);
    return found === undefined ? [] : [[scale.workload.nodes, found]];
  });
  const now = value(here);
  return { name, points, steps, ...(now === undefined ? {} : { here: now }) };
}

const eks =
  "https://docs.aws.amazon.com/eks/latest/userguide/eks-provisioned-control-plane.html (per-server figures: second-hand)";
const nicOf = (scale: Scale): number => instanceNamed(scale.masters.instance)?.networkGbit ?? 0;

/** Every chart of the page. */
export function charts(sampled: Sampled): Chart[] {
  const ladder = (name: string, value: Value) => line(sampled, name, value, true);
  const shardNames = [...new Set(sampled.scales.flatMap((scale) => Object.keys(scale.etcd.shards)))];
  const perShard = (value: (shard: Scale["etcd"]["shards"][string]) => number) =>
    shardNames.map((name) =>
      line(sampled, name, ({ etcd }) => (etcd.shards[name] ? value(etcd.shards[name]) : undefined)),
    );
  const quota = sampled.here.etcd.shards.main?.quotaGiB ?? constants.etcdDefaultQuotaGiB.value;
  return [
    {
      id: "hosts",
      title: "Hosts of the control plane",
      unit: "hosts",
      scale: "linear",
      note: "etcd hosts are the members of all shards. Needed: masters that carry the load when a zone is lost.",
      lines: [
        ladder("masters", (s) => s.masters.count),
        ladder("masters needed", (s) => s.masters.needed),
        ladder("etcd hosts", (s) => s.etcd.hosts),
      ],
      references: [],
    },
    {
      id: "cpu",
      title: "CPUs of one host",
      unit: "vCPU",
      scale: "log",
      note: "Masters climb kube-up's ladder, hosts of etcd's main shard climb etcd's hardware table. Other shards need less.",
      lines: [ladder("master", (s) => s.masters.vcpus), ladder("etcd main", (s) => s.etcd.shards.main?.host.vcpus)],
      references: [
        {
          name: "kops' 5,000-node test: 96",
          value: 96,
          nodes: 5000,
          limit: false,
          source: "kubernetes/test-infra sig-scalability-periodic-ec2.yaml (one c8i.24xlarge)",
        },
      ],
    },
    {
      id: "memory",
      title: "Memory of one master",
      unit: "GiB",
      scale: "log",
      note: "With headroom for lists and restarts, as if only two masters were left. Measured figures have none.",
      lines: [
        ladder("instance", (s) => instanceNamed(s.masters.instance)?.memoryGiB),
        line(sampled, "master needs", (s) => s.masters.memoryGiB),
        line(sampled, "API server", (s) => s.apiserver.memoryGiB),
      ],
      references: [
        {
          name: "1 server: 63 GB",
          value: 63,
          nodes: 5000,
          side: "right",
          limit: false,
          source: constants.apiserverFixedGiB.source,
        },
        {
          name: "each of 3: 44 GB",
          value: 44,
          nodes: 5000,
          side: "right",
          limit: false,
          source: constants.apiserverFixedGiB.source,
        },
        {
          name: "OpenAI: 70 GB",
          value: 70,
          nodes: 7500,
          side: "right",
          limit: false,
          source: "https://openai.com/index/scaling-kubernetes-to-7500-nodes",
        },
      ],
    },
    {
      id: "inflight",
      title: "Requests in flight at one API server",
      unit: "requests",
      scale: "log",
      note: "kube-up's ladder, set on each server: any one may have to take the others' clients.",
      lines: [
        ladder("reads", (s) => s.apiserver.maxRequestsInflight),
        ladder("writes", (s) => s.apiserver.maxMutatingRequestsInflight),
      ],
      references: [
        { name: "EKS 4XL: 1,511", value: 1511, limit: false, source: eks },
        { name: "EKS 4XL: 756", value: 756, limit: false, source: eks },
      ],
    },
    {
      id: "qps",
      title: "Request rate of the control loops",
      unit: "requests/s",
      scale: "log",
      note: "Client-side limits; burst is the same.",
      lines: [
        line(sampled, "controller manager", (s) => s.controllerManager.qps),
        line(sampled, "scheduler", (s) => s.scheduler.qps),
      ],
      references: [
        {
          name: "kops at 5,000: 500",
          value: 500,
          nodes: 5000,
          limit: false,
          source: "kubernetes/kops tests/e2e/scenarios/scalability/run-test.sh",
        },
      ],
    },
    {
      id: "writes",
      title: "Writes to etcd by shard",
      unit: "writes/s",
      scale: "log",
      note: "Leases grow with the nodes alone; the rest follows churn, which upstream's objectives cap at 20 pods a second.",
      lines: perShard((shard) => shard.writesPerSecond),
      references: [
        {
          name: "etcd test: 44,341",
          value: 44_341,
          limit: true,
          source: "https://etcd.io/docs/v3.6/op-guide/performance/ (3 members, 8 vCPU, SSD)",
        },
      ],
    },
    {
      id: "database",
      title: "Database by shard",
      unit: "GiB",
      scale: "log",
      note: "Live objects and the history between compactions. When main would pass 70 % of its quota, pods get a shard; compaction halves its interval above 1,000 nodes.",
      lines: perShard((shard) => shard.databaseGiB),
      references: [
        { name: `quota: ${quota}`, value: quota, limit: true, source: constants.etcdDefaultQuotaGiB.source },
        {
          name: "seen: 5.3 to 6.5",
          value: 5.9,
          nodes: 5000,
          limit: false,
          source: "https://github.com/kubernetes/test-infra/issues/37360",
        },
      ],
    },
    {
      id: "traffic",
      title: "Watch traffic against what masters can send",
      unit: "Gbit/s",
      scale: "log",
      note: "Can send: masters left without a zone, at half their sustained bandwidth.",
      lines: [
        line(sampled, "can send", (s) => s.masters.survivors * nicOf(s) * constants.networkUse.value),
        line(sampled, "watch traffic", (s) => Math.max(0.001, s.rates.watchEgressGbit)),
      ],
      references: [],
    },
  ];
}
