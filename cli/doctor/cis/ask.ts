/** What the benchmark is judged by in the API: who has which right, and what runs. Folded at once to what a judgement needs. */
import { type ApiClient, eachPage, metadataOnly } from "../api";

/** A subject of a binding, in words: "Group system:masters", "ServiceAccount kube-system/job-controller". */
export type Subject = string;

export interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly verbs: readonly string[];
}

export interface Role {
  readonly name: string;
  /** Absent: a ClusterRole. */
  readonly namespace?: string;
  /** Made by Kubernetes itself. */
  readonly builtIn: boolean;
  readonly rules: readonly Rule[];
}

export interface Binding {
  readonly name: string;
  /** Absent: a ClusterRoleBinding. */
  readonly namespace?: string;
  readonly builtIn: boolean;
  readonly role: { readonly kind: string; readonly name: string };
  readonly subjects: readonly Subject[];
}

export interface Rights {
  /** False when a bound came before the end. */
  readonly complete: boolean;
  readonly roles: readonly Role[];
  readonly bindings: readonly Binding[];
}

export interface Namespace {
  readonly name: string;
  /** Pod Security level that its label enforces. */
  readonly enforce?: string;
  readonly policed: boolean;
}

/** What is worth knowing of a pod, beside whose it is. */
export type Trait =
  | "default account"
  | "mounts a token"
  | "no seccomp profile"
  | "no security context"
  | "Secret in its environment";

export interface PodSample {
  readonly seen: number;
  readonly complete: boolean;
  readonly traits: Readonly<Partial<Record<Trait, { readonly count: number; readonly examples: readonly string[] }>>>;
}

export interface Tally {
  readonly count: number;
  readonly examples: readonly string[];
}

const pages = 10;
const podPages = 1;
const maxExamples = 3;

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const builtIn = ({ labels = {} }: Metadata) => labels["kubernetes.io/bootstrapping"] === "rbac-defaults";
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const full = { accept: "application/json", pages };
const names = { accept: metadataOnly, pages };

export async function readRights(client: ApiClient): Promise<Rights> {
  const roles: Role[] = [];
  const bindings: Binding[] = [];
  interface RoleObject {
    readonly metadata: Metadata;
    readonly rules?: readonly Rule[] | null;
  }
  interface BindingObject {
    readonly metadata: Metadata;
    readonly roleRef: { readonly kind: string; readonly name: string };
    readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
  }
  const place = ({ name, namespace }: Metadata) => ({ name, ...(namespace !== undefined && { namespace }) });
  const addRole = ({ metadata, rules }: RoleObject) =>
    roles.push({
      ...place(metadata),
      builtIn: builtIn(metadata),
      rules: (rules ?? []).map(({ apiGroups, resources, verbs }) => ({
        ...(apiGroups && { apiGroups }),
        ...(resources && { resources }),
        verbs,
      })),
    });
  const addBinding = ({ metadata, roleRef: { kind, name }, subjects = [] }: BindingObject) =>
    bindings.push({
      ...place(metadata),
      builtIn: builtIn(metadata),
      role: { kind, name },
      subjects: subjects.map(
        (one) => `${one.kind} ${one.namespace === undefined ? "" : `${one.namespace}/`}${one.name}`,
      ),
    });
  const whole = await Promise.all([
    eachPage(client, `${rbac}/clusterroles`, full, addRole),
    eachPage(client, `${rbac}/roles`, full, addRole),
    eachPage(client, `${rbac}/clusterrolebindings`, full, addBinding),
    eachPage(client, `${rbac}/rolebindings`, full, addBinding),
  ]);
  return { complete: !whole.includes(false), roles, bindings };
}

export async function readNamespaces(client: ApiClient): Promise<readonly Namespace[]> {
  const found: { name: string; enforce?: string }[] = [];
  const policed = new Set<string>();
  await Promise.all([
    eachPage<{ readonly metadata: Metadata }>(
      client,
      "/api/v1/namespaces",
      names,
      ({ metadata: { name, labels = {} } }) => {
        const enforce = labels["pod-security.kubernetes.io/enforce"];
        found.push({ name, ...(enforce !== undefined && { enforce }) });
      },
    ),
    eachPage<{ readonly metadata: Metadata }>(
      client,
      "/apis/networking.k8s.io/v1/networkpolicies",
      names,
      ({ metadata }) => policed.add(metadata.namespace ?? ""),
    ),
  ]);
  return found.map((namespace) => ({ ...namespace, policed: policed.has(namespace.name) }));
}

