/** A host that runs kwok: nodes without machines, so that pods get scheduled and turn Running. */
import { type Place, place } from "../../config/names";
import { sysctlsFor } from "../../config/scale";
import { environmentFile, hostFiles, hostServices, lines, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { componentKubeconfig } from "../pki/kubeconfig";
import type { PlatformFacts } from "../plan/facts";
import { behindFirewall } from "../plan/firewall";
import type { GroupPlan } from "../plan/groups";
import { binaries, clientCertificate, type PlanParts, trusted } from "../plan/parts";
import type { HostPlan, ObjectPlan } from "../plan/types";
import { hostTimeoutSeconds } from "../rollout/timeouts";

/** TimeoutStartSec of kwok-nodes.service, which registers thousands of nodes. */
const startSeconds = 600;
const pki = "/etc/kwok/pki";
const user = "kilonode:kwok";

function simulators({ facts, territory }: PlanParts): Place[] {
  return facts.simulatedNodes > 0 ? [place(territory, { role: "node-simulator", label: "nodes" }, 0)] : [];
}

/** Its nodes are objects in the API: it starts when there is one, and kwok's rights are in it. */
export function nodeSimulatorGroups(parts: PlanParts): GroupPlan[] {
  return simulators(parts).map(({ name }) => ({
    name: "node-simulator",
    strategy: { kind: "together" },
    hosts: [name],
    after: ["masters"],
    needsApi: true,
    hostTimeoutSeconds: hostTimeoutSeconds({ kind: "together", startSeconds }),
  }));
}

export function nodeSimulatorHosts(parts: PlanParts): HostPlan[] {
  return simulators(parts).map((self) => ({
    ...self,
    role: "node-simulator",
    machine: behindFirewall(parts, simulatorMachine(parts, self)),
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
    pem: { [`${pki}/kubernetes-ca.crt`]: trusted("kubernetes") },
    secrets: {},
  }));
}

function simulatorMachine({ api, facts, scale, spec }: PlanParts, self: Place): Machine {
  const kubeconfig = componentKubeconfig({
    server: api.endpoint,
    authorityPath: `${pki}/kubernetes-ca.crt`,
    certPath: `${pki}/kwok.crt`,
    keyPath: `${pki}/kwok.key`,
    user,
  });
  const flags = [
    "--config=/etc/kwok/stages.yaml",
    "--kubeconfig=/etc/kwok/kubeconfig",
    "--manage-all-nodes=true",
    `--node-ip=${self.address}`,
    // As a kubelet's: 40 s, renewed every 10 s.
    "--node-lease-duration-seconds=40",
  ];
  return {
    users: { kwok: { home: "/nonexistent" } },
    directories: { "/etc/kwok": { mode: "0755", owner: "root:root" }, [pki]: { mode: "0755", owner: "root:root" } },
    files: {
      ...hostServices("kwok.service", "kwok-nodes.service"),
      ...hostFiles(
        "/etc/kwok/stages.yaml",
        "/usr/local/lib/kilonode/register-nodes",
        "/usr/local/lib/kilonode/run-with-flags",
      ),
      "/etc/kwok/kubeconfig": textFile(kubeconfig),
      "/etc/kwok/kwok.flags": textFile(lines`${flags}`),
      "/etc/kwok/nodes.env": environmentFile({
        MAX_PODS: spec.workload.podsPerNode,
        NODES: facts.simulatedNodes,
        ZONES: spec.zones.join(" "),
      }),
    },
    binaries: binaries(spec, "kwok", "kubectl"),
    modules: [],
    sysctls: sysctlsFor("node", scale),
    volumes: [],
    services: {
      "kwok.service": {
        kind: "unit",
        enabled: true,
        running: true,
        // A client, so it reads its authority once: see control-plane/plan.ts.
        restartOn: [
          "/etc/kwok/kwok.flags",
          "/etc/kwok/stages.yaml",
          "/etc/kwok/kubeconfig",
          `${pki}/kubernetes-ca.crt`,
          "/usr/local/bin/kwok",
        ],
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

/**
 * What kwok and the registration of its nodes do, and no more. Leases in the nodes' own namespace alone: with those of kube-system one
 * could take the leadership of the controllers.
 */
export function nodeSimulatorObjects({ simulatedNodes }: PlatformFacts): ObjectPlan[] {
  if (simulatedNodes === 0) return [];
  const apiGroup = "rbac.authorization.k8s.io";
  const apiVersion = `${apiGroup}/v1`;
  const leases = { name: user, namespace: "kube-node-lease" };
  const look = ["get", "list", "watch"];
  const subjects = [{ apiGroup, kind: "User", name: user }];
  return [
    {
      apiVersion,
      kind: "ClusterRole",
      metadata: { name: user },
      rules: [
        { apiGroups: [""], resources: ["nodes"], verbs: [...look, "create", "patch", "delete"] },
        { apiGroups: [""], resources: ["pods"], verbs: [...look, "patch", "delete"] },
        { apiGroups: [""], resources: ["nodes/status", "pods/status"], verbs: ["patch"] },
      ],
    },
    {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: { name: user },
      roleRef: { apiGroup, kind: "ClusterRole", name: user },
      subjects,
    },
    {
      apiVersion,
      kind: "Role",
      metadata: leases,
      rules: [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: [...look, "create", "update"] }],
    },
    { apiVersion, kind: "RoleBinding", metadata: leases, roleRef: { apiGroup, kind: "Role", name: user }, subjects },
  ];
}
