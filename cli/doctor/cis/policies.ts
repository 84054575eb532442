/** 5.2 to 5.6: what pods may be, and how workloads are kept apart. */

import { bounded } from "../checks/judging";
import { answering, type Evidence, need } from "../evidence";
import type { Verdict } from "../types";
import { ofKubernetes, type Tally, type Trait } from "./ask";
import { configurationOf } from "./host";
import { bad, type CisItem, departs, entries, flagsOf, good, without, worst } from "./item";

const levels = ["privileged", "baseline", "restricted"] as const;
type Level = (typeof levels)[number];
const asLevel = (value: unknown): Level => levels.find((level) => level === value) ?? "privileged";
const atLeast = (level: Level, wanted: Level) => levels.indexOf(level) >= levels.indexOf(wanted);

interface Defaults {
  readonly enforce: Level;
  readonly warn: Level;
}

/** What a namespace without labels gets, by the configuration of the admission plugin on every master: the weakest of them. */
function defaultsOf(evidence: Evidence): Defaults {
  const all = answering(evidence, "master").map((host): Defaults => {
    const read = (value: unknown) => (value ?? {}) as Readonly<Record<string, unknown>>;
    const { plugins } = read(configurationOf(host, "admission-control-config-file"));
    const plugin = (Array.isArray(plugins) ? plugins : []).find(({ name }) => name === "PodSecurity");
    const { enforce, warn } = read(read(read(plugin).configuration).defaults);
    return { enforce: asLevel(enforce), warn: asLevel(warn) };
  });
  return all.reduce((least, one) => (atLeast(one.enforce, least.enforce) ? least : one));
}

const whyBaseline =
  "most images and charts that are published run as root or ask for more than `restricted` gives, so as a default it would be switched off; every namespace is warned about it, and one that can be held to it says so by the label pod-security.kubernetes.io/enforce=restricted";

/** Pods that a level keeps out of the namespaces of workloads. */
const keptOut =
  (wanted: Level) =>
  (evidence: Evidence): Verdict => {
    const { enforce, warn } = defaultsOf(evidence);
    const weaker = need(evidence.api.namespaces).filter(
      ({ name, enforce: own }) =>
        !ofKubernetes(name) && own !== undefined && !atLeast(asLevel(own), atLeast(enforce, wanted) ? wanted : enforce),
    );
    const text = `namespaces are held to ${enforce} by default`;
    if (weaker.length > 0) {
      const lines = weaker.map(({ name, enforce: own }) => `${name}: ${own}`);
      return {
        status: "warning",
        found: `${text}; ${weaker.length} to less, by their labels`,
        details: bounded(lines),
      };
    }
    if (atLeast(enforce, wanted)) return good(text);
    return enforce === "baseline" && warn === "restricted"
      ? departs(`${text}, and warned about restricted`, whyBaseline)
      : bad(text);
  };

function somePolicy(evidence: Evidence): Verdict {
  return worst(
    answering(evidence, "master").map(({ name, processes }) => {
      const running = processes["kube-apiserver"];
      const off = running && entries(flagsOf(running), "disable-admission-plugins").includes("PodSecurity");
      return [name, running && !off ? good("Pod Security admission is on") : bad("Pod Security admission is off")];
    }),
  );
}

const noPods = "there are no pods of a workload";

/** A trait of pods that is the workload's to mend: told, and no failure of the cluster. */
const rarely =
  (trait: Trait) =>
  (evidence: Evidence): Verdict => {
    const { seen, traits } = need(evidence.api.pods);
    if (seen === 0) return without("no pod", noPods);
    const { count, examples }: Tally = traits[trait] ?? { count: 0, examples: [] };
    if (count === 0) return good(`none of ${seen} pods`);
    return { status: "warning", found: `${count} of ${seen} pods`, details: examples };
  };

const simulated = "nodes are simulated: no network of pods, and nothing that a policy could stop";
const isSimulated = ({ api }: Evidence) => need(api.realNodes).length === 0;

function networkPolicies(evidence: Evidence): Verdict {
  if (isSimulated(evidence)) return without("no network of pods", simulated);
  const namespaces = need(evidence.api.namespaces).filter(({ name }) => !ofKubernetes(name));
  const open = namespaces.filter(({ policed }) => !policed).map(({ name }) => name);
  if (open.length === 0) return good(`each of ${namespaces.length} namespaces has one`);
  return {
    status: "warning",
    found: `${open.length} of ${namespaces.length} namespaces have none`,
    details: bounded(open),
  };
}

