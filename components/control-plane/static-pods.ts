/** The same components as static pods of a kubelet: what a master runs where there is a container runtime. */
import { createHash } from "node:crypto";
import { stringify } from "yaml";
import { goMemoryLimit } from "../../config/flags";
import type { Place } from "../../config/names";
import { textFile } from "../machine/host-files";
import type { MachineFile } from "../machine/machine";
import type { PlanParts } from "../plan/parts";
import { ports } from "../plan/ports";
import { type Component, componentFlags, components } from "./flags";

const manifests = "/etc/kubernetes/manifests";

/** Ports that a kubelet probes, on the address that the component binds. */
const probes = {
  "kube-apiserver": { port: ports.apiserver, path: "/livez" },
  "kube-controller-manager": { port: ports.controllerManager, path: "/healthz" },
  "kube-scheduler": { port: ports.scheduler, path: "/livez" },
} as const;

/** One manifest for each component, with the flags that the units get. */
export function staticPods(parts: PlanParts, master: Place): Record<string, MachineFile> {
  const flags = componentFlags(parts, master);
  return Object.fromEntries(
    components.map((name) => [
      `${manifests}/${name}.yaml`,
      textFile(stringify(marked(staticPod(name, parts, flags[name], master)), { lineWidth: 0 }), "root:root", "0600"),
    ]),
  );
}

type Pod = ReturnType<typeof staticPod>;

/** With the sum of its own content, by which a host tells the pod that runs from the one that is to run. */
function marked({ metadata, ...pod }: Pod) {
  const sum = createHash("sha256").update(JSON.stringify(pod)).digest("hex").slice(0, 16);
  const { apiVersion, kind, spec } = pod;
  return { apiVersion, kind, metadata: { ...metadata, annotations: { "kilonode.io/content": sum } }, spec };
}

function staticPod(name: Component, parts: PlanParts, flags: string[], master: Place) {
  const paths = name === "kube-apiserver" ? ["/etc/kubernetes", "/var/log/kubernetes"] : ["/etc/kubernetes"];
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "kube-system", labels: { component: name, tier: "control-plane" } },
    spec: {
      hostNetwork: true,
      priorityClassName: "system-node-critical",
      securityContext: { seccompProfile: { type: "RuntimeDefault" } },
      terminationGracePeriodSeconds: name === "kube-apiserver" ? 120 : 10,
      containers: [
        {
          name,
          image: `registry.k8s.io/${name}:v${parts.spec.kubernetesVersion}`,
          command: [name, ...flags],
          env: [{ name: "GOMEMLIMIT", value: goMemoryLimit(name, parts.scale) }],
          livenessProbe: livenessProbe(name, master),
          volumeMounts: paths.map((path) => ({
            name: volumeName(path),
            mountPath: path,
            readOnly: path === "/etc/kubernetes",
          })),
        },
      ],
      volumes: paths.map((path) => ({ name: volumeName(path), hostPath: { path, type: "DirectoryOrCreate" } })),
    },
  };
}

/** The API server answers nobody without a certificate, which a kubelet's HTTP probe has not: there the open port must do. */
function livenessProbe(name: Component, master: Place) {
  const { port, path } = probes[name];
  const timing = { initialDelaySeconds: 10, periodSeconds: 10, timeoutSeconds: 15, failureThreshold: 8 };
  if (name === "kube-apiserver") return { tcpSocket: { host: master.address, port }, ...timing };
  return { httpGet: { host: "127.0.0.1", path, port, scheme: "HTTPS" }, ...timing };
}

function volumeName(path: string): string {
  return path.slice(1).replaceAll("/", "-");
}
