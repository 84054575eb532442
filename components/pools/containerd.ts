/** containerd of a pool's nodes: the twin of docker's daemon.json, with the same meaning. */
import { renderToml, type TomlTable } from "../../config/flags";
import type { PoolConfig } from "../../config/pool";
import type { Scale } from "../../config/scale";
import { hostFiles, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { cniBinaries, cniConfiguration } from "./cni";

const registries = "/etc/containerd/certs.d";
const config = "/etc/containerd/config.toml";

/**
 * Version 4 is that of containerd 2.4; one before it would be migrated at each start. What is pulled side by side is a setting of the transfer
 * service: given in the CRI's own section, it would switch pulls back to the old way (CheckLocalImagePullConfigs).
 */
export function containerdConfiguration({ node }: Scale, { pauseImage }: PoolConfig, cniTemplate?: string): TomlTable {
  return {
    version: 4,
    root: "/data/containerd",
    plugins: {
      "io.containerd.cri.v1.images": {
        // Without a byte for so long a pull is given up; the kubelet tries again.
        image_pull_progress_timeout: pullProgressTimeout,
        pinned_images: { sandbox: pauseImage },
        registry: { config_path: registries },
      },
      "io.containerd.cri.v1.runtime": {
        cni: {
          bin_dirs: [cniBinaries],
          conf_dir: cniConfiguration,
          ...(cniTemplate !== undefined && { conf_template: cniTemplate }),
        },
        containerd: {
          default_runtime_name: "runc",
          runtimes: {
            runc: {
              runtime_type: "io.containerd.runc.v2",
              options: { BinaryName: "/usr/local/bin/runc", SystemdCgroup: true },
            },
          },
        },
      },
      "io.containerd.transfer.v1.local": {
        max_concurrent_downloads: node.parallelImagePulls,
        max_concurrent_uploaded_layers: uploads,
      },
    },
  };
}

/** Of docker's max-concurrent-uploads, too: the article's 5. */
export const uploads = 5;
/** Both runtimes' own is 5 min and 1 min: a busy registry is silent for longer than that while it fetches from another one. */
export const pullProgressTimeout = "5m0s";

/** A registry with its mirrors: each is asked in turn, and then the registry itself. */
export function registryHosts(registry: string, mirrors: readonly string[]): string {
  // Docker Hub's own API is at another name than its images.
  const server = registry === "docker.io" ? "registry-1.docker.io" : registry;
  const host = Object.fromEntries(mirrors.map((mirror) => [mirror, { capabilities: ["pull", "resolve"] }]));
  return renderToml({ server: `https://${server}`, host });
}

export function containerdFiles(scale: Scale, pool: PoolConfig, cniTemplate?: string): Machine["files"] {
  const mirrors = Object.entries(pool.imageMirrors).map(([registry, urls]) => [
    `${registries}/${registry.replace(/:(\d+)$/, "_$1_")}/hosts.toml`,
    textFile(registryHosts(registry, urls)),
  ]);
  return {
    ...hostFiles("/usr/local/lib/systemd/system/containerd.service"),
    [config]: textFile(renderToml(containerdConfiguration(scale, pool, cniTemplate))),
    ...Object.fromEntries(mirrors),
  };
}
