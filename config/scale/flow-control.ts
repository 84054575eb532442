/**
 * FlowSchema and PriorityLevelConfiguration objects (flowcontrol.apiserver.k8s.io/v1) as plain data.
 *
 * What can be told apart: a FlowSchema matches who asks (user, group, service account), the verb, the resource, and whether a
 * namespace is given. It sees no query parameters, so "a list without limit" cannot be matched. Three things together
 * come close:
 * 1. The server itself charges a list by the objects it would return, up to 10 seats, so one big list is never cheap (on by
 *    default; SizeBasedListCostEstimate refines it from 1.34 on).
 * 2. `kilonode-cluster-lists`: every `list` over all namespaces of a large resource by anybody but the system lands in a small level.
 *    Paged lists land there too, which costs them little; informers that stream their first list (WatchList, the default of client-go
 *    in 1.35 and later) use `watch` and are not touched.
 * 3. `kilonode-known-bulk-lists`: clients named in the workload (bulkListerSubjects), as the audit log shows them, lists in any namespace.
 */
import type { FlowSchema, PriorityLevelConfiguration, Subject } from "./flow-control-objects";
import type { LevelName } from "./levels";
import type { ApiserverScale } from "./types";
import type { BulkLister } from "./workload";

const apiVersion = "flowcontrol.apiserver.k8s.io/v1";

/** Upstream's settings of its own levels: all fields must be given when one is changed. */
const upstream: Partial<Record<LevelName, { lendable: number; queues: number; hand: number }>> = {
  system: { lendable: 33, queues: 64, hand: 6 },
  "node-high": { lendable: 25, queues: 64, hand: 6 },
  "leader-election": { lendable: 0, queues: 16, hand: 4 },
  "workload-high": { lendable: 50, queues: 128, hand: 6 },
  "workload-low": { lendable: 90, queues: 128, hand: 6 },
  "global-default": { lendable: 50, queues: 128, hand: 6 },
};

function level(
  name: string,
  shares: number,
  queue: { lendable: number; queues: number; hand: number },
  borrowingLimitPercent?: number,
): PriorityLevelConfiguration {
  return {
    apiVersion,
    kind: "PriorityLevelConfiguration",
    // Upstream puts its suggested objects back unless this says that they are ours.
    metadata: name.startsWith("kilonode")
      ? { name }
      : { name, annotations: { "apf.kubernetes.io/autoupdate-spec": "false" } },
    spec: {
      type: "Limited",
      limited: {
        nominalConcurrencyShares: shares,
        lendablePercent: queue.lendable,
        ...(borrowingLimitPercent === undefined ? {} : { borrowingLimitPercent }),
        limitResponse: { type: "Queue", queuing: { queues: queue.queues, handSize: queue.hand, queueLengthLimit: 50 } },
      },
    },
  };
}

/** Large resources: the ones whose full list costs the server most. */
const heavy = [
  { apiGroups: [""], resources: ["pods", "events", "nodes", "secrets", "configmaps", "endpoints", "services"] },
  { apiGroups: ["events.k8s.io"], resources: ["events"] },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"] },
  { apiGroups: ["apps"], resources: ["replicasets"] },
];

/**
 * After kube-system's service accounts (900) and before all service accounts (9000): the system's own lists keep their level.
 * `clusterScope` alone matches requests without a namespace.
 */
const clusterLists: FlowSchema = {
  apiVersion,
  kind: "FlowSchema",
  metadata: { name: "kilonode-cluster-lists" },
  spec: {
    priorityLevelConfiguration: { name: "kilonode-cluster-lists" },
    matchingPrecedence: 8000,
    distinguisherMethod: { type: "ByUser" },
    rules: [
      {
        subjects: [
          { kind: "Group", group: { name: "system:serviceaccounts" } },
          { kind: "Group", group: { name: "system:authenticated" } },
        ],
        resourceRules: heavy.map((rule) => ({ verbs: ["list"], ...rule, clusterScope: true })),
      },
    ],
  },
};

function subjectOf(lister: BulkLister): Subject {
  if (lister.kind === "User") return { kind: "User", user: { name: lister.name } };
  if (lister.kind === "Group") return { kind: "Group", group: { name: lister.name } };
  return { kind: "ServiceAccount", serviceAccount: { namespace: lister.namespace ?? "", name: lister.name } };
}

/** Before everything but the mandatory and the leader election schemas, so that it also holds in kube-system. */
const knownLists = (listers: readonly BulkLister[]): FlowSchema => ({
  apiVersion,
  kind: "FlowSchema",
  metadata: { name: "kilonode-known-bulk-lists" },
  spec: {
    priorityLevelConfiguration: { name: "kilonode-known-bulk-lists" },
    matchingPrecedence: 300,
    distinguisherMethod: { type: "ByUser" },
    rules: [
      {
        subjects: listers.map(subjectOf),
        resourceRules: [{ verbs: ["list"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] }],
      },
    ],
  },
});

/** The objects to apply: our levels, the schemas that fill them, and upstream's levels only where their shares were raised. */
export function flowControlObjects(
  levels: ApiserverScale["levels"],
  listers: readonly BulkLister[],
  shares: Readonly<Record<string, number>>,
) {
  const raised = Object.entries(upstream).filter(([name]) => (levels[name]?.shares ?? 0) > (shares[name] ?? 0));
  const small = { lendable: 0, queues: 64, hand: 4 };
  const priorityLevels = [
    ...raised.map(([name, queue]) => level(name, levels[name]?.shares ?? 0, queue)),
    // It may borrow as much again while the server is idle, no more: a burst of lists never takes the others' seats.
    level("kilonode-cluster-lists", levels["kilonode-cluster-lists"]?.shares ?? 0, small, 100),
    ...(listers.length > 0
      ? [level("kilonode-known-bulk-lists", levels["kilonode-known-bulk-lists"]?.shares ?? 0, small, 0)]
      : []),
  ];
  return { priorityLevels, flowSchemas: [clusterLists, ...(listers.length > 0 ? [knownLists(listers)] : [])] };
}
