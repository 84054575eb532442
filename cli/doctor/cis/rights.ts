/** 5.1: who may do what. */

import { bounded } from "../checks/judging";
import type { Evidence } from "../evidence";
import { need } from "../evidence";
import type { Verdict } from "../types";
import type { Binding, Rights, Role, Rule } from "./ask";
import { bad, type CisItem, departs, good } from "./item";

interface Right {
  readonly verbs: readonly string[];
  readonly group: string;
  /** With its subresource: "nodes/proxy". */
  readonly resource: string;
}

/** Who is everybody. */
const everybody = /^Group system:(authenticated|unauthenticated|serviceaccounts)$/;
/** Whom the bindings of Kubernetes itself may name. */
const ofKubernetes = /^(User system:|Group system:|ServiceAccount kube-system\/)/;

const includes = (names: readonly string[] | undefined, name: string) =>
  names?.some((one) => one === "*" || one === name);

function allows(rule: Rule, { verbs, group, resource }: Right): boolean {
  const [, sub] = resource.split("/");
  const named = includes(rule.resources, resource) || (sub !== undefined && includes(rule.resources, `*/${sub}`));
  return Boolean(includes(rule.apiGroups, group) && named && verbs.some((verb) => includes(rule.verbs, verb)));
}

function roleOf({ roles }: Rights, { namespace, role }: Binding): Role | undefined {
  const wanted = role.kind === "Role" ? namespace : undefined;
  return roles.find((one) => one.name === role.name && one.namespace === wanted);
}

/** Where a right reaches beyond a namespace of the workload's own. */
const reachesFar = ({ namespace, subjects }: Binding) =>
  namespace === undefined || namespace === "kube-system" || subjects.some((one) => everybody.test(one));

const described = ({ name, namespace, subjects }: Binding) =>
  `${namespace === undefined ? "" : `${namespace}/`}${name} to ${subjects.join(", ")}`;

const plannedNames = ({ plan }: Evidence, kind: string): Set<string> =>
  new Set(plan.objects.flatMap((object) => (object.kind === kind ? [object.metadata.name] : [])));

/** Subjects of a binding that Kubernetes did not put there itself. */
const added = (binding: Binding): string[] =>
  binding.subjects.filter((one) => !binding.builtIn || !ofKubernetes.test(one) || everybody.test(one));

/** Bindings of some rights: whether everybody has them, the plan gives them, or somebody else. */
function judged(evidence: Evidence, isMeant: (binding: Binding, rights: Rights) => boolean): Verdict {
  const rights = need(evidence.api.rights);
  const planned = plannedNames(evidence, "ClusterRoleBinding");
  const held = rights.bindings
    .map((binding) => ({ ...binding, subjects: added(binding) }))
    .filter((binding) => binding.subjects.length > 0 && reachesFar(binding) && isMeant(binding, rights));
  const open = held.filter(({ subjects }) => subjects.some((one) => everybody.test(one)));
  if (open.length > 0) return { status: "failed", found: "everybody has it", details: bounded(open.map(described)) };
  const ours = held.filter(({ name, namespace }) => namespace === undefined && planned.has(name));
  const others = held.filter((binding) => !ours.includes(binding));
  const part = rights.complete ? "" : " of those that were read";
  if (others.length > 0) {
    const found = `${others.length} bindings${part} to look at: is each of them needed?`;
    return { status: "warning", found, details: bounded(others.map(described)) };
  }
  const plans = ours.length === 0 ? "" : `; the plan's own: ${ours.map(({ name }) => name).join(", ")}`;
  return good(`nobody beyond Kubernetes itself, by ${rights.bindings.length} bindings${part}${plans}`);
}

const may =
  (...wanted: readonly Right[]) =>
  (evidence: Evidence): Verdict =>
    judged(evidence, (binding, rights) =>
      (roleOf(rights, binding)?.rules ?? []).some((rule) => wanted.some((right) => allows(rule, right))),
    );

const isClusterAdmin = ({ role }: Binding) => role.kind === "ClusterRole" && role.name === "cluster-admin";

const whyAdmins =
  "whoever runs the whole cluster has to be somebody: by a binding, which can be taken away, and not by system:masters, which cannot";

function clusterAdmins(evidence: Evidence): Verdict {
  const verdict = judged(evidence, isClusterAdmin);
  const { bindings } = need(evidence.api.rights);
  const planned = plannedNames(evidence, "ClusterRoleBinding");
  const ours = bindings.filter((one) => isClusterAdmin(one) && planned.has(one.name));
  return verdict.status === "ok" && ours.length > 0 ? departs(ours.map(described).join(", "), whyAdmins) : verdict;
}

