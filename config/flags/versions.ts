/** Versions that flags are known for. A version outside is refused: its flags were never checked. */
export const supportedKubernetes = ["1.35", "1.36", "1.37"] as const;
export const supportedEtcd = ["3.6", "3.7"] as const;

export interface Versions {
  readonly kubernetesVersion: string;
  readonly etcdVersion: string;
}

/** "1.37" of "v1.37.2". */
export const minorOf = (version: string): string => version.replace(/^v/, "").split(".").slice(0, 2).join(".");

const known = {
  kubernetes: { title: "Kubernetes", supported: supportedKubernetes },
  etcd: { title: "etcd", supported: supportedEtcd },
} as const;

/** What is wrong with a version; undefined when it is supported. */
export function versionProblem(product: keyof typeof known, version: string): string | undefined {
  const { title, supported } = known[product];
  if (!/^v?\d+\.\d+(\.\d+)?$/.test(version))
    return `${title} version "${version}" is no version like ${supported.at(-1)}.0`;
  if ((supported as readonly string[]).includes(minorOf(version))) return undefined;
  return `${title} ${version} is not supported: flags are known for ${supported.join(", ")}`;
}

/** Problems with the versions, all of them; empty when both are supported. */
export function checkVersions({ kubernetesVersion, etcdVersion }: Versions): readonly string[] {
  const problems = [versionProblem("kubernetes", kubernetesVersion), versionProblem("etcd", etcdVersion)];
  return problems.filter((problem) => problem !== undefined);
}

/** True when the version is at least the given minor ("1.36"). */
export function atLeast(version: string, minor: string): boolean {
  const [a = 0, b = 0] = minorOf(version).split(".").map(Number);
  const [c = 0, d = 0] = minor.split(".").map(Number);
  return a > c || (a === c && b >= d);
}
