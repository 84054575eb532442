/** What a master's host holds: the three components, as systemd units or as static pods, from the same flags. */
import { stringify } from "yaml";
import { admissionConfiguration, goMemoryLimit, schedulerConfiguration } from "../../config/flags";
import { apiServiceAddress, type Place, rangesOf } from "../../config/names";
import { modulesFor, sysctlsFor } from "../../config/scale";
import { environmentFile, hostFiles, hostServices, lines, textFile } from "../machine/host-files";
import type { Machine, MachineFile, MachineService } from "../machine/machine";
import { componentKubeconfig } from "../pki/kubeconfig";
import { clientAuthority } from "../plan/authorities";
import { apiClients, behindFirewall } from "../plan/firewall";
import type { GroupPlan } from "../plan/groups";
import { binaries, type PlanParts, range, trusted } from "../plan/parts";
import { ports } from "../plan/ports";
import { shardNames } from "../plan/shards";
import type { HostPlan, PublicPem, SecretPlan } from "../plan/types";
import { hostTimeoutSeconds } from "../rollout/timeouts";
import { masterCertificates, pki } from "./certificates";
import { type Component, componentFlags, components } from "./flags";
import { healthResponder, stopSeconds } from "./rotation";
import { podFiles, podUsers, staticPods } from "./static-pods";

export function masterHosts(parts: PlanParts): HostPlan[] {
  const serviceAddress = apiServiceAddress(range(parts.spec.network.services));
  return parts.masters.map((master) => ({
    ...master,
    role: "master",
    machine: masterMachine(parts, master),
    certificates: [...masterCertificates(master, parts.api, serviceAddress), ...healthResponder(parts).certificates],
    pem: publicPem(parts),
    secrets: secretFiles,
  }));
}

/** Behind all shards and the load balancer: what a master needs is changed, and healthy again, before a master is. */
export function mastersGroup({ api, facts, masters, runtime, scale, shards, spec }: PlanParts): GroupPlan {
  const platform = facts.api.kind === "managed" ? facts.api : undefined;
  return {
    name: "masters",
    strategy: {
      kind: "masters",
      apiPort: ports.apiserver,
      ...(api.balancer && { balancer: api.balancer.name }),
      ...(platform && { returnSeconds: platform.returnSeconds }),
      release: spec.kubernetesVersion,
      apiServices: [serviceName("kube-apiserver", runtime)],
    },
    hosts: masters.map(({ name }) => name),
    after: [...shards.map(({ group }) => group), ...(api.balancer ? ["load-balancer"] : [])],
    needsApi: false,
    hostTimeoutSeconds: hostTimeoutSeconds({
      kind: "masters",
      ...scale.apiserver,
      staticPods: runtime === "static-pod",
      // haproxy looks once a second; its host may be busy.
      returnSeconds: platform?.returnSeconds ?? 15,
    }),
  };
}

const publicPem = ({ shards }: PlanParts): Readonly<Record<string, PublicPem>> => ({
  [`${pki}/kubernetes-ca.crt`]: trusted("kubernetes"),
  [`${pki}/front-proxy-ca.crt`]: trusted("front-proxy"),
  // The members of every shard: one file, since there is one --etcd-cafile. Those of a guest will be of its own authority one day.
  [`${pki}/etcd-client-ca.crt`]: trusted(...shardNames(shards).map(clientAuthority)),
  [`${pki}/service-account.pub`]: { kind: "service-account-public-keys" },
});

const secretFiles: Readonly<Record<string, SecretPlan>> = {
  [`${pki}/service-account.key`]: {
    secret: "service-account-key",
    credential: "own",
    mode: "0400",
    owner: "kube-apiserver:kube-apiserver",
  },
  "/etc/kubernetes/encryption.yaml": {
    secret: "encryption-config",
    credential: "trusted",
    mode: "0400",
    owner: "kube-apiserver:kube-apiserver",
  },
};