function wildcards(evidence: Evidence): Verdict {
  const { roles, complete } = need(evidence.api.rights);
  const planned = plannedNames(evidence, "ClusterRole");
  const any = (rule: Rule) => [rule.verbs, rule.resources, rule.apiGroups].some((names) => names?.includes("*"));
  const wild = roles.filter(({ builtIn, rules }) => !builtIn && rules.some(any));
  const ours = wild.filter(({ name, namespace }) => namespace === undefined && planned.has(name));
  const others = wild.filter((role) => !ours.includes(role));
  const names = (list: readonly Role[]) =>
    list.map(({ name, namespace }) => (namespace === undefined ? name : `${namespace}/${name}`));
  if (others.length > 0) {
    return {
      status: "warning",
      found: `${others.length} roles hold everything of a kind`,
      details: bounded(names(others)),
    };
  }
  if (ours.length > 0)
    return departs(`roles of the plan: ${names(ours).join(", ")}`, "they are for whoever runs the whole cluster");
  return good(`none of ${roles.length} roles${complete ? "" : " that were read"} beyond Kubernetes' own`);
}

const whyTokens =
  "no right is bound to such an account, so its token opens no more than any other; workloads that need none set automountServiceAccountToken: false";

function defaultAccounts(evidence: Evidence): Verdict {
  const { bindings } = need(evidence.api.rights);
  const bound = bindings.filter(({ subjects }) => subjects.some((one) => /^ServiceAccount [^/]+\/default$/.test(one)));
  if (bound.length > 0) {
    return {
      status: "warning",
      found: `${bound.length} bindings to a default account`,
      details: bounded(bound.map(described)),
    };
  }
  const used = need(evidence.api.pods).traits["default account"]?.count ?? 0;
  return used === 0
    ? good("no right is bound to one, no pod uses one")
    : departs(`no right is bound to one; ${used} pods that were looked at use one`, whyTokens);
}

function mountedTokens(evidence: Evidence): Verdict {
  const { seen, traits } = need(evidence.api.pods);
  if (seen === 0) return { status: "skipped", found: "no pod", because: "there are no pods of a workload" };
  const { count, examples } = traits["mounts a token"] ?? { count: 0, examples: [] };
  if (count === 0) return good(`none of ${seen} pods`);
  return { status: "warning", found: `${count} of ${seen} pods: does each of them need it?`, details: examples };
}

function masters({ credential }: Evidence): Verdict {
  const text = `${credential.user} asks with the groups ${credential.groups.join(", ") || "none"}`;
  return credential.groups.includes("system:masters") ? bad(text) : good(text);
}

const rbac = "rbac.authorization.k8s.io";
const admission = "admissionregistration.k8s.io";

export const rightItems: readonly CisItem[] = [
  {
    id: "5.1.1",
    title: "cluster-admin only where it is needed",
    judge: clusterAdmins,
  },
  {
    id: "5.1.2",
    title: "few read Secrets",
    judge: may({ verbs: ["get", "list", "watch"], group: "", resource: "secrets" }),
  },
  { id: "5.1.3", title: "few wildcards in roles", judge: wildcards },
  { id: "5.1.4", title: "few make pods", judge: may({ verbs: ["create"], group: "", resource: "pods" }) },
  { id: "5.1.5", title: "default service accounts are not used", judge: defaultAccounts },
  { id: "5.1.6", title: "tokens are mounted only where they are needed", judge: mountedTokens },
  { id: "5.1.7", title: "nobody works as system:masters", judge: masters },
  {
    id: "5.1.8",
    title: "few may bind, escalate, impersonate",
    judge: may(
      { verbs: ["bind", "escalate"], group: rbac, resource: "clusterroles" },
      { verbs: ["bind", "escalate"], group: rbac, resource: "roles" },
      { verbs: ["impersonate"], group: "", resource: "users" },
      { verbs: ["impersonate"], group: "", resource: "groups" },
      { verbs: ["impersonate"], group: "", resource: "serviceaccounts" },
    ),
  },
  {
    id: "5.1.9",
    title: "few make persistent volumes",
    judge: may({ verbs: ["create"], group: "", resource: "persistentvolumes" }),
  },
  {
    id: "5.1.10",
    title: "few reach kubelets through the API",
    judge: may({ verbs: ["get", "create", "update", "patch", "delete"], group: "", resource: "nodes/proxy" }),
  },
  {
    id: "5.1.11",
    title: "few approve certificates",
    judge: may({
      verbs: ["update", "patch"],
      group: "certificates.k8s.io",
      resource: "certificatesigningrequests/approval",
    }),
  },
  {
    id: "5.1.12",
    title: "few change webhooks",
    judge: may(
      { verbs: ["create", "update", "patch", "delete"], group: admission, resource: "validatingwebhookconfigurations" },
      { verbs: ["create", "update", "patch", "delete"], group: admission, resource: "mutatingwebhookconfigurations" },
    ),
  },
  {
    id: "5.1.13",
    title: "few make tokens of service accounts",
    judge: may({ verbs: ["create"], group: "", resource: "serviceaccounts/token" }),
  },
];
