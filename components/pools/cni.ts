/** The network of a node's pods, where the platform leaves it to us: a bridge with the node's own range, and plain routes between nodes. */
import { hostFiles } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import type { PlatformFacts } from "../plan/facts";

/** Where runtimes look for plugins, and for the configuration that names them. */
export const cniBinaries = "/opt/cni/bin";
export const cniConfiguration = "/etc/cni/net.d";

const template = "/etc/containerd/cni.template";

/** Where containerd takes the node's range from, once it is known: the API gives it when the node registers. */
export function cniTemplate({ podNetwork }: PlatformFacts): string | undefined {
  return podNetwork === "bridge" ? template : undefined;
}

export function cniFiles(facts: PlatformFacts): Machine["files"] {
  return cniTemplate(facts) === undefined ? {} : hostFiles(template);
}