function masterMachine(parts: PlanParts, master: Place): Machine {
  const { spec, scale, runtime } = parts;
  const asUnits = runtime === "systemd";
  const health = healthResponder(parts);
  const machine: Machine = {
    users: {
      ...Object.fromEntries(
        components.map((name) => [name, { home: "/nonexistent", ...(!asUnits && { uid: podUsers[name] }) }]),
      ),
      ...health.users,
    },
    directories: {
      "/etc/kubernetes": { mode: "0755", owner: "root:root" },
      [pki]: { mode: "0755", owner: "root:root" },
      "/var/log/kubernetes": { mode: "0700", owner: "kube-apiserver:kube-apiserver" },
    },
    files: {
      ...hostFiles(
        "/etc/kubernetes/audit-policy.yaml",
        "/usr/local/lib/kilonode/check-apiserver",
        "/usr/local/lib/kilonode/leader-of",
      ),
      "/etc/kubernetes/master.env": environmentFile({ ADDRESS: master.address, ENDPOINT: master.endpoint }),
      ...kubeconfigs(parts.api.endpoint),
      "/etc/kubernetes/admission.yaml": textFile(stringify(admissionConfiguration(scale))),
      "/etc/kubernetes/scheduler.yaml": textFile(
        stringify(schedulerConfiguration(scale, "/etc/kubernetes/scheduler.kubeconfig")),
      ),
      ...(asUnits ? unitFiles(parts, master) : staticPods(parts, master)),
      ...health.files,
    },
    binaries: asUnits ? binaries(spec, ...components) : {},
    modules: modulesFor("master", scale),
    sysctls: sysctlsFor("master", scale),
    volumes: [],
    services: { ...services(parts, master), ...health.services },
  };
  return behindFirewall(
    parts,
    machine,
    { name: "API clients", port: ports.apiserver, from: apiClients(parts) },
    ...health.allowed,
    // API servers ask each other's kubelets for logs.
    ...(asUnits ? [] : [{ name: "masters", port: ports.kubelet, from: rangesOf(parts.territory, "master") }]),
  );
}

function kubeconfigs(server: string): Record<string, MachineFile> {
  return Object.fromEntries(
    ["controller-manager", "scheduler"].map((name) => [
      `/etc/kubernetes/${name}.kubeconfig`,
      textFile(
        componentKubeconfig({
          server,
          authorityPath: `${pki}/kubernetes-ca.crt`,
          certPath: `${pki}/${name}.crt`,
          keyPath: `${pki}/${name}.key`,
          user: `system:kube-${name}`,
        }),
      ),
    ]),
  );
}

function unitFiles(parts: PlanParts, master: Place): Record<string, MachineFile> {
  const flags = componentFlags(parts, master);
  return {
    ...hostFiles("/usr/local/lib/kilonode/run-with-flags"),
    ...hostServices(...components.map((name) => `${name}.service`)),
    // A load balancer of the platform may take longer to let go than the unit waits.
    ...(!parts.api.balancer && {
      "/usr/local/lib/systemd/system/kube-apiserver.service.d/stop.conf": textFile(
        lines`[Service]\nTimeoutStopSec=${stopSeconds(parts.scale)}s`,
      ),
    }),
    ...Object.fromEntries(
      components.flatMap((name) => [
        [`/etc/kubernetes/${name}.flags`, textFile(lines`${flags[name]}`)],
        [`/etc/kubernetes/${name}.env`, environmentFile({ GOMEMLIMIT: goMemoryLimit(name, parts.scale) })],
      ]),
    ),
  };
}

const serviceName = (component: Component, runtime: PlanParts["runtime"]) =>
  runtime === "systemd" ? `${component}.service` : component;

/**
 * Files that a component reads once, at its start. Certificates and keys it reads anew, and so the authorities of its own clients
 * (--client-ca-file, --requestheader-client-ca-file: k8s.io/apiserver, dynamiccertificates/dynamic_cafile_content.go). Those of the
 * servers that it calls itself it does not: etcd's client has no way to, and client-go has only since 1.36 (ClientsAllowCARotation).
 * The controller manager publishes --root-ca-file as it was at the start.
 */
const readOnce: Readonly<Record<Component, readonly string[]>> = {
  "kube-apiserver": [
    "/etc/kubernetes/admission.yaml",
    "/etc/kubernetes/audit-policy.yaml",
    "/etc/kubernetes/encryption.yaml",
    `${pki}/etcd-client-ca.crt`,
    `${pki}/kubernetes-ca.crt`,
    `${pki}/service-account.key`,
    `${pki}/service-account.pub`,
  ],
  "kube-controller-manager": ["/etc/kubernetes/controller-manager.kubeconfig", `${pki}/kubernetes-ca.crt`],
  "kube-scheduler": [
    "/etc/kubernetes/scheduler.kubeconfig",
    "/etc/kubernetes/scheduler.yaml",
    `${pki}/kubernetes-ca.crt`,
  ],
};

/** The API server is ready only with etcd: the rollout's gate waits for it, not the activation. */
function services(parts: PlanParts, master: Place): Record<string, MachineService> {
  const { runtime } = parts;
  const mounted = podFiles(parts, master);
  const service = (component: Component): MachineService =>
    runtime === "static-pod"
      ? { kind: "static-pod", restartOn: mounted[component], wait: false }
      : {
          kind: "unit",
          enabled: true,
          running: true,
          restartOn: [
            `/etc/kubernetes/${component}.flags`,
            `/etc/kubernetes/${component}.env`,
            "/usr/local/lib/kilonode/run-with-flags",
            `/usr/local/bin/${component}`,
            ...readOnce[component],
          ],
          reloadOn: [],
          wait: false,
        };
  return Object.fromEntries(components.map((component) => [serviceName(component, runtime), service(component)]));
}
