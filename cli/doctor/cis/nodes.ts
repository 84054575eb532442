/** 4: kubelets and kube-proxy, of hosts that run one and of the first nodes that no simulator runs. */
import { type Evidence, heard, need } from "../evidence";
import type { Verdict } from "../types";
import { ciphers } from "./ciphers";
import type { FileFact } from "./host";
import {
  bad,
  type CisItem,
  departs,
  described,
  type Flags,
  flagsOf,
  good,
  present,
  type Seen,
  shown,
  within,
  without,
  worst,
} from "./item";
import { kubeletFiles } from "./paths";

const noKubelets = "nodes are simulated: none of these hosts runs a kubelet";
const notReached = "its nodes are no hosts of the plan: their files cannot be looked at from here";

/** A file on the hosts that run this process. */
const file =
  (component: string, paths: readonly string[], look: (file: FileFact) => Seen) =>
  (evidence: Evidence): Verdict => {
    const hosts = heard(evidence.hosts).filter(({ processes }) => processes[component]);
    if (hosts.length === 0)
      return without(`no ${component} on the hosts`, nodesOf(evidence) === 0 ? noKubelets : notReached);
    return worst(
      hosts.map((host): [string, Seen] => {
        const [found] = present(host, paths);
        if (!found) return [host.name, without(`none of ${paths.join(", ")}`, "the file is not there")];
        return [host.name, found.kind === "f" ? look(found) : bad(described(found))];
      }),
    );
  };

const nodesOf = ({ api }: Evidence): number => need(api.realNodes).length;
const wants = (isGood: (file: FileFact) => boolean) => (found: FileFact) =>
  isGood(found) ? good(described(found)) : bad(described(found));
const ofRoot = wants(({ owner }) => owner === "root:root");
const mode = (allowed: number) => wants((found) => within(found.mode, allowed));

function unitMode(found: FileFact): Seen {
  if (within(found.mode, 0o600) || !within(found.mode, 0o644)) return mode(0o600)(found);
  return departs(described(found), "a unit holds no secret; systemd shows it to everybody who asks");
}

type Settings = Readonly<Record<string, unknown>>;

/** What a kubelet says of itself (/configz), defaults filled in. */
const kubelet =
  (look: (config: Settings) => Seen) =>
  (evidence: Evidence): Verdict => {
    if (nodesOf(evidence) === 0) return without("no kubelet", noKubelets);
    return worst(need(evidence.api.kubelets).map(({ node, config }): [string, Seen] => [node, look(config)]));
  };

/** A value at a path such as "authentication.x509.clientCAFile". */
function at(config: Settings, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, part) => (typeof value === "object" && value !== null ? (value as Settings)[part] : undefined),
      config,
    );
}

const setting = (path: string, isGood: (value: unknown) => boolean) =>
  kubelet((config) => {
    const value = at(config, path);
    const text = `${path}: ${value === undefined ? "not set" : JSON.stringify(value)}`;
    return isGood(value) ? good(text) : bad(text);
  });

const isText = (value: unknown) => typeof value === "string" && value !== "";

/** Of a process on hosts of the plan: what only its command line tells. */
const process =
  (component: string, look: (flags: Flags) => Seen) =>
  (evidence: Evidence): Verdict => {
    const hosts = heard(evidence.hosts).flatMap(({ name, processes }) => {
      const running = processes[component];
      return running ? [[name, look(flagsOf(running))] as const] : [];
    });
    if (hosts.length > 0) return worst(hosts);
    return without(`no ${component} on the hosts`, nodesOf(evidence) === 0 ? noKubelets : notReached);
  };

function kubeletCiphers({ tlsMinVersion, tlsCipherSuites }: Settings): Seen {
  return ciphers(tlsMinVersion, Array.isArray(tlsCipherSuites) ? tlsCipherSuites.map(String) : []);
}

function serving(config: Settings): Seen {
  const own = [config.tlsCertFile, config.tlsPrivateKeyFile];
  if (own.every(isText)) return good(own.join(", "));
  return config.serverTLSBootstrap === true
    ? good("serverTLSBootstrap: true, signed by the cluster")
    : bad("serves with a certificate that it signs itself");
}