function pluginOfNetwork(evidence: Evidence): Verdict {
  if (isSimulated(evidence)) return without("no network of pods", simulated);
  return departs(
    "the network plugin is the workload's choice",
    "Kilonode installs none; take one that enforces NetworkPolicies",
  );
}

const whyNoExternalStore =
  "Secrets are encrypted before they reach etcd, with a key that no member of etcd holds; a store outside of the cluster is the workload's to choose, by a driver or an operator of its own";
const whyNoProvenance =
  "which registries and signatures are to be trusted only the workloads' owners know; a ValidatingAdmissionPolicy or a webhook of theirs says so without a restart of API servers";

function externalStore(evidence: Evidence): Verdict {
  const clear = answering(evidence, "master").filter(({ processes }) => {
    const running = processes["kube-apiserver"];
    return !running || !flagsOf(running).has("encryption-provider-config");
  });
  if (clear.length > 0) return bad(`${clear.map(({ name }) => name).join(", ")}: Secrets are kept in etcd in clear`);
  return departs("Secrets are kept in etcd, encrypted", whyNoExternalStore);
}

function provenance(evidence: Evidence): Verdict {
  const on = answering(evidence, "master").every(({ processes }) => {
    const running = processes["kube-apiserver"];
    return running && entries(flagsOf(running), "enable-admission-plugins").includes("ImagePolicyWebhook");
  });
  return on ? good("ImagePolicyWebhook is on") : departs("ImagePolicyWebhook is not on", whyNoProvenance);
}

function ownNamespaces(evidence: Evidence): Verdict {
  const own = need(evidence.api.namespaces).filter(({ name }) => !ofKubernetes(name) && name !== "default");
  if (own.length > 0) return good(`${own.length} namespaces of workloads`);
  return without("no namespace of a workload", "no workload has been put on the cluster yet");
}

function defaultNamespace(evidence: Evidence): Verdict {
  const { count, examples } = need(evidence.api.defaultNamespace);
  if (count === 0) return good("nothing lives in it");
  return { status: "warning", found: `${count} pods and Services live in it`, details: examples };
}

export const policyItems: readonly CisItem[] = [
  { id: "5.2.1", title: "a mechanism judges pods", judge: somePolicy },
  { id: "5.2.2", title: "no privileged containers", judge: keptOut("baseline") },
  { id: "5.2.3", title: "no processes of the host", judge: keptOut("baseline") },
  { id: "5.2.4", title: "no IPC of the host", judge: keptOut("baseline") },
  { id: "5.2.5", title: "no network of the host", judge: keptOut("baseline") },
  { id: "5.2.6", title: "no gain of privileges", judge: keptOut("restricted") },
  { id: "5.2.7", title: "no containers of root", judge: keptOut("restricted") },
  { id: "5.2.8", title: "no raw sockets (NET_RAW)", judge: keptOut("restricted") },
  { id: "5.2.9", title: "no capabilities", judge: keptOut("restricted") },
  { id: "5.2.10", title: "no HostProcess containers of Windows", judge: keptOut("baseline") },
  { id: "5.2.11", title: "no folders of the host", judge: keptOut("baseline") },
  { id: "5.2.12", title: "no ports of the host", judge: keptOut("baseline") },
  { id: "5.3.1", title: "the network enforces NetworkPolicies", judge: pluginOfNetwork },
  { id: "5.3.2", title: "every namespace has a NetworkPolicy", judge: networkPolicies },
  { id: "5.4.1", title: "Secrets as files, not in the environment", judge: rarely("Secret in its environment") },
  {
    id: "5.4.2",
    title: "a store for Secrets outside",
    judge: externalStore,
  },
  { id: "5.5.1", title: "where images come from is judged", judge: provenance },
  { id: "5.6.1", title: "namespaces are boundaries", judge: ownNamespaces },
  { id: "5.6.2", title: "pods have a seccomp profile", judge: rarely("no seccomp profile") },
  { id: "5.6.3", title: "pods have a security context", judge: rarely("no security context") },
  { id: "5.6.4", title: "nothing lives in the namespace default", judge: defaultNamespace },
];
