/** The same components as static pods of a kubelet: what a master runs where there is a container runtime. */
import { createHash } from "node:crypto";
import { stringify } from "yaml";
import { goMemoryLimit } from "../../config/flags";
import type { Place } from "../../config/names";
import { textFile } from "../machine/host-files";
import type { MachineFile } from "../machine/machine";
import type { PlanParts } from "../plan/parts";
import { ports } from "../plan/ports";
import { pki } from "./certificates";
import { type Component, componentFlags, components } from "./flags";
import { stopSeconds } from "./rotation";

const manifests = "/etc/kubernetes/manifests";

/**
 * The same on every master, since a pod knows its user by number only. In a range that neither distributions nor systemd give out
 * (https://systemd.io/UIDS-GIDS).
 */
export const podUsers: Readonly<Record<Component, number>> = {
  "kube-apiserver": 61_001,
  "kube-controller-manager": 61_002,
  "kube-scheduler": 61_003,
};

/** Ports that a kubelet probes, on the address that the component binds. */
const probes = {
  "kube-apiserver": { port: ports.apiserver, path: "/livez" },
  "kube-controller-manager": { port: ports.controllerManager, path: "/healthz" },
  "kube-scheduler": { port: ports.scheduler, path: "/livez" },
} as const;

/** What a component's kubeconfig names. */
const keyPairs: Readonly<Record<Component, readonly string[]>> = {
  "kube-apiserver": [],
  "kube-controller-manager": [`${pki}/controller-manager.crt`, `${pki}/controller-manager.key`],
  "kube-scheduler": [`${pki}/scheduler.crt`, `${pki}/scheduler.key`],
};

/**
 * The files that a component's pod has of its host: those that its flags and its kubeconfig name. A mounted file stays the one that it was
 * when the pod was made, so that any other content of one is a new pod.
 */
export function podFiles(parts: PlanParts, master: Place): Record<Component, string[]> {
  const flags = componentFlags(parts, master);
  const filesOf = (name: Component) => {
    const values = flags[name].map((flag) => flag.slice(flag.indexOf("=") + 1));
    const named = values.filter((value) => value.startsWith("/etc/kubernetes/"));
    return [...new Set([...named, ...keyPairs[name]])].sort();
  };
  return {
    "kube-apiserver": filesOf("kube-apiserver"),
    "kube-controller-manager": filesOf("kube-controller-manager"),
    "kube-scheduler": filesOf("kube-scheduler"),
  };
}

/** One manifest for each component, with the flags that the units get. */
export function staticPods(parts: PlanParts, master: Place): Record<string, MachineFile> {
  const flags = componentFlags(parts, master);
  const files = podFiles(parts, master);
  return Object.fromEntries(
    components.map((name) => {
      const pod = marked(staticPod(name, parts, flags[name], files[name], master));
      return [`${manifests}/${name}.yaml`, textFile(stringify(pod, { lineWidth: 0 }), "root:root", "0600")];
    }),
  );
}

type Pod = ReturnType<typeof staticPod>;

/** With the sum of its own content, by which a host tells the pod that runs from the one that is to run. */
function marked({ metadata, ...pod }: Pod) {
  const sum = createHash("sha256").update(JSON.stringify(pod)).digest("hex").slice(0, 16);
  const { apiVersion, kind, spec } = pod;
  return { apiVersion, kind, metadata: { ...metadata, annotations: { "kilonode.io/content": sum } }, spec };
}

function staticPod(name: Component, parts: PlanParts, flags: string[], files: string[], master: Place) {
  const user = podUsers[name];
  const logs = name === "kube-apiserver" ? ["/var/log/kubernetes"] : [];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "kube-system", labels: { component: name, tier: "control-plane" } },
    spec: {
      hostNetwork: true,
      priorityClassName: "system-node-critical",
      securityContext: {
        runAsNonRoot: true,
        runAsUser: user,
        runAsGroup: user,
        seccompProfile: { type: "RuntimeDefault" },
      },
      terminationGracePeriodSeconds: name === "kube-apiserver" ? stopSeconds(parts.scale) : 10,
      containers: [
        {
          name,
          image: image(name, parts),
          command: [name, ...flags],
          env: [{ name: "GOMEMLIMIT", value: goMemoryLimit(name, parts.scale) }],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: capabilities(name),
          },
          livenessProbe: livenessProbe(name, master),
          volumeMounts: [
            ...files.map((path) => ({ name: volumeName(path), mountPath: path, readOnly: true })),
            ...logs.map((path) => ({ name: volumeName(path), mountPath: path, readOnly: false })),
          ],
        },
      ],
      volumes: [
        ...files.map((path) => ({ name: volumeName(path), hostPath: { path, type: "File" } })),
        ...logs.map((path) => ({ name: volumeName(path), hostPath: { path, type: "Directory" } })),
      ],
    },
  };
}

/** By its digest where the configuration has one: a tag can be given to another image. */
function image(name: Component, { spec }: PlanParts): string {
  const digest = spec.toolchain.imageDigests[name];
  return `registry.k8s.io/${name}:v${spec.kubernetesVersion}${digest === undefined ? "" : `@${digest}`}`;
}

/** kube-apiserver's program has cap_net_bind_service, and Linux runs none whose capabilities it may not give. */
function capabilities(name: Component) {
  return { drop: ["ALL"], ...(name === "kube-apiserver" && { add: ["NET_BIND_SERVICE"] }) };
}

/** The API server answers nobody without a certificate, which a kubelet's HTTP probe has not: there the open port must do. */
function livenessProbe(name: Component, master: Place) {
  const { port, path } = probes[name];
  const timing = { initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15, failureThreshold: 8 };
  if (name === "kube-apiserver") return { tcpSocket: { host: master.address, port }, ...timing };
  return { httpGet: { host: "127.0.0.1", path, port, scheme: "HTTPS" }, ...timing };
}

/** A label of a DNS name. */
function volumeName(path: string): string {
  return path.slice(1).replaceAll(/[/.]/g, "-");
}
