/** Which versions run side by side, and what a version has no more. */
import { filesText, type Machine, machineOf } from "../machine";
import { at, type Resource, textAt } from "../resource";
import type { Finding, Rule } from "../rule";
import { commitmentsOf } from "./quorum";

const ipvsKep = "kubernetes/enhancements#5495";
const skewPolicy = "https://kubernetes.io/releases/version-skew-policy/";

export const versionRules: readonly Rule[] = [
  {
    kind: "stack",
    name: "ipvs-refused",
    severity: "mandatory",
    asks: "From Kubernetes 1.40 on nothing runs kube-proxy in mode ipvs.",
    why: `The mode is off by default there, and kube-proxy does not start with it (${ipvsKep}).`,
    remedy: "take mode nftables",
    judge: (resources) => ipvsFrom(resources, 40),
  },
  {
    kind: "stack",
    name: "ipvs-deprecated",
    severity: "advisory",
    asks: "From Kubernetes 1.35 on kube-proxy is not in mode ipvs.",
    why: `The mode is deprecated since 1.35 (${ipvsKep}, kubernetes/kubernetes#134539); its removal is planned for 1.43.`,
    remedy: "take mode nftables, before Kubernetes 1.40",
    judge: (resources) => ipvsFrom(resources, 35, 40),
  },
  {
    kind: "stack",
    name: "version-skew",
    severity: "mandatory",
    asks: "API servers are within one minor version of each other, nothing is newer than the oldest of them, controllers are at most one minor version older and nodes three; members of etcd are within one.",
    why: `${skewPolicy}; etcd goes one minor version at a time (https://etcd.io/docs/v3.6/upgrades/upgrading-etcd/).`,
    remedy:
      "give all hosts one version (`kubernetesVersion`, `etcdVersion`), and go by every minor version between (docs/releases.md)",
    judge: versionSkew,
  },
];

interface Version {
  readonly host: string;
  readonly urn: string;
  readonly program: string;
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

function numbers(text: string): Pick<Version, "major" | "minor" | "patch"> | undefined {
  const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(text) ?? [];
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor), patch: Number(patch) };
}

function versionsOf({ document, host, urn }: Machine): Version[] {
  const binaries = Object.values((at(document, "binaries") ?? {}) as Record<string, unknown>);
  return binaries.flatMap((binary) => {
    const [program, text] = [textAt(binary, "name"), textAt(binary, "version")];
    const parsed = text === undefined ? undefined : numbers(text);
    return program === undefined || text === undefined || !parsed ? [] : [{ host, urn, program, text, ...parsed }];
  });
}

const order = (a: Version, b: Version) => a.major - b.major || a.minor - b.minor || a.patch - b.patch;

/** Program to how many minor versions it may be older than the oldest API server. */
const behind: ReadonlyMap<string, number> = new Map([
  ["kube-controller-manager", 1],
  ["kube-scheduler", 1],
  ["kubelet", 3],
  ["kube-proxy", 3],
]);

function versionSkew(resources: readonly Resource[]): Finding[] {
  const all = resources.flatMap((one) => {
    const machine = machineOf(one);
    return machine ? versionsOf(machine) : [];
  });
  const of = (program: string) => all.filter((one) => one.program === program).sort(order);
  const [oldest] = of("kube-apiserver");
  const named = ({ host, program, text }: Version) => `${program} ${text} of ${host}`;
  const apart = (program: string): Finding[] => {
    const [first, last] = [of(program)[0], of(program).at(-1)];
    return !first || !last || (first.major === last.major && last.minor - first.minor <= 1)
      ? []
      : [{ urn: last.urn, problem: `${named(first)} and ${named(last)} are more than one minor version apart` }];
  };
  const besides = [...behind].flatMap(([program, most]) =>
    of(program).flatMap((one): Finding[] => {
      if (!oldest) return [];
      if (order(one, oldest) > 0) return [{ urn: one.urn, problem: `${named(one)} is newer than ${named(oldest)}` }];
      return oldest.minor - one.minor <= most
        ? []
        : [{ urn: one.urn, problem: `${named(one)} is more than ${most} minor versions older than ${named(oldest)}` }];
    }),
  );
  return [...apart("kube-apiserver"), ...apart("etcd"), ...besides];
}

/** A flag, or the file that kube-proxy is given. */
const ipvs = /--proxy-mode[=\s"',]+ipvs\b|mode["']?:\s*\\?["']?ipvs\b/;

function ipvsFrom(resources: readonly Resource[], from: number, before = Number.POSITIVE_INFINITY): Finding[] {
  const cluster = textAt(commitmentsOf(resources), "releases", "kubernetes");
  return resources.flatMap((one): Finding[] => {
    const machine = machineOf(one);
    if (!machine && !one.type.startsWith("kubernetes:")) return [];
    const text = machine ? filesText(machine) : JSON.stringify(one.props);
    if (!/kube-?proxy/i.test(text) || !ipvs.test(text)) return [];
    const own = machine && versionsOf(machine).find(({ program }) => program === "kube-proxy")?.text;
    const version = own ?? cluster;
    const { minor } = (version === undefined ? undefined : numbers(version)) ?? { minor: 0 };
    return minor >= from && minor < before
      ? [
          {
            urn: one.urn,
            problem: `${machine?.host ?? one.name} runs kube-proxy in mode ipvs with Kubernetes ${version}; nftables is allowed`,
          },
        ]
      : [];
  });
}