function proxyMetrics(flags: Flags): Seen {
  const bound = flags.get("metrics-bind-address") ?? "127.0.0.1:10249";
  return /^(127\.0\.0\.1|localhost|\[::1\])(:|$)/.test(bound) ? good(bound) : bad(bound);
}

export const nodeItems: readonly CisItem[] = [
  { id: "4.1.1", title: "kubelet's unit: mode", judge: file("kubelet", kubeletFiles.unit, unitMode) },
  { id: "4.1.2", title: "kubelet's unit: owner", judge: file("kubelet", kubeletFiles.unit, ofRoot) },
  {
    id: "4.1.3",
    title: "kube-proxy's kubeconfig: mode",
    judge: file("kube-proxy", kubeletFiles.proxyKubeconfig, mode(0o600)),
  },
  {
    id: "4.1.4",
    title: "kube-proxy's kubeconfig: owner",
    judge: file("kube-proxy", kubeletFiles.proxyKubeconfig, ofRoot),
  },
  { id: "4.1.5", title: "kubelet's kubeconfig: mode", judge: file("kubelet", kubeletFiles.kubeconfig, mode(0o600)) },
  { id: "4.1.6", title: "kubelet's kubeconfig: owner", judge: file("kubelet", kubeletFiles.kubeconfig, ofRoot) },
  { id: "4.1.7", title: "kubelet's authority: mode", judge: file("kubelet", kubeletFiles.authority, mode(0o644)) },
  { id: "4.1.8", title: "kubelet's authority: owner", judge: file("kubelet", kubeletFiles.authority, ofRoot) },
  {
    id: "4.1.9",
    title: "kubelet's configuration: mode",
    judge: file("kubelet", kubeletFiles.configuration, mode(0o600)),
  },
  { id: "4.1.10", title: "kubelet's configuration: owner", judge: file("kubelet", kubeletFiles.configuration, ofRoot) },
  {
    id: "4.2.1",
    title: "anonymous requests are off",
    judge: setting("authentication.anonymous.enabled", (value) => value === false),
  },
  {
    id: "4.2.2",
    title: "not everything is allowed",
    judge: setting("authorization.mode", (value) => value === "Webhook"),
  },
  {
    id: "4.2.3",
    title: "clients' certificates are verified",
    judge: setting("authentication.x509.clientCAFile", isText),
  },
  { id: "4.2.4", title: "no read-only port", judge: setting("readOnlyPort", (value) => (value ?? 0) === 0) },
  {
    id: "4.2.5",
    title: "idle streams end",
    judge: setting("streamingConnectionIdleTimeout", (value) => value !== "0s" && value !== 0),
  },
  {
    id: "4.2.6",
    title: "keeps its own chains in iptables",
    judge: setting("makeIPTablesUtilChains", (value) => value !== false),
  },
  {
    id: "4.2.7",
    title: "goes by its host's name",
    judge: process("kubelet", (flags) =>
      flags.has("hostname-override") ? bad(shown(flags, "hostname-override")) : good("--hostname-override not set"),
    ),
  },
  {
    id: "4.2.8",
    title: "records events at a rate",
    judge: setting("eventRecordQPS", (value) => value === undefined || Number(value) >= 0),
  },
  { id: "4.2.9", title: "serves with a certificate of the cluster", judge: kubelet(serving) },
  {
    id: "4.2.10",
    title: "its client certificate rotates",
    judge: setting("rotateCertificates", (value) => value === true),
  },
  {
    id: "4.2.11",
    title: "its server certificate may rotate",
    judge: setting("featureGates.RotateKubeletServerCertificate", (value) => value !== false),
  },
  { id: "4.2.12", title: "strong ciphers alone", judge: kubelet(kubeletCiphers) },
  {
    id: "4.2.13",
    title: "processes of a pod are limited",
    judge: setting("podPidsLimit", (value) => Number(value) > 0),
  },
  { id: "4.2.14", title: "pods get a seccomp profile", judge: setting("seccompDefault", (value) => value === true) },
  { id: "4.3.1", title: "kube-proxy's metrics are on the host alone", judge: process("kube-proxy", proxyMetrics) },
];
