/** How one component's flags merge in a given version: what exists, what is protected, and why. */
import type { FlagPolicy, MergeRule } from "./flags";
import { type Component, knownFlags, replacementFor } from "./known";
import type { Versions } from "./versions";

/** Scale flags that hold the cluster together: no configuration changes them. Flag to reason. */
const protectedFlags: Readonly<Record<Component, Readonly<Record<string, string>>>> = {
  "kube-apiserver": {
    "endpoint-reconciler-type": "with any other type masters that are gone stay in the kubernetes Service",
    "enable-priority-and-fairness": "without it one client's lists can starve the heartbeats",
    "watch-cache": "without it every list and watch reads etcd",
  },
  "kube-controller-manager": {
    "leader-elect": "two active controller managers undo each other's work",
    "leader-elect-resource-lock": "Lease objects are kept in their own etcd shard",
  },
  "kube-scheduler": {
    "leader-elect": "set in KubeSchedulerConfiguration; two active schedulers place the same pod twice",
    config: "the plan writes this file; extend the scheduler's configuration instead",
  },
  kubelet: {},
  "kube-proxy": {},
  etcd: {
    "unsafe-no-fsync": "a crash would lose acknowledged writes",
    "force-new-cluster": "it drops every other member; only a restore does that",
    "strict-reconfig-check": "it keeps a change of members from losing the quorum",
    "pre-vote": "without it a member that comes back deposes a healthy leader",
  },
};

const gateReason = "large clusters live by it, and upstream has it on";
const gateOff = (...gates: string[]) => Object.fromEntries(gates.map((gate) => [`${gate}=false`, gateReason]));

/** Feature gates that nothing may switch off. */
const refusedItems = {
  "feature-gates": gateOff("WatchList", "ListFromCacheSnapshot", "SizeBasedListCostEstimate", "WatchBookmark"),
};

/** The policy of a component; `rules` are the plan's own additions. */
export function policyFor(
  component: Component,
  versions: Versions,
  rules: Readonly<Record<string, MergeRule>> = {},
): FlagPolicy {
  const version = component === "etcd" ? versions.etcdVersion : versions.kubernetesVersion;
  const reasons = protectedFlags[component];
  const denied = Object.fromEntries(Object.keys(reasons).map((flag) => [flag, "denied" as const]));
  return {
    component,
    rules: { ...rules, ...denied },
    reasons,
    known: knownFlags(component, version),
    gone: (flag) => replacementFor(component, flag, version),
    version: `${component} ${version}`,
    refusedItems,
  };
}
