/** 1.2: the API servers, by the command lines that they run with. */

import type { HostEvidence } from "../evidence";
import { ciphers } from "./ciphers";
import { configurationOf } from "./host";
import {
  bad,
  type CisItem,
  departs,
  entries,
  equals,
  type Flags,
  given,
  good,
  running,
  type Seen,
  shown,
} from "./item";

const server = (look: (flags: Flags, host: HostEvidence) => Seen) => running("master", "kube-apiserver", look);

/** The flag names files, and they are given. */
const isGiven = (...names: readonly string[]) => server((flags) => given(flags, ...names));

const admits = (plugin: string, otherwise?: string) =>
  server((flags) => {
    if (entries(flags, "enable-admission-plugins").includes(plugin)) return good(`${plugin} is on`);
    return otherwise === undefined ? bad(`${plugin} is not on`) : departs(`${plugin} is not on`, otherwise);
  });

/** Plugins that are on by themselves. */
const notDisabled = (plugin: string) =>
  server((flags) =>
    entries(flags, "disable-admission-plugins").includes(plugin) ? bad(`${plugin} is off`) : good(`${plugin} is on`),
  );

const authorizes = (mode: string) =>
  server((flags) => {
    const modes = entries(flags, "authorization-mode");
    return modes.includes(mode) ? good(shown(flags, "authorization-mode")) : bad(shown(flags, "authorization-mode"));
  });

const atLeast = (name: string, least: number) =>
  server((flags) =>
    Number(flags.get(name)) >= least ? good(shown(flags, name)) : bad(`${shown(flags, name)}, less than ${least}`),
  );

function authorization(flags: Flags): Seen {
  if (flags.has("authorization-config")) return bad(`${shown(flags, "authorization-config")} may hold anything`);
  const modes = entries(flags, "authorization-mode");
  const open = modes.length === 0 || modes.includes("AlwaysAllow");
  return open ? bad(shown(flags, "authorization-mode")) : good(shown(flags, "authorization-mode"));
}

/** Seconds of a Go duration such as "1m30s"; NaN for what is none. */
function seconds(duration: string): number {
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };
  const parts = [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.map(([part]) => part).join("") !== duration) return Number.NaN;
  return parts.reduce((total, [, number, unit = ""]) => total + Number(number) * (units[unit] ?? Number.NaN), 0);
}

const longestRequest = 300;

function requestTimeout(flags: Flags): Seen {
  const value = flags.get("request-timeout");
  if (value === undefined) return good("--request-timeout not set, which is 1m");
  const length = seconds(value);
  return length > 0 && length <= longestRequest
    ? good(shown(flags, "request-timeout"))
    : bad(shown(flags, "request-timeout"));
}

const encrypting: readonly unknown[] = ["aescbc", "kms", "secretbox"];

function providers(_: Flags, host: HostEvidence): Seen {
  const names = configurationOf(host, "encryption-provider-config");
  if (!Array.isArray(names) || names.length === 0) return bad("no encryption provider is named");
  const text = `writes with ${names[0]}, reads ${names.join(", ")}`;
  return encrypting.includes(names[0]) ? good(text) : bad(text);
}

const whyNoPullAlways =
  "every start of a pod would wait for its registry, thousands at once when a zone fails, and none could start while it is away; where tenants of one node must not use each other's images, a policy of their namespaces asks for `imagePullPolicy: Always`";

export const apiserverItems: readonly CisItem[] = [
  {
    id: "1.2.1",
    title: "anonymous requests are off",
    judge: server((flags) => equals(flags, "anonymous-auth", "false", "true")),
  },
  {
    id: "1.2.2",
    title: "no file of static tokens",
    judge: server((flags) =>
      flags.has("token-auth-file") ? bad(shown(flags, "token-auth-file")) : good("--token-auth-file not set"),
    ),
  },
  { id: "1.2.3", title: "Services take no external addresses", judge: admits("DenyServiceExternalIPs") },
  {
    id: "1.2.4",
    title: "a certificate of its own towards kubelets",
    judge: isGiven("kubelet-client-certificate", "kubelet-client-key"),
  },
  { id: "1.2.5", title: "kubelets' certificates are verified", judge: isGiven("kubelet-certificate-authority") },
  { id: "1.2.6", title: "not everything is allowed", judge: server(authorization) },
  { id: "1.2.7", title: "nodes are authorized as nodes", judge: authorizes("Node") },
  { id: "1.2.8", title: "roles decide (RBAC)", judge: authorizes("RBAC") },
  { id: "1.2.9", title: "events are limited (EventRateLimit)", judge: admits("EventRateLimit") },
  {
    id: "1.2.10",
    title: "admission is not AlwaysAdmit",
    judge: server((flags) =>
      entries(flags, "enable-admission-plugins").includes("AlwaysAdmit")
        ? bad("AlwaysAdmit is on")
        : good("AlwaysAdmit is not on"),
    ),
  },
  { id: "1.2.11", title: "images are always pulled", judge: admits("AlwaysPullImages", whyNoPullAlways) },
  { id: "1.2.12", title: "pods get service accounts (ServiceAccount)", judge: notDisabled("ServiceAccount") },
  {
    id: "1.2.13",
    title: "nothing is made in namespaces that end (NamespaceLifecycle)",
    judge: notDisabled("NamespaceLifecycle"),
  },
  { id: "1.2.14", title: "nodes change only what is theirs (NodeRestriction)", judge: admits("NodeRestriction") },
  { id: "1.2.15", title: "profiles are off", judge: server((flags) => equals(flags, "profiling", "false", "true")) },
  { id: "1.2.16", title: "an audit log is written", judge: isGiven("audit-log-path") },
  { id: "1.2.17", title: "audit logs are kept for 30 days", judge: atLeast("audit-log-maxage", 30) },
  { id: "1.2.18", title: "10 old audit logs are kept", judge: atLeast("audit-log-maxbackup", 10) },
  { id: "1.2.19", title: "an audit log grows to 100 MB", judge: atLeast("audit-log-maxsize", 100) },
  { id: "1.2.20", title: "requests end in time", judge: server(requestTimeout) },
  {
    id: "1.2.21",
    title: "tokens of deleted service accounts end",
    judge: server((flags) => equals(flags, "service-account-lookup", "true", "true")),
  },
  { id: "1.2.22", title: "tokens are verified by a key of their own", judge: isGiven("service-account-key-file") },
  { id: "1.2.23", title: "a certificate of its own towards etcd", judge: isGiven("etcd-certfile", "etcd-keyfile") },
  { id: "1.2.24", title: "serves with TLS", judge: isGiven("tls-cert-file", "tls-private-key-file") },
  { id: "1.2.25", title: "clients' certificates are verified", judge: isGiven("client-ca-file") },
  { id: "1.2.26", title: "etcd's certificates are verified", judge: isGiven("etcd-cafile") },
  { id: "1.2.27", title: "Secrets are encrypted at rest", judge: isGiven("encryption-provider-config") },
  { id: "1.2.28", title: "by a provider that encrypts", judge: server(providers) },
  {
    id: "1.2.29",
    title: "strong ciphers alone",
    judge: server((flags) => ciphers(flags.get("tls-min-version"), entries(flags, "tls-cipher-suites"))),
  },
  {
    id: "1.2.30",
    title: "tokens of service accounts are not made longer",
    judge: server((flags) => equals(flags, "service-account-extend-token-expiration", "false", "true")),
  },
];