interface SecurityContext {
  readonly seccompProfile?: { readonly type: string };
}

interface Container {
  readonly securityContext?: SecurityContext;
  readonly env?: readonly { readonly valueFrom?: { readonly secretKeyRef?: unknown } }[];
  readonly envFrom?: readonly { readonly secretRef?: unknown }[];
}

interface Pod {
  readonly metadata: Metadata;
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly securityContext?: SecurityContext;
    readonly containers: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly volumes?: readonly {
      readonly projected?: { readonly sources?: readonly { readonly serviceAccountToken?: unknown }[] };
    }[];
  };
}

/** Of the first pods, those of Kubernetes itself left out. */
export async function samplePods(client: ApiClient): Promise<PodSample> {
  let seen = 0;
  const traits: Partial<Record<Trait, Tally>> = {};
  const complete = await eachPage<Pod>(
    client,
    "/api/v1/pods",
    { accept: "application/json", pages: podPages },
    (pod) => {
      if (ofKubernetes(pod.metadata.namespace ?? "")) return;
      seen++;
      for (const trait of traitsOf(pod)) {
        traits[trait] = tallied(traits[trait], `${pod.metadata.namespace}/${pod.metadata.name}`);
      }
    },
  );
  return { seen, complete, traits };
}

/** Namespaces that Kubernetes makes for itself. */
export const ofKubernetes = (namespace: string): boolean => /^kube-(system|public|node-lease)$/.test(namespace);

function traitsOf({ spec }: Pod): Trait[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const unconfined = ({ seccompProfile }: SecurityContext = {}) =>
    (seccompProfile?.type ?? "Unconfined") === "Unconfined";
  const has: Record<Trait, boolean> = {
    "default account": (spec.serviceAccountName ?? "default") === "default",
    "mounts a token": (spec.volumes ?? []).some(({ projected }) =>
      projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken !== undefined),
    ),
    "no seccomp profile":
      unconfined(spec.securityContext) && containers.some(({ securityContext }) => unconfined(securityContext)),
    "no security context":
      Object.keys(spec.securityContext ?? {}).length === 0 &&
      containers.some((one) => one.securityContext === undefined),
    "Secret in its environment": containers.some(
      ({ env = [], envFrom = [] }) =>
        env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined) ||
        envFrom.some(({ secretRef }) => secretRef !== undefined),
    ),
  };
  return (Object.keys(has) as Trait[]).filter((trait) => has[trait]);
}

function tallied({ count, examples }: Tally = { count: 0, examples: [] }, name: string): Tally {
  return { count: count + 1, examples: examples.length < maxExamples ? [...examples, name] : examples };
}

/** Tokens of accounts that live in Secrets, and so for ever. */
export function readTokenSecrets(client: ApiClient): Promise<Tally> {
  return tally(client, "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Fservice-account-token");
}

/** What lives in the namespace `default`, beside the Service of the API. */
export async function readDefaultNamespace(client: ApiClient): Promise<Tally> {
  const [pods, services] = await Promise.all([
    tally(client, "/api/v1/namespaces/default/pods", "Pod "),
    tally(client, "/api/v1/namespaces/default/services?fieldSelector=metadata.name%21%3Dkubernetes", "Service "),
  ]);
  return { count: pods.count + services.count, examples: [...pods.examples, ...services.examples] };
}

async function tally(client: ApiClient, path: string, kind = ""): Promise<Tally> {
  let found: Tally = { count: 0, examples: [] };
  await eachPage<{ readonly metadata: Metadata }>(client, path, names, ({ metadata: { name, namespace } }) => {
    found = tallied(found, `${kind}${namespace}/${name}`);
  });
  return found;
}
