/** A host that runs kwok: nodes without machines, so that pods get scheduled and turn Running. */
import type { ClusterSpec } from "../../config/cluster";
import { place } from "../../config/names";
import { type Scale, sysctlsFor } from "../../config/scale";
import { hostFiles, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { componentKubeconfig } from "../pki/kubeconfig";
import type { ArtifactSums, HostPlan, ObjectPlan } from "../plan-types";
import { binaries, clientCertificate, hostRange } from "../shared";

const pki = "/etc/kwok/pki";
const user = "kilonode:kwok";

export function nodeSimulatorHosts(
  spec: ClusterSpec,
  scale: Scale,
  apiEndpoint: string,
  sums: ArtifactSums,
): HostPlan[] {
  if (spec.simulatedNodes === 0) return [];
  const self = place(hostRange(spec), { role: "node-simulator", label: "nodes" }, 0);
  return [
    {
      ...self,
      role: "node-simulator",
      group: "node-simulator",
      machine: simulatorMachine(spec, scale, self.address, apiEndpoint, sums),
      certificates: [
        clientCertificate({
          name: "kwok",
          authority: "kubernetes",
          keyPath: `${pki}/kwok.key`,
          certPath: `${pki}/kwok.crt`,
          owner: "kwok:kwok",
          commonName: user,
        }),
      ],
      pem: { [`${pki}/kubernetes-ca.crt`]: { kind: "authority", authority: "kubernetes" } },
      secrets: {},
      disks: [],
    },
  ];
}

function simulatorMachine(
  spec: ClusterSpec,
  scale: Scale,
  address: string,
  apiEndpoint: string,
  sums: ArtifactSums,
): Machine {
  const kubeconfig = componentKubeconfig({
    server: apiEndpoint,
    authorityPath: `${pki}/kubernetes-ca.crt`,
    certPath: `${pki}/kwok.crt`,
    keyPath: `${pki}/kwok.key`,
    user,
  });
  const flags = [
    "--config=/etc/kwok/stages.yaml",
    "--kubeconfig=/etc/kwok/kubeconfig",
    "--manage-all-nodes=true",
    `--node-ip=${address}`,
    // As a kubelet's: 40 s, renewed every 10 s.
    "--node-lease-duration-seconds=40",
  ];
  return {
    users: { kwok: { home: "/nonexistent" } },
    directories: { "/etc/kwok": { mode: "0755", owner: "root:root" }, [pki]: { mode: "0755", owner: "root:root" } },
    files: {
      ...hostFiles(
        "/etc/kwok/stages.yaml",
        "/usr/local/lib/systemd/system/kwok.service",
        "/usr/local/lib/systemd/system/kwok-nodes.service",
        "/usr/local/lib/kilonode/register-nodes",
        "/usr/local/lib/kilonode/run-with-flags",
      ),
      "/etc/kwok/kubeconfig": textFile(kubeconfig),
      "/etc/kwok/kwok.flags": textFile(flags.join("\n")),
      "/etc/kwok/nodes.env": textFile(
        `MAX_PODS=${spec.workload.podsPerNode}\nNODES=${spec.simulatedNodes}\nZONES="${spec.zones.join(" ")}"`,
      ),
    },
    binaries: binaries(sums, "kwok", "kubectl"),
    modules: [],
    sysctls: sysctlsFor("node", scale),
    volumes: [],
    services: {
      "kwok.service": {
        kind: "unit",
        enabled: true,
        running: true,
        restartOn: ["/etc/kwok/kwok.flags", "/etc/kwok/stages.yaml", "/etc/kwok/kubeconfig", "/usr/local/bin/kwok"],
        reloadOn: [],
        wait: true,
      },
      "kwok-nodes.service": {
        kind: "unit",
        enabled: true,
        running: true,
        restartOn: ["/etc/kwok/nodes.env", "/usr/local/lib/kilonode/register-nodes"],
        reloadOn: [],
        wait: true,
      },
    },
  };
}

/** What kwok may do, and no more: nodes, their leases, pods and their status. */
export function nodeSimulatorObjects(spec: ClusterSpec): ObjectPlan[] {
  if (spec.simulatedNodes === 0) return [];
  const all = ["get", "list", "watch", "create", "update", "patch", "delete"];
  return [
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: user },
      rules: [
        { apiGroups: [""], resources: ["nodes", "nodes/status", "pods", "pods/status"], verbs: all },
        { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: all },
        { apiGroups: ["", "events.k8s.io"], resources: ["events"], verbs: ["create", "patch", "update"] },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: user },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: user },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: user }],
    },
  ];
}
