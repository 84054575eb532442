/** Rows of the ledger: kube-controller-manager and kube-scheduler. */
import type { LedgerEntry } from "./entry";

export const controllers: readonly LedgerEntry[] = [
  {
    id: "C1",
    area: "kube-controller-manager",
    source: "C 5.1",
    recommendation: "kube-api-qps/burst 100",
    form: "scale model (the article's 100 is the floor)",
    status: "done",
    implementedIn: ["config/scale/controllers.ts", "config/flags/components.ts"],
    evidence: [
      {
        file: "test/unit/scale-anchors.test.ts",
        test: "controller manager requests: 500 a second at 5,000 nodes (kops, EKS 4XL), 1,000 at 10,000",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "gives its controllers and its scheduler the rates of the scale",
      },
    ],
  },
  {
    id: "C2",
    area: "kube-controller-manager",
    source: "C 5.1",
    recommendation: "switch off unneeded controllers",
    form: "`masters.flags.controllerManager.controllers` in configuration",
    status: "done",
    implementedIn: ["config/cluster.ts", "components/control-plane/flags.ts"],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "runs without the controllers that the configuration switches off",
      },
    ],
  },
  {
    id: "C3",
    area: "kube-controller-manager",
    source: "C 5.2",
    recommendation:
      "warm informers on the standby, and release of the leader lease on exit so that the standby takes over at once",
    form: "feature gate `ControllerManagerReleaseLeaderElectionLockOnExit` (alpha since 1.36); fail-over time measured with and without",
    status: "later",
    implementedIn: ["config/flags/components.ts"],
    evidence: [
      {
        file: "test/unit/flags-versions.test.ts",
        test: "the release of the leader's lease on exit is an alpha gate of 1.36 and later",
      },
    ],
    reason:
      "the lease is released on exit; the controller manager's standby has no warm informers (the scheduler's has), and no fail-over is timed",
  },
  {
    id: "C4",
    area: "kube-controller-manager",
    source: "C 5.3",
    recommendation: "leader election",
    form: "on, by Lease objects; every master competes",
    status: "replaced",
    implementedIn: ["config/flags/components.ts", "config/flags/policy.ts"],
    evidence: [
      {
        file: "test/unit/flags-configurations.test.ts",
        test: "leader election is on and protected",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "comes up with one command",
      },
    ],
    reason:
      "not a few replicas but all masters compete: a standby costs one read of its Lease every 2 s, 10 requests a second with 11 masters, and with fewer competitors the loss of the wrong masters would leave nobody to lead",
  },
  {
    id: "C5",
    area: "kube-controller-manager",
    source: "C 7.2",
    recommendation: "node-monitor-period 5s, grace 40s (50s today), node-startup-grace 1m, pod-eviction-timeout 5m",
    form: "the first three are flags; `--pod-eviction-timeout` does not exist in 1.37: becomes default tolerationSeconds (DefaultTolerationSeconds admission flags); also node-eviction-rate, unhealthy-zone-threshold, large-cluster-size-threshold",
    status: "done",
    implementedIn: ["config/scale/controllers.ts", "config/scale/apiserver.ts", "config/flags/components.ts"],
    evidence: [
      {
        file: "test/unit/flags-configurations.test.ts",
        test: "node monitor settings and default tolerations",
      },
      {
        file: "test/unit/flags-versions.test.ts",
        test: "gone flags of the article are not known, and their replacement is named",
      },
    ],
  },
  {
    id: "S1",
    area: "kube-scheduler",
    source: "C 6.1",
    recommendation: "kube-api-qps 100",
    form: "`clientConnection` in KubeSchedulerConfiguration (the flags are deprecated); percentageOfNodesToScore, parallelism by scale",
    status: "done",
    implementedIn: [
      "config/scale/controllers.ts",
      "config/flags/configurations.ts",
      "components/control-plane/plan.ts",
    ],
    evidence: [
      {
        file: "test/unit/flags-configurations.test.ts",
        test: "kube-scheduler: rate, parallelism and the share of nodes from the scale",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "gives its controllers and its scheduler the rates of the scale",
      },
      {
        file: "test/binaries/control-plane.test.ts",
        test: "kube-scheduler loads and validates its file, and keeps our values",
      },
    ],
  },
  {
    id: "S2",
    area: "kube-scheduler",
    source: "C 6",
    recommendation: "affinity, taints, preemption, PodDisruptionBudget",
    form: "PDBs and priority classes on everything this project deploys",
    status: "later",
    implementedIn: ["components/control-plane/static-pods.ts"],
    evidence: [
      {
        file: "test/unit/plan.test.ts",
        test: "runs the same components as static pods where the platform has kubelets",
      },
    ],
    reason: "static pods of the control plane have a priority class; there are no other pods of this project yet",
  },
  {
    id: "S3",
    area: "kube-scheduler",
    source: "C 6.2",
    recommendation: "scheduler extender for GPUs; several schedulers",
    form: "profiles and extenders in configuration; a second scheduler deployment",
    status: "later",
    implementedIn: ["config/flags/configurations.ts"],
    evidence: [
      {
        file: "test/unit/flags-configurations.test.ts",
        test: "kube-scheduler: rate, parallelism and the share of nodes from the scale",
      },
    ],
    reason:
      "the scheduler's file can hold profiles and extenders; no knob of a stack sets them, and there is no second scheduler",
  },
  {
    id: "S4",
    area: "kube-scheduler",
    source: "C 6.2",
    recommendation: "descheduler",
    form: "deployed, policy in configuration",
    status: "later",
    implementedIn: [],
    evidence: [],
    reason: "nothing: there are no add-ons yet",
  },
  {
    id: "S5",
    area: "kube-scheduler",
    source: "C 6.3",
    recommendation: "leader election",
    form: "on",
    status: "done",
    implementedIn: ["config/flags/configurations.ts", "components/control-plane/plan.ts"],
    evidence: [
      {
        file: "test/unit/flags-configurations.test.ts",
        test: "leader election is on and protected",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "gives its controllers and its scheduler the rates of the scale",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "comes up with one command",
      },
    ],
  },
];
