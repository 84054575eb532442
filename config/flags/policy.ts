/** How one component's flags merge in a given version: what exists, what is protected, and why. */
import type { FlagPolicy, MergeRule } from "./flags";
import { itemRefusal } from "./items";
import { type Component, knownFlags, replacementFor } from "./known";
import type { Versions } from "./versions";

/** Flags that no component may be given, wherever it has them: each has a secure default, or is set by the plan. Flag to reason. */
const refusedEverywhere = {
  "authentication-skip-lookup": "who calls would be told by nobody; leave it out",
  "authorization-always-allow-paths":
    "these paths are answered without a look at roles; bind a role with nonResourceURLs",
  "contention-profiling": "it slows every lock, and profiles show what runs; leave it out",
  "debug-socket-path": "its profiles are for whoever opens the socket; use /debug/pprof, which roles guard",
};

/** Flags that hold the cluster together or keep it shut: no configuration sets them. Flag to reason. */
const protectedFlags: Readonly<Record<Component, Readonly<Record<string, string>>>> = {
  "kube-apiserver": {
    ...refusedEverywhere,
    "admission-control": "it replaces the whole list of admission plugins; add to --enable-admission-plugins",
    "aggregator-reject-forwarding-redirect":
      "an aggregated server could send the API server to any other; leave it out",
    "authorization-config":
      "it takes the place of --authorization-mode=Node,RBAC, which binds a node to its own objects and everyone to their roles; say who may do what with roles",
    "authorization-policy-file": "it is read with --authorization-mode=ABAC only; say who may do what with roles",
    "authorization-webhook-config-file":
      "it is asked with --authorization-mode=Webhook only; say who may do what with roles",
    "cors-allowed-origins":
      "pages of these sites would call the API as whoever looks at them; put a proxy of your own before it",
    "etcd-prefix": "below another prefix nothing of what is stored is found; leave it out",
    "token-auth-file":
      "its tokens are in clear on every master, never end, and are taken back by a restart only; give people OIDC (--oidc-issuer-url) or certificates, programs service accounts",
    "endpoint-reconciler-type": "with any other type masters that are gone stay in the kubernetes Service",
    "enable-priority-and-fairness": "without it one client's lists can starve the heartbeats",
    "watch-cache": "without it every list and watch reads etcd",
  },
  "kube-controller-manager": {
    ...refusedEverywhere,
    "enable-hostpath-provisioner":
      "claims would be directories of nodes, open to every pod there; install a provisioner",
    "leader-elect": "two active controller managers undo each other's work",
    "leader-elect-resource-lock": "Lease objects are kept in their own etcd shard",
  },
  "kube-scheduler": {
    ...refusedEverywhere,
    "leader-elect":
      "the plan sets it in KubeSchedulerConfiguration, since two active schedulers place the same pod twice; remove it from the configuration",
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
    refusal: itemRefusal,
  };
}
