/** 3: who may be a user, and what the audit log tells. */
import { answering, type Evidence, type HostEvidence, need } from "../evidence";
import type { Verdict } from "../types";
import { type Asked, type AuditRules, type Level, levelOf, levels, readAuditPolicy } from "./audit-policy";
import { configurationOf } from "./host";
import { bad, type CisItem, departs, type Flags, flagsOf, given, good, running, type Seen, worst } from "./item";

const server = (look: (flags: Flags, host: HostEvidence) => Seen) => running("master", "kube-apiserver", look);

const hoursPerDay = 24;

const whyCertificates =
  "no identity provider is part of the cluster; a certificate of hours is renewed from the state by who may read it, and ends by itself. Where there is a provider, give masters.flags.apiserver its oidc-* flags";

/** A certificate cannot be taken back: it must not live longer than it takes to miss it. */
function certificatesOfUsers(evidence: Evidence): Verdict {
  const { user, hours } = evidence.credential;
  const text = `the operator's certificate (${user}) is valid for ${hours} hours`;
  if (hours > hoursPerDay) return bad(text);
  const hasProvider = answering(evidence, "master").some(({ processes }) => {
    const running = processes["kube-apiserver"];
    return running && ["oidc-issuer-url", "authentication-config"].some((name) => flagsOf(running).has(name));
  });
  return hasProvider ? good(`${text}; an identity provider is set`) : departs(text, whyCertificates);
}

function longTokens(evidence: Evidence): Verdict {
  const { count, examples } = need(evidence.api.tokenSecrets);
  if (count === 0) return good("no token of an account without an end exists");
  return { status: "warning", found: `${count} tokens without an end`, details: examples };
}

function bootstrapTokens(flags: Flags): Seen {
  return flags.get("enable-bootstrap-token-auth") === "true"
    ? bad("--enable-bootstrap-token-auth=true")
    : good("--enable-bootstrap-token-auth not set");
}

interface Wanted extends Asked {
  /** Not more: a body would put secrets into the log. */
  readonly most?: Level;
}

const key: readonly Wanted[] = [
  { verb: "get", group: "", resource: "secrets", most: "Metadata" },
  { verb: "create", group: "", resource: "secrets", most: "Metadata" },
  { verb: "update", group: "", resource: "configmaps", most: "Metadata" },
  { verb: "create", group: "authentication.k8s.io", resource: "tokenreviews", most: "Metadata" },
  { verb: "create", group: "", resource: "serviceaccounts/token", most: "Metadata" },
  { verb: "create", group: "", resource: "pods" },
  { verb: "update", group: "apps", resource: "deployments" },
  { verb: "create", group: "", resource: "pods/exec" },
  { verb: "create", group: "", resource: "pods/portforward" },
  { verb: "get", group: "", resource: "pods/proxy" },
  { verb: "get", group: "", resource: "services/proxy" },
  { verb: "create", group: "rbac.authorization.k8s.io", resource: "clusterrolebindings" },
];

function policyCovers(rules: AuditRules): Seen {
  const wrong = key.flatMap((asked) => {
    const level = levelOf(rules, asked);
    const tooMuch = asked.most !== undefined && levels.indexOf(level) > levels.indexOf(asked.most);
    return level === "None" || tooMuch ? [`${asked.verb} ${asked.resource}: ${level}`] : [];
  });
  return wrong.length > 0
    ? bad(wrong.join(", "))
    : good(`${key.length} kinds of requests, as much of each as may be told`);
}

const auditPolicy = (evidence: Evidence): Verdict =>
  worst(
    answering(evidence, "master").map((host): [string, Seen] => {
      const policy = configurationOf(host, "audit-policy-file");
      return [host.name, policy === undefined ? bad("no audit policy") : policyCovers(readAuditPolicy(policy))];
    }),
  );

export const configurationItems: readonly CisItem[] = [
  { id: "3.1.1", title: "people do not use client certificates", judge: certificatesOfUsers },
  { id: "3.1.2", title: "people do not use tokens of service accounts", judge: longTokens },
  { id: "3.1.3", title: "people do not use bootstrap tokens", judge: server(bootstrapTokens) },
  { id: "3.2.1", title: "there is an audit policy", judge: server((flags) => given(flags, "audit-policy-file")) },
  { id: "3.2.2", title: "the audit policy covers what matters", judge: auditPolicy },
];
