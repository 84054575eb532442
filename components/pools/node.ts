/** A node of a pool, all of it: runtime, network, kubelet, kube-proxy, images, kernel. */
import type { PoolConfig } from "../../config/pool";
import { type BinaryName, binariesOf, releasesOf } from "../../config/releases";
import { modulesFor, sysctlsFor } from "../../config/scale";
import type { Machine, MachineBinary } from "../machine/machine";
import type { PlanParts } from "../plan/parts";
import type { NodePlan } from "../plan/types";
import { pki } from "./certificates";
import { cniBinaries, cniFiles, cniTemplate } from "./cni";
import { kubeProxy } from "./kube-proxy";
import { kubelet } from "./kubelet";
import { preload } from "./preload";
import { containerRuntime } from "./runtime";
import { poolScale } from "./scale";

export function nodePlan(parts: PlanParts, name: string, pool: PoolConfig): NodePlan {
  const scale = poolScale(parts.scale, pool);
  const template = pool.runtime === "containerd" ? cniTemplate(parts.facts) : undefined;
  const contents = [
    containerRuntime(scale, pool, template),
    kubelet(parts, name, pool),
    kubeProxy(parts, pool),
    preload(pool),
  ];
  return {
    machine: {
      users: {},
      directories: directoriesOf(pool),
      files: Object.assign(
        {},
        ...contents.map(({ files }) => files),
        template === undefined ? {} : cniFiles(parts.facts),
      ),
      binaries: programs(parts, pool),
      modules: modulesFor("node", scale),
      sysctls: sysctlsFor("node", scale),
      volumes: [],
      services: Object.assign({}, ...contents.map(({ services }) => services)),
    },
    packages: packagesOf(pool),
  };
}

/** Images and containers are below /data, as in the article: a volume of its own may be there, and overlayfs needs one that is no overlay itself. */
function directoriesOf({ runtime }: PoolConfig): Machine["directories"] {
  const root = (mode: string) => ({ mode, owner: "root:root" });
  return {
    "/etc/kubernetes": root("0755"),
    [pki]: root("0755"),
    "/data": root("0755"),
    [`/data/${runtime}`]: root("0711"),
  };
}

/** cri-dockerd is not among them: no package registry has it (docs/node.md). */
function programs({ spec }: PlanParts, { preload: { base }, runtime }: PoolConfig): Record<string, MachineBinary> {
  const all = new Map(binariesOf(releasesOf(spec)).map(({ name, release }) => [name, release.version]));
  const at = (folder: string, ...names: readonly BinaryName[]) =>
    names.map((name): [string, MachineBinary] => [
      `${folder}/${folder === cniBinaries ? name.replace(/^cni-/, "") : name}`,
      { name, version: all.get(name) ?? "" },
    ]);
  const runs: readonly BinaryName[] = ["containerd", "containerd-shim-runc-v2", "runc"];
  return Object.fromEntries([
    ...at("/usr/local/bin", "kubelet", "kube-proxy", "crictl"),
    ...(runtime === "containerd" ? at("/usr/local/bin", ...runs, ...(base.length > 0 ? (["ctr"] as const) : [])) : []),
    ...at(cniBinaries, "cni-bridge", "cni-host-local", "cni-loopback", "cni-portmap"),
  ]);
}

/** Of Debian, beside those of every machine (components/machine/packages). */
function packagesOf({ proxyMode, runtime }: PoolConfig): string[] {
  return [
    // The kubelet mounts and measures with some, kube-proxy writes its rules with the others.
    "conntrack",
    "iptables",
    ...(proxyMode === "ipvs" ? ["ipset", "ipvsadm"] : []),
    // dockerd starts no container without apparmor's parser where the kernel has apparmor.
    ...(runtime === "docker" ? ["apparmor", "docker.io"] : ["libseccomp2"]),
  ].sort();
}
