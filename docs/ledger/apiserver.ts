/** Rows of the ledger: kube-apiserver. */
import type { LedgerEntry } from "./entry";

export const apiserver: readonly LedgerEntry[] = [
  {
    id: "A1",
    area: "kube-apiserver",
    source: "C 4.1",
    recommendation: "1,000-3,000 nodes: max-requests-inflight 1500, max-mutating 500; > 3,000: 3000/1000",
    form: "scale model; since priority and fairness both are summed into total concurrency: shares per priority level are sized too, and leader election, node heartbeats and system traffic keep theirs",
    status: "done",
    implementedIn: [
      "config/scale/apiserver.ts",
      "config/scale/levels.ts",
      "config/flags/components.ts",
      "components/objects/plan.ts",
    ],
    evidence: [
      {
        file: "test/unit/scale-anchors.test.ts",
        test: "requests in flight at %i nodes: %i and %i",
      },
      {
        file: "test/unit/scale-notices.test.ts",
        test: "leader election, heartbeats and the system keep upstream's shares, and have the seats they need",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "the levels and schemas of priority and fairness are objects of the cluster",
      },
    ],
  },
  {
    id: "A2",
    area: "kube-apiserver",
    source: "C 4.1",
    recommendation: "watch-cache-sizes node#1000,pod#5000; default-watch-cache-size",
    form: "gone: `--watch-cache-sizes` only knows 0 (off), `--default-watch-cache-size` is hidden and without effect in 1.37; the cache sizes itself, so the masters' memory is sized instead; neither flag is emitted",
    status: "replaced",
    implementedIn: ["config/scale/masters.ts", "config/flags/known/index.ts"],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "is given none of the flags that do nothing any more, and registers itself by a Lease",
      },
      {
        file: "test/unit/scale-anchors.test.ts",
        test: "an API server at 5,000 nodes holds the 63 GB of upstream's single one, and at 7,500 OpenAI's 70 GB",
      },
    ],
    reason: "the flags have no effect any more; what they bought, room for the cache, is bought with memory",
  },
  {
    id: "A3",
    area: "kube-apiserver",
    source: "C 4.1",
    recommendation: "target-ram-mb = nodes x 60",
    form: "flag does not exist in 1.37: becomes the master's memory sizing and GOMEMLIMIT",
    status: "replaced",
    implementedIn: ["config/scale/masters.ts", "config/flags/components.ts", "components/control-plane/plan.ts"],
    evidence: [
      {
        file: "test/unit/flags-versions.test.ts",
        test: "gone flags of the article are not known, and their replacement is named",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "tells each component how much memory it may use, and so does an etcd host",
      },
      {
        file: "test/unit/scale-properties.test.ts",
        test: "memory limits fit the host, and the host's needs fit the instance",
      },
    ],
    reason: "the flag no longer exists; the master is sized by a measured rule and Go is told the limit",
  },
  {
    id: "A4",
    area: "kube-apiserver",
    source: "C 4.2",
    recommendation: "several apiservers behind a load balancer",
    form: "internal L4 load balancer (haproxy on a host of its own in the lab), health by /readyz, draining (`--shutdown-delay-duration`, `--shutdown-send-retry-after`)",
    status: "done",
    implementedIn: [
      "components/load-balancer/plan.ts",
      "components/control-plane/flags.ts",
      "config/scale/apiserver.ts",
      "components/machine/files/usr/local/lib/systemd/system/kube-apiserver.service",
    ],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "the load balancer chooses the API server with the fewest connections, among those that say they are ready",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "stays until the load balancer has seen that it leaves, and ends what it has begun",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "rolls the masters one by one behind the load balancer without a failed request",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "survives the death of a member and of an API server, and shows it",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "lets no client wait for an API server that is frozen",
      },
      {
        file: "test/binaries/load-balancer.test.ts",
        test: "leaves an API server that says it is not ready its connections, and gives it no new ones",
      },
    ],
  },
  {
    id: "A5",
    area: "kube-apiserver",
    source: "C 4.2",
    recommendation: "apiserver-count, endpoint-reconciler-type",
    form: "`--apiserver-count` is hidden and deprecated in 1.37, and not emitted; `--endpoint-reconciler-type=lease`, protected",
    status: "replaced",
    implementedIn: ["config/flags/components.ts", "config/flags/policy.ts"],
    evidence: [
      {
        file: "test/unit/flags-versions.test.ts",
        test: "gone flags of the article are not known, and their replacement is named",
      },
      {
        file: "test/unit/flags-configurations.test.ts",
        test: "masters register themselves by lease",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "is given none of the flags that do nothing any more, and registers itself by a Lease",
      },
    ],
    reason: "a fixed count is wrong as soon as a master is away; leases count those that live",
  },
  {
    id: "A6",
    area: "kube-apiserver",
    source: "A",
    recommendation: "uneven load over apiservers",
    form: "`--goaway-chance=0.001` when there is a load balancer (the flag's maximum is 0.02), least-connections where the balancer can; the doctor measures how even it is",
    status: "done",
    implementedIn: ["cli/doctor/checks/apiserver.ts", "config/scale/apiserver.ts", "components/load-balancer/plan.ts"],
    evidence: [
      { file: "test/unit/doctor.test.ts", test: "%s: %s when it is not in effect" },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "moves one client in a thousand elsewhere",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "the load balancer chooses the API server with the fewest connections, among those that say they are ready",
      },
      {
        file: "test/unit/flags-versions.test.ts",
        test: "no goaway and no waiting for a balancer where clients know one server only",
      },
    ],
  },
  {
    id: "A7",
    area: "kube-apiserver",
    source: "C 4.3",
    recommendation: "pprof",
    form: "reachable to the operator only (`/debug/pprof`, RBAC), one command that saves a profile",
    status: "later",
    implementedIn: ["config/flags/components.ts", "components/control-plane/flags.ts"],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "keeps profiles off until the configuration turns them on, and then for those who may log in alone",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "answers nobody without a certificate",
      },
    ],
    reason:
      "off until `masters.flags.apiserver.profiling: true` (CIS 1.2.15), then served to whom RBAC lets (`kilonode kubectl <stack> get --raw /debug/pprof/...`); no command saves one",
  },
  {
    id: "A8",
    area: "kube-apiserver",
    source: "A",
    recommendation: "in-cluster clients through the service IP hit netfilter problems",
    form: "what this project runs (controller manager, scheduler, simulated nodes, the operator) uses the load balancer's address, not the service IP",
    status: "done",
    implementedIn: [
      "components/pki/kubeconfig.ts",
      "components/control-plane/plan.ts",
      "components/node-simulator/plan.ts",
    ],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "every kubeconfig on every host names the load balancer, none the address of the kubernetes Service",
      },
    ],
  },
  {
    id: "A9",
    area: "kube-apiserver",
    source: "A, B",
    recommendation:
      "list pagination (limit 500 + continue), consistent lists from cache, watch bookmarks, watch-list streaming",
    form: "defaults of 1.37 kept on (feature gates WatchList, ListFromCacheSnapshot, SizeBasedListCostEstimate are on, and cannot be switched off); a list over all namespaces by anybody but the system, and any list of a client named in `workload.bulkListerSubjects`, lands in a low-share priority level; the audit log says who lists",
    status: "done",
    implementedIn: [
      "config/flags/policy.ts",
      "config/scale/flow-control.ts",
      "components/objects/plan.ts",
      "components/machine/files/etc/kubernetes/audit-policy.yaml",
    ],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "refuses to switch off what lists and watches of large clusters live by",
      },
      {
        file: "test/unit/scale-notices.test.ts",
        test: "lists over all namespaces by anybody but the system land in a small level that takes no other's seats",
      },
      {
        file: "test/unit/scale-notices.test.ts",
        test: "clients known to list without limit get a level of their own, by name",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "the levels and schemas of priority and fairness are objects of the cluster",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "logs who lists, and no heartbeat",
      },
    ],
  },
  {
    id: "A10",
    area: "kube-apiserver",
    source: "A, B",
    recommendation: "namespaces as an index; at most 5,000 services a namespace",
    form: "limits of the scale model: `up` warns of a workload above them, the doctor counts what is in the cluster",
    status: "done",
    implementedIn: ["cli/doctor/checks/objects.ts", "config/scale/notices.ts", "stacks/index.ts"],
    evidence: [
      { file: "test/unit/doctor.test.ts", test: "%s: %s when it is not in effect" },
      {
        file: "test/unit/scale-notices.test.ts",
        test: "upstream's thresholds: silent at the limit, a warning with its source above",
      },
    ],
  },
  {
    id: "A11",
    area: "kube-apiserver",
    source: "A, B",
    recommendation: "Lease heartbeats; EndpointSlice (100 endpoints a slice)",
    form: "leases in their own shard at scale; `--max-endpoints-per-slice`",
    status: "done",
    implementedIn: ["config/cluster.ts", "config/scale/etcd.ts", "config/scale/controllers.ts"],
    evidence: [
      {
        file: "test/unit/scale-anchors.test.ts",
        test: "1,300 nodes and 100,000 pods: 11 masters and 17 etcd hosts as main 7, events 5, leases 5",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "puts 100 endpoints in a slice",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "keeps events and leases in their own shards, and Secrets encrypted",
      },
    ],
  },
  {
    id: "A12",
    area: "kube-apiserver",
    source: "C 2",
    recommendation: "restart takes minutes",
    form: "rolling restart one master at a time; recovery time measured",
    status: "later",
    implementedIn: ["components/rollout/masters/rollout.ts"],
    evidence: [
      {
        file: "test/unit/rollout-masters.test.ts",
        test: "killed anywhere, never has two masters away, and ends as planned",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "rolls the masters one by one behind the load balancer without a failed request",
      },
    ],
    reason: "masters restart one at a time behind a gate; how long one takes to recover is not measured",
  },
];
