/** The flags of the three components: where things are and who may speak, on top of what the scale model derives. */
import type { ClusterSpec } from "../../config/cluster";
import {
  apiserverFlags,
  controllerManagerFlags,
  type FlagMap,
  type FlagPolicy,
  flagProblems,
  mergeFlags,
  policyFor,
} from "../../config/flags";
import { type Place, place } from "../../config/names";
import type { Problem } from "../../config/rules";
import type { Scale } from "../../config/scale";
import type { ShardPlan } from "../plan-types";
import { ports } from "../ports";
import { hostRange } from "../shared";
import { pki } from "./certificates";

/**
 * Flags of the plan that a configuration may change all the same. Every other flag set here is protected: it holds the
 * cluster together or keeps it shut.
 */
const changeable = {
  "kube-apiserver": {
    "enable-admission-plugins": "append",
    "audit-log-maxsize": "overwrite",
    "audit-log-maxbackup": "overwrite",
    "audit-log-maxage": "overwrite",
    "feature-gates": "append",
  },
  "kube-controller-manager": { controllers: "append", "feature-gates": "append" },
  "kube-scheduler": { "feature-gates": "append" },
} as const;

/** One component's flags before they are merged: what `mergeFlags` and `flagProblems` take. */
type Layers = readonly [identity: FlagMap, derived: FlagMap, user: FlagMap, policy: FlagPolicy];

export function apiserverFlagMap(...of: Parameters<typeof apiserverLayers>): FlagMap {
  return mergeFlags(...apiserverLayers(...of));
}

export function controllerManagerFlagMap(spec: ClusterSpec, scale: Scale): FlagMap {
  return mergeFlags(...controllerManagerLayers(spec, scale));
}

export function schedulerFlagMap(spec: ClusterSpec, scale: Scale): FlagMap {
  return mergeFlags(...schedulerLayers(spec, scale));
}

/** What is wrong with the flags that the configuration gives, over all components: they are the same on every master. */
export function controlPlaneFlagProblems(spec: ClusterSpec, scale: Scale, shards: readonly ShardPlan[]): Problem[] {
  const [master] = masterPlaces(spec);
  const components = {
    apiserver: apiserverLayers(spec, scale, shards, master as Place),
    controllerManager: controllerManagerLayers(spec, scale),
    scheduler: schedulerLayers(spec, scale),
  };
  return Object.entries(components).flatMap(([knob, layers]) =>
    flagProblems(...layers).map(({ flag, value, message }) => ({
      path: ["masters", "flags", knob, flag],
      message: `${message} (got ${value})`,
    })),
  );
}

export function masterPlaces(spec: ClusterSpec): Place[] {
  return Array.from({ length: spec.masters.count }, (_, index) =>
    place(hostRange(spec), { role: "master", label: "master" }, index),
  );
}

function apiserverLayers(spec: ClusterSpec, scale: Scale, shards: readonly ShardPlan[], master: Place): Layers {
  const main = shards.find((shard) => shard.name === "main") as ShardPlan;
  const identity: FlagMap = {
    "advertise-address": master.address,
    "bind-address": master.address,
    "secure-port": ports.apiserver,
    "tls-cert-file": `${pki}/apiserver.crt`,
    "tls-private-key-file": `${pki}/apiserver.key`,
    "tls-min-version": "VersionTLS13",
    "client-ca-file": `${pki}/kubernetes-ca.crt`,
    // Nobody reads anything without a certificate or token, not even /version.
    "anonymous-auth": false,
    "authorization-mode": "Node,RBAC",
    "enable-admission-plugins": "NodeRestriction",
    "etcd-servers": main.endpoints.join(","),
    ...overrides(shards),
    "etcd-cafile": `${pki}/etcd-client-ca.crt`,
    "etcd-certfile": `${pki}/etcd-client.crt`,
    "etcd-keyfile": `${pki}/etcd-client.key`,
    "kubelet-certificate-authority": `${pki}/kubernetes-ca.crt`,
    "kubelet-client-certificate": `${pki}/kubelet-client.crt`,
    "kubelet-client-key": `${pki}/kubelet-client.key`,
    "proxy-client-cert-file": `${pki}/front-proxy-client.crt`,
    "proxy-client-key-file": `${pki}/front-proxy-client.key`,
    "requestheader-client-ca-file": `${pki}/front-proxy-ca.crt`,
    "requestheader-allowed-names": "front-proxy-client",
    "requestheader-username-headers": "X-Remote-User",
    "requestheader-group-headers": "X-Remote-Group",
    "requestheader-extra-headers-prefix": "X-Remote-Extra-",
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": `${pki}/service-account.pub`,
    "service-account-signing-key-file": `${pki}/service-account.key`,
    "service-cluster-ip-range": spec.network.services,
    "encryption-provider-config": "/etc/kubernetes/encryption.yaml",
    "audit-policy-file": "/etc/kubernetes/audit-policy.yaml",
    "audit-log-path": "/var/log/kubernetes/audit.log",
    // Batched, so that a slow disk never holds a request; 10 files of 100 MiB, a month at most.
    "audit-log-mode": "batch",
    "audit-log-maxsize": 100,
    "audit-log-maxbackup": 10,
    "audit-log-maxage": 30,
    "allow-privileged": true,
  };
  return [identity, apiserverFlags(scale), spec.masters.flags.apiserver, policy("kube-apiserver", scale)];
}

/** `--etcd-servers-overrides=<group>/<resource>#<server>;<server>,...` for every shard but main. */
function overrides(shards: readonly ShardPlan[]): FlagMap {
  const entries = shards.flatMap((shard) =>
    shard.resources.map((resource) => `${resource}#${shard.endpoints.join(";")}`),
  );
  return entries.length > 0 ? { "etcd-servers-overrides": entries.join(",") } : {};
}

function controllerManagerLayers(spec: ClusterSpec, scale: Scale): Layers {
  const kubeconfig = "/etc/kubernetes/controller-manager.kubeconfig";
  const identity: FlagMap = {
    kubeconfig,
    "authentication-kubeconfig": kubeconfig,
    "authorization-kubeconfig": kubeconfig,
    "bind-address": "127.0.0.1",
    "client-ca-file": `${pki}/kubernetes-ca.crt`,
    "requestheader-client-ca-file": `${pki}/front-proxy-ca.crt`,
    "root-ca-file": `${pki}/kubernetes-ca.crt`,
    "use-service-account-credentials": true,
    "allocate-node-cidrs": true,
    "cluster-cidr": spec.network.pods,
    "service-cluster-ip-range": spec.network.services,
    "cluster-name": spec.stack,
  };
  const user = spec.masters.flags.controllerManager;
  return [identity, controllerManagerFlags(scale), user, policy("kube-controller-manager", scale)];
}

function schedulerLayers(spec: ClusterSpec, scale: Scale): Layers {
  const kubeconfig = "/etc/kubernetes/scheduler.kubeconfig";
  const identity: FlagMap = {
    config: "/etc/kubernetes/scheduler.yaml",
    "authentication-kubeconfig": kubeconfig,
    "authorization-kubeconfig": kubeconfig,
    "bind-address": "127.0.0.1",
    "client-ca-file": `${pki}/kubernetes-ca.crt`,
    "requestheader-client-ca-file": `${pki}/front-proxy-ca.crt`,
  };
  return [identity, {}, spec.masters.flags.scheduler, policy("kube-scheduler", scale)];
}

function policy(component: keyof typeof changeable, scale: Scale): FlagPolicy {
  return policyFor(component, scale.versions, changeable[component]);
}
