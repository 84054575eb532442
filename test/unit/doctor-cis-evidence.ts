/** What hosts and the API would answer the doctor if they were exactly as their plan: made from the plan, to judge the plan itself. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { plannedArgs, plannedEnv } from "../../cli/doctor/checks/judging";
import type { Binding, Role, Rule } from "../../cli/doctor/cis/ask";
import { judgedPaths } from "../../cli/doctor/cis/paths";
import type { Gathered } from "../../cli/doctor/gather";
import type { ClusterPlan, HostPlan, ObjectPlan } from "../../components/plan/types";

/** Of files that differ, authorities that differ. */
export type Authorities = (source: unknown) => string;

export async function authoritiesOf({ hosts }: ClusterPlan): Promise<Authorities> {
  const sources = new Set(hosts.flatMap(({ pem }) => Object.values(pem).map((source) => JSON.stringify(source))));
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const made = await Promise.all(
    [...sources].map(async (source) => {
      const keys = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
      const certificate = await x509.X509CertificateGenerator.createSelfSigned({ keys, signingAlgorithm: algorithm });
      return [source, certificate.toString("pem")] as const;
    }),
  );
  const pems = new Map(made);
  return (source) => pems.get(JSON.stringify(source)) ?? "";
}

export function asPlanned(plan: ClusterPlan, authorities: Authorities): Gathered {
  const none = { value: { count: 0, examples: [] } };
  return {
    hosts: plan.hosts.map((host) => ({ name: host.name, report: reportOf(host, authorities) })),
    servers: {},
    degradations: [],
    credential: { user: "kilonode:operator", groups: ["kilonode:operators"], hours: 8 },
    now: "2026-12-01T00:00:00Z",
    api: {
      realNodes: { value: [] },
      kubelets: { value: [] },
      rights: { value: { complete: true, ...rightsOf(plan.objects) } },
      namespaces: {
        value: ["default", "kube-node-lease", "kube-public", "kube-system"].map((name) => ({ name, policed: false })),
      },
      pods: { value: { seen: 0, complete: true, traits: {} } },
      tokenSecrets: none,
      defaultNamespace: none,
    } as unknown as Gathered["api"],
  };
}

function reportOf(host: HostPlan, authorities: Authorities): string {
  const sections = {
    processes: processesOf(host),
    files: filesOf(host),
    certificates: Object.entries(host.pem)
      .map(([path, source]) => `# ${path}\n${authorities(source)}`)
      .join("\n\n"),
    ...(host.role === "master" && { configuration: configurationOf(host) }),
  };
  return Object.entries(sections)
    .map(([name, text]) => `== ${name} 0\n${text}\n`)
    .join("\n");
}

function processesOf(host: HostPlan): string {
  const components = {
    etcd: ["etcd"],
    master: ["kube-apiserver", "kube-controller-manager", "kube-scheduler"],
  } as const;
  const of = components[host.role as keyof typeof components] ?? [];
  return of
    .flatMap((name) => [
      `@ ${name} 1 20000 none: prio 0`,
      ...plannedArgs(host, name).map((arg) => `a ${arg}`),
      ...Object.entries(plannedEnv(host, name)).map(([key, value]) => `e ${key}=${value}`),
    ])
    .join("\n");
}

/** Everything that is at, or in, a path that is asked for. */
function filesOf(host: HostPlan): string {
  const { directories, files, volumes } = host.machine;
  const octal = (mode: string) => mode.replace(/^0/, "");
  const folders = Object.entries(directories).map(
    ([path, { mode, owner }]) => [path, `${octal(mode)} ${owner} d`] as [string, string],
  );
  const there: [path: string, line: string][] = [
    ...Object.entries({ ...files, ...host.secrets }).map(
      ([path, { mode, owner }]) => [path, `${octal(mode)} ${owner} f`] as [string, string],
    ),
    // As mkfs leaves them, but for what the plan says of the mount point.
    ...[...volumes.map(({ mount, owner }) => [mount, `755 ${owner} d`] as [string, string]), ...folders],
    ...host.certificates.map(({ keyPath, owner }) => [keyPath, `600 ${owner} f`] as [string, string]),
    ...[...host.certificates.map(({ certPath }) => certPath), ...Object.keys(host.pem)].map(
      (path) => [path, "644 root:root f"] as [string, string],
    ),
  ];
  const asked = judgedPaths(host);
  const isAsked = (path: string) => asked.some((one) => one === path || path.slice(0, path.lastIndexOf("/")) === one);
  return there
    .filter(([path]) => isAsked(path))
    .map(([path, line]) => `${line} ${path}`)
    .join("\n");
}

/** The files that flags name. */
function configurationOf(host: HostPlan): string {
  const named: [component: string, flag: string][] = [
    ["kube-apiserver", "admission-control-config-file"],
    ["kube-apiserver", "audit-policy-file"],
    ["kube-scheduler", "config"],
  ];
  const texts = named.flatMap(([component, flag]) => {
    const path = plannedArgs(host, component)
      .find((arg) => arg.startsWith(`--${flag}=`))
      ?.slice(flag.length + 3);
    const content = path && host.machine.files[path]?.content;
    return content ? [`@ ${flag}\n${content.replaceAll(/^/gm, "| ")}`] : [];
  });
  return [...texts, "@ encryption-provider-config\n| - secretbox\n| - identity"].join("\n");
}

function rightsOf(objects: readonly ObjectPlan[]): { roles: Role[]; bindings: Binding[] } {
  const of = (kind: string) => objects.filter((object) => object.kind === kind);
  interface Subject {
    readonly kind: string;
    readonly name: string;
  }
  return {
    roles: [
      { name: "cluster-admin", builtIn: true, rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] },
      {
        name: "system:kubelet-api-admin",
        builtIn: true,
        rules: [{ apiGroups: [""], resources: ["nodes/proxy", "nodes/stats"], verbs: ["*"] }],
      },
      ...of("ClusterRole").map(({ metadata: { name }, rules }) => ({ name, builtIn: false, rules: rules as Rule[] })),
    ],
    bindings: [
      {
        name: "cluster-admin",
        builtIn: true,
        role: { kind: "ClusterRole", name: "cluster-admin" },
        subjects: ["Group system:masters"],
      },
      ...of("ClusterRoleBinding").map(({ metadata: { name }, roleRef, subjects }) => ({
        name,
        builtIn: false,
        role: roleRef as Binding["role"],
        subjects: (subjects as Subject[]).map((one) => `${one.kind} ${one.name}`),
      })),
    ],
  };
}
