/** A scale with everything that follows from it, rendered: what `--json` prints. */
import {
  apiserverFlags,
  type Component,
  checkFlags,
  components,
  controllerManagerFlags,
  etcdFlags,
  etcdMemoryLimit,
  type FlagMap,
  goMemoryLimit,
  haproxyGlobal,
  kubeletConfiguration,
  kubeProxyConfiguration,
  mergeFlags,
  policyFor,
  renderFlags,
  schedulerConfiguration,
} from "../../config/flags";
import { lookup } from "../../config/lookup";
import { kernelProfiles, modulesFor, type Scale, sysctlsFor } from "../../config/scale";

type UserFlags = Readonly<Record<string, FlagMap>>;

/** The scale's own flags of the components that take flags (a shard's for etcd). */
function scaleFlags(scale: Scale): Readonly<Record<Component, readonly (readonly [string, FlagMap])[]>> {
  return {
    "kube-apiserver": [["", apiserverFlags(scale)]],
    "kube-controller-manager": [["", controllerManagerFlags(scale)]],
    "kube-scheduler": [["", {}]],
    kubelet: [["", {}]],
    "kube-proxy": [["", {}]],
    etcd: Object.keys(scale.etcd.shards).map((shard) => [shard, etcdFlags(scale, shard)] as const),
  };
}

/** Problems of the user's flags over all components. */
export function userFlagProblems(scale: Scale, user: UserFlags): readonly string[] {
  const own = scaleFlags(scale);
  return Object.entries(user).flatMap(([component, flags]) => {
    if (!(components as readonly string[]).includes(component))
      return [`--flag: no component ${component}; there are ${components.join(", ")}`];
    const [, first] = own[component as Component][0] ?? ["", {}];
    return checkFlags({}, first, flags, policyFor(component as Component, scale.versions));
  });
}

/** Rendered flags, configuration files and kernel settings by component. */
export function renderedFlags(scale: Scale, user: UserFlags): Readonly<Record<string, unknown>> {
  const own = scaleFlags(scale);
  const lines = (component: Component, flags: FlagMap) =>
    renderFlags(mergeFlags({}, flags, lookup(user, component) ?? {}, policyFor(component, scale.versions)));
  const single = (component: Component) => lines(component, own[component][0]?.[1] ?? {});
  return {
    "kube-apiserver": single("kube-apiserver"),
    "kube-controller-manager": single("kube-controller-manager"),
    "kube-scheduler": {
      flags: single("kube-scheduler"),
      configuration: schedulerConfiguration(scale, "/etc/kubernetes/scheduler.kubeconfig"),
    },
    kubelet: { flags: single("kubelet"), configuration: kubeletConfiguration(scale, "/etc/kubernetes/pki") },
    "kube-proxy": {
      flags: single("kube-proxy"),
      configuration: kubeProxyConfiguration(scale, "/etc/kubernetes/kube-proxy.kubeconfig"),
    },
    etcd: Object.fromEntries(own.etcd.map(([shard, flags]) => [shard, lines("etcd", flags)])),
    haproxy: haproxyGlobal(scale),
    environment: {
      ...Object.fromEntries(
        ["kube-apiserver", "kube-controller-manager", "kube-scheduler"].map((name) => [
          name,
          { GOMEMLIMIT: goMemoryLimit(name, scale) },
        ]),
      ),
      etcd: Object.fromEntries(own.etcd.map(([shard]) => [shard, { GOMEMLIMIT: etcdMemoryLimit(scale, shard) }])),
    },
    sysctls: Object.fromEntries(kernelProfiles.map((profile) => [profile, sysctlsFor(profile, scale)])),
    modules: Object.fromEntries(kernelProfiles.map((profile) => [profile, modulesFor(profile, scale)])),
  };
}
