/** What runs the containers of a pool's nodes: files and services of either runtime, and how people look into it. */
import type { PoolConfig } from "../../config/pool";
import type { Scale } from "../../config/scale";
import { lines, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { alwaysOn } from "./always-on";
import { containerdFiles } from "./containerd";
import { dockerFiles } from "./docker";
import { runtimeEndpoints } from "./names";

export function containerRuntime(
  scale: Scale,
  pool: PoolConfig,
  cniTemplate: string | undefined,
): Pick<Machine, "files" | "services"> {
  const crictl = { "/etc/crictl.yaml": textFile(crictlConfiguration(pool)) };
  if (pool.runtime === "docker")
    return {
      files: { ...crictl, ...dockerFiles(scale, pool) },
      services: {
        // A reload takes the concurrent downloads and the mirrors alone: what changed is known by a restart, under which containers go on.
        "docker.service": alwaysOn(["/etc/docker/daemon.json"]),
        "cri-dockerd.service": alwaysOn(["/etc/cri-dockerd.flags", "/usr/local/bin/cri-dockerd"]),
      },
    };
  return {
    files: { ...crictl, ...containerdFiles(scale, pool, cniTemplate) },
    services: {
      // Mirrors are read at each pull, and runc at each start of a container.
      "containerd.service": alwaysOn([
        "/etc/containerd/config.toml",
        ...(cniTemplate === undefined ? [] : [cniTemplate]),
        "/usr/local/bin/containerd",
      ]),
    },
  };
}

/** For crictl: https://github.com/kubernetes-sigs/cri-tools/blob/master/docs/crictl.md */
function crictlConfiguration({ runtime }: PoolConfig): string {
  const endpoint = runtimeEndpoints[runtime];
  // A pull may take minutes.
  return lines`runtime-endpoint: ${endpoint}
image-endpoint: ${endpoint}
timeout: 600`;
}
