/**
 * Which flag exists from which version: the lists of the newest release's binaries, and what they have got since the oldest.
 * test/binaries/releases.test.ts compares them with the help of every release's binaries.
 */
import { lookup } from "../../lookup";
import { atLeast } from "../versions";
import { etcd } from "./etcd";
import { kubeApiserver } from "./kube-apiserver";
import { kubeControllerManager } from "./kube-controller-manager";
import { kubeProxy } from "./kube-proxy";
import { kubeScheduler } from "./kube-scheduler";
import { kubelet } from "./kubelet";

export const components = [
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubelet",
  "kube-proxy",
  "etcd",
] as const;
export type Component = (typeof components)[number];

const listed: Readonly<Record<Component, string>> = {
  "kube-apiserver": kubeApiserver,
  "kube-controller-manager": kubeControllerManager,
  "kube-scheduler": kubeScheduler,
  kubelet,
  "kube-proxy": kubeProxy,
  etcd,
};

/** First version that has the flag, where that is later than the oldest supported one. */
const since: Readonly<Partial<Record<Component, Readonly<Record<string, string>>>>> = {
  "kube-apiserver": { "tls-curve-preferences": "1.36" },
  "kube-controller-manager": {
    "concurrent-disruption-syncs": "1.37",
    "concurrent-resourceclaim-syncs": "1.36",
    "tls-curve-preferences": "1.36",
  },
  "kube-scheduler": { "tls-curve-preferences": "1.36" },
};

const insecure = "removed: everything is answered at --secure-port, with authentication";

/** Gone flags that people still know, and what does their work. Hidden ones are accepted, and do nothing. */
const replaced: Readonly<Record<Component, Readonly<Record<string, string>>>> = {
  "kube-apiserver": {
    "apiserver-count": "hidden and without effect: --endpoint-reconciler-type=lease counts the servers",
    "default-watch-cache-size": "hidden and without effect: the watch cache sizes itself",
    "basic-auth-file": "removed: passwords in clear; use OIDC (--oidc-issuer-url) or certificates",
    "insecure-bind-address": insecure,
    "insecure-port": insecure,
    "target-ram-mb": "removed: the scale model sizes the master's memory and sets GOMEMLIMIT",
  },
  "kube-controller-manager": {
    "pod-eviction-timeout":
      "removed: set --default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds of kube-apiserver",
    "enable-taint-manager": "removed: taints always evict",
  },
  "kube-scheduler": {
    "algorithm-provider": "removed: use profiles in KubeSchedulerConfiguration",
    "policy-config-file": "removed: use profiles in KubeSchedulerConfiguration",
  },
  kubelet: {
    "image-pull-progress-deadline":
      "removed with dockershim: cri-dockerd's flag of that name, or containerd's image_pull_progress_timeout",
    "pod-infra-container-image":
      "removed: set the pause image in the runtime (cri-dockerd's flag, containerd's sandbox image)",
    "network-plugin": "removed with dockershim: the runtime loads the CNI plugins",
    "docker-endpoint": "removed with dockershim: --container-runtime-endpoint of cri-dockerd",
    "container-runtime": "removed: only remote runtimes exist",
  },
  "kube-proxy": { "proxy-port-range": "removed: without effect for long" },
  etcd: {
    "enable-v2": "removed in 3.6: there is no v2 API",
    "snap-dir": "never existed: snapshots and database are in <data-dir>/member/snap",
  },
};

/** Flags that this version of the binary has. */
export function knownFlags(component: Component, version: string): ReadonlySet<string> {
  const later = since[component] ?? {};
  const all = listed[component].trim().split(/\s+/);
  return new Set(all.filter((flag) => !later[flag] || atLeast(version, later[flag])));
}

/** What to do instead of a flag that this version does not have. */
export function replacementFor(component: Component, flag: string, version: string): string | undefined {
  const from = lookup(since[component] ?? {}, flag);
  if (from && !atLeast(version, from)) return `it exists from ${from} on`;
  if (component === "etcd" && flag.startsWith("experimental-")) {
    const name = flag.replace("experimental-", "");
    if (knownFlags("etcd", version).has(name)) return `its name is --${name}`;
    return "experimental flags are gone since 3.7, most became feature gates";
  }
  return lookup(replaced[component], flag);
}
