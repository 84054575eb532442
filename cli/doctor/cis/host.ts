/** What a host says of its files and of its components' configuration. */
import { parse } from "yaml";
import type { HostPlan } from "../../../components/plan/types";
import { type HostEvidence, sectionOf } from "../evidence";
import { Unread } from "../unread";

export interface FileFact {
  readonly path: string;
  readonly mode: number;
  /** user:group */
  readonly owner: string;
  /** As find's %y tells it: f, d, l. */
  readonly kind: string;
}

/** Where other ways to make a cluster keep what must not be lying about here. */
export const adminKubeconfigs = ["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf"];
export const cniFolder = "/etc/cni/net.d";
export const manifestFolder = "/etc/kubernetes/manifests";
/** Where a kubelet's and a kube-proxy's files usually are; the first that is there counts. */
export const kubeletFiles = {
  unit: ["/etc/systemd/system/kubelet.service", "/usr/lib/systemd/system/kubelet.service"],
  kubeconfig: ["/etc/kubernetes/kubelet.conf", "/var/lib/kubelet/kubeconfig"],
  configuration: ["/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.yaml"],
  authority: ["/etc/kubernetes/pki/kubernetes-ca.crt", "/etc/kubernetes/pki/ca.crt"],
  proxyKubeconfig: ["/var/lib/kube-proxy/kubeconfig", "/etc/kubernetes/kube-proxy.conf"],
};

/** Asked of a host: what its plan puts there, and what only others would have put there. */
export function judgedPaths({ machine }: HostPlan): string[] {
  const units = Object.keys(machine.files).filter((path) => path.endsWith(".service"));
  const foreign = [...adminKubeconfigs, cniFolder, manifestFolder, ...Object.values(kubeletFiles).flat()];
  const volumes = machine.volumes.map(({ mount }) => mount);
  return [...new Set([...Object.keys(machine.directories), ...volumes, ...units, ...foreign])];
}

/** By path. */
export function filesOf(host: HostEvidence): ReadonlyMap<string, FileFact> {
  const lines = sectionOf(host, "files").split("\n");
  const found = lines.flatMap((line) => {
    const [, mode = "", owner = "", kind = "", path = ""] =
      /^([0-7]{1,5}) (\S+:\S+) ([a-zA-Z]) (\/.*)$/.exec(line) ?? [];
    return path === "" ? [] : [{ path, mode: Number.parseInt(mode, 8), owner, kind }];
  });
  return new Map(found.map((file) => [file.path, file]));
}

/** What a running component was given by one of its flags. @throws Unread when it is no YAML */
export function configurationOf(host: HostEvidence, flag: string): unknown {
  const text = configurationText(host, flag);
  if (text === undefined) return undefined;
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw new Unread(`${host.name}: the file of --${flag} cannot be read: ${(error as Error).message.split("\n")[0]}`);
  }
}

function configurationText(host: HostEvidence, flag: string): string | undefined {
  const blocks = sectionOf(host, "configuration").split(/^@ /m);
  const block = blocks.find((one) => one.startsWith(`${flag}\n`));
  return block
    ?.split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.slice(2))
    .join("\n");
}
