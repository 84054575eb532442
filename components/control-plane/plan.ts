/** What a master's host holds: the three components, as systemd units or as static pods, from the same flags. */
import { stringify } from "yaml";
import type { ClusterSpec } from "../../config/cluster";
import { goMemoryLimit, renderFlags, schedulerConfiguration } from "../../config/flags";
import { type Place, place } from "../../config/names";
import { modulesFor, type Scale, sysctlsFor } from "../../config/scale";
import { environmentFile, hostFiles, textFile } from "../machine/host-files";
import type { Machine, MachineFile, UnitService } from "../machine/machine";
import { componentKubeconfig } from "../pki/kubeconfig";
import type { ArtifactSums, HostPlan, PublicPem, SecretPlan, ShardPlan } from "../plan-types";
import { binaries, hostRange } from "../shared";
import { type ApiNames, masterCertificates, pki } from "./certificates";
import { apiserverFlagMap, controllerManagerFlagMap, schedulerFlagMap } from "./flags";
import { staticPods } from "./static-pods";

export const components = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;

/** What the plan of a master needs from the rest of the plan. */
export interface ControlPlaneParts extends ApiNames {
  readonly spec: ClusterSpec;
  readonly scale: Scale;
  readonly shards: readonly ShardPlan[];
  readonly sums: ArtifactSums;
  /** URL of the API at the load balancer. */
  readonly apiEndpoint: string;
}

export function masterPlaces(spec: ClusterSpec): Place[] {
  return Array.from({ length: spec.masters.count }, (_, index) =>
    place(hostRange(spec), { role: "master", label: "master" }, index),
  );
}

export function masterHosts(parts: ControlPlaneParts): HostPlan[] {
  return masterPlaces(parts.spec).map((master) => ({
    ...master,
    role: "master",
    group: "masters",
    machine: masterMachine(parts, master),
    certificates: masterCertificates(master, parts),
    pem: publicPem,
    secrets: secretFiles,
    disks: [],
  }));
}

const publicPem: Readonly<Record<string, PublicPem>> = {
  [`${pki}/kubernetes-ca.crt`]: { kind: "authority", authority: "kubernetes" },
  [`${pki}/front-proxy-ca.crt`]: { kind: "authority", authority: "front-proxy" },
  [`${pki}/etcd-client-ca.crt`]: { kind: "authority", authority: "etcd-client" },
  [`${pki}/service-account.pub`]: { kind: "service-account-public-key" },
};

const secretFiles: Readonly<Record<string, SecretPlan>> = {
  [`${pki}/service-account.key`]: {
    secret: "service-account-key",
    mode: "0400",
    owner: "kube-apiserver:kube-apiserver",
  },
  "/etc/kubernetes/encryption.yaml": {
    secret: "encryption-config",
    mode: "0400",
    owner: "kube-apiserver:kube-apiserver",
  },
};

function masterMachine(parts: ControlPlaneParts, master: Place): Machine {
  const { spec, scale, sums } = parts;
  const asUnits = spec.masters.runtime === "systemd";
  return {
    users: Object.fromEntries(components.map((name) => [name, { home: "/nonexistent" }])),
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
      "/etc/kubernetes/master.env": environmentFile({ ADDRESS: master.address }),
      ...kubeconfigs(parts.apiEndpoint),
      "/etc/kubernetes/scheduler.yaml": textFile(
        stringify(schedulerConfiguration(scale, "/etc/kubernetes/scheduler.kubeconfig")),
      ),
      ...(asUnits ? unitFiles(parts, master) : staticPods(parts, master)),
    },
    binaries: asUnits ? binaries(sums, ...components) : {},
    modules: modulesFor("master", scale),
    sysctls: sysctlsFor("master", scale),
    volumes: [],
    services: asUnits ? units() : {},
  };
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

/** The flags of each component on this master, sorted, one a line when they are written to a file. */
export function componentFlags(parts: ControlPlaneParts, master: Place): Record<(typeof components)[number], string[]> {
  return {
    "kube-apiserver": renderFlags(apiserverFlagMap(parts.spec, parts.scale, parts.shards, master)),
    "kube-controller-manager": renderFlags(controllerManagerFlagMap(parts.spec, parts.scale)),
    "kube-scheduler": renderFlags(schedulerFlagMap(parts.spec, parts.scale)),
  };
}

function unitFiles(parts: ControlPlaneParts, master: Place): Record<string, MachineFile> {
  const flags = componentFlags(parts, master);
  return {
    ...hostFiles(
      "/usr/local/lib/kilonode/run-with-flags",
      ...components.map((name) => `/usr/local/lib/systemd/system/${name}.service`),
    ),
    ...Object.fromEntries(
      components.flatMap((name) => [
        [`/etc/kubernetes/${name}.flags`, textFile(flags[name].join("\n"))],
        [`/etc/kubernetes/${name}.env`, environmentFile({ GOMEMLIMIT: goMemoryLimit(name, parts.scale) })],
      ]),
    ),
  };
}

function units(): Record<string, UnitService> {
  const unit = (name: string, more: string[]): UnitService => ({
    kind: "unit",
    enabled: true,
    running: true,
    restartOn: [
      `/etc/kubernetes/${name}.flags`,
      `/etc/kubernetes/${name}.env`,
      "/usr/local/lib/kilonode/run-with-flags",
      `/usr/local/bin/${name}`,
      ...more,
    ],
    reloadOn: [],
    // The API server is ready only with etcd; the rollout's gate waits for it, not the activation.
    wait: false,
  });
  // Certificates and keys are read anew by the components; the files below are read once.
  return {
    "kube-apiserver.service": unit("kube-apiserver", [
      "/etc/kubernetes/audit-policy.yaml",
      "/etc/kubernetes/encryption.yaml",
      `${pki}/service-account.key`,
      `${pki}/service-account.pub`,
    ]),
    "kube-controller-manager.service": unit("kube-controller-manager", [
      "/etc/kubernetes/controller-manager.kubeconfig",
    ]),
    "kube-scheduler.service": unit("kube-scheduler", [
      "/etc/kubernetes/scheduler.kubeconfig",
      "/etc/kubernetes/scheduler.yaml",
    ]),
  };
}
