/** The flags of the three components: where things are and who may speak, on top of what the scale model derives. */
import {
  apiserverFlags,
  controllerManagerFlags,
  type FlagMap,
  flagProblems,
  mergeFlags,
  policyFor,
  renderFlags,
} from "../../config/flags";
import type { Place } from "../../config/names";
import type { Problem } from "../../config/rules";
import type { PlanParts } from "../plan/parts";
import { ports } from "../plan/ports";
import { overridesOf } from "../plan/shards";
import type { ShardPlan } from "../plan/types";
import { pki } from "./certificates";

export const components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;
export type Component = (typeof components)[number];

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

/** A component's flags by who gives them: the plan, the scale model, the configuration. */
interface FlagLayers {
  readonly identity: FlagMap;
  readonly derived: FlagMap;
  readonly user: FlagMap;
}

const layersOf: Readonly<Record<Component, (parts: PlanParts, master: Place) => FlagLayers>> = {
  "kube-apiserver": apiserverLayers,
  "kube-controller-manager": controllerManagerLayers,
  "kube-scheduler": schedulerLayers,
};

/** The flags of each component on this master, sorted, one a line when they are written to a file. */
export function componentFlags(parts: PlanParts, master: Place): Record<Component, string[]> {
  const flags = (component: Component) => {
    const { identity, derived, user } = layersOf[component](parts, master);
    return renderFlags(mergeFlags(identity, derived, user, policy(component, parts)));
  };
  return {
    "kube-apiserver": flags("kube-apiserver"),
    "kube-controller-manager": flags("kube-controller-manager"),
    "kube-scheduler": flags("kube-scheduler"),
  };
}

/** What is wrong with the flags that the configuration gives, over all components: they are the same on every master. */
export function controlPlaneFlagProblems(parts: PlanParts): Problem[] {
  const [master] = parts.masters;
  if (!master) return [];
  return components.flatMap((component) => {
    const { identity, derived, user } = layersOf[component](parts, master);
    return flagProblems(identity, derived, user, policy(component, parts)).map(({ flag, value, message }) => ({
      path: ["masters", "flags", knobs[component], flag],
      message: `${message} (got ${value})`,
    }));
  });
}

const knobs: Readonly<Record<Component, keyof PlanParts["spec"]["masters"]["flags"]>> = {
  "kube-apiserver": "apiserver",
  "kube-controller-manager": "controllerManager",
  "kube-scheduler": "scheduler",
};

const policy = (component: Component, { scale }: PlanParts) =>
  policyFor(component, scale.versions, changeable[component]);

function apiserverLayers({ scale, shards, spec }: PlanParts, master: Place): FlagLayers {
  const main = shards.find(({ name }) => name === "main");
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
    // Beside upstream's own list. Not AlwaysPullImages: every start of a pod would wait for the registry, or for the peers that images
    // come from, and a node could start nothing while they are away; kubelets check who may use an image (KubeletEnsureSecretPulledImages).
    "enable-admission-plugins": [
      // No Service takes traffic for an address outside the cluster to itself (CVE-2020-8554).
      "DenyServiceExternalIPs",
      "EventRateLimit",
      "NodeRestriction",
      // Nobody has an object deleted, or its owner's deletion held up, without the right to do so. A look at roles in memory, for writes
      // that change owners alone.
      "OwnerReferencesPermissionEnforcement",
    ],
    "admission-control-config-file": "/etc/kubernetes/admission.yaml",
    "etcd-servers": (main?.endpoints ?? []).join(","),
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
    // A deleted account's or pod's token ends with it; none is valid for a year because an old client may not renew it.
    "service-account-lookup": true,
    "service-account-extend-token-expiration": false,
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
  return { identity, derived: apiserverFlags(scale), user: spec.masters.flags.apiserver };
}

/** `--etcd-servers-overrides=<group>/<resource>#<server>;<server>,...` for every shard but main. */
function overrides(shards: readonly ShardPlan[]): FlagMap {
  const entries = overridesOf(shards).flatMap((shard) =>
    shard.resources.map((resource) => `${resource}#${shard.endpoints.join(";")}`),
  );
  return entries.length > 0 ? { "etcd-servers-overrides": entries.join(",") } : {};
}

function controllerManagerLayers({ scale, spec }: PlanParts): FlagLayers {
  const kubeconfig = "/etc/kubernetes/controller-manager.kubeconfig";
  const identity: FlagMap = {
    kubeconfig,
    "authentication-kubeconfig": kubeconfig,
    "authorization-kubeconfig": kubeconfig,
    "bind-address": "127.0.0.1",
    "tls-min-version": "VersionTLS13",
    "client-ca-file": `${pki}/kubernetes-ca.crt`,
    "requestheader-client-ca-file": `${pki}/front-proxy-ca.crt`,
    "root-ca-file": `${pki}/kubernetes-ca.crt`,
    "use-service-account-credentials": true,
    "allocate-node-cidrs": true,
    "cluster-cidr": spec.network.pods,
    "service-cluster-ip-range": spec.network.services,
    "cluster-name": spec.stack,
  };
  return { identity, derived: controllerManagerFlags(scale), user: spec.masters.flags.controllerManager };
}

function schedulerLayers({ spec }: PlanParts): FlagLayers {
  const kubeconfig = "/etc/kubernetes/scheduler.kubeconfig";
  const identity: FlagMap = {
    config: "/etc/kubernetes/scheduler.yaml",
    "authentication-kubeconfig": kubeconfig,
    "authorization-kubeconfig": kubeconfig,
    "bind-address": "127.0.0.1",
    "tls-min-version": "VersionTLS13",
    "client-ca-file": `${pki}/kubernetes-ca.crt`,
    "requestheader-client-ca-file": `${pki}/front-proxy-ca.crt`,
  };
  return { identity, derived: {}, user: spec.masters.flags.scheduler };
}
