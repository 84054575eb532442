/** docker of a pool's nodes, as the article has it (10.1), and cri-dockerd, by which a kubelet speaks to it. */
import { type ConfigObject, kubeletConfiguration, renderConfiguration } from "../../config/flags";
import type { PoolConfig } from "../../config/pool";
import type { Scale } from "../../config/scale";
import { hostFiles, lines, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { pki } from "./certificates";
import { cniBinaries, cniConfiguration } from "./cni";
import { pullProgressTimeout, uploads } from "./containerd";
import { runtimeEndpoints } from "./names";

const dropIn = "/etc/systemd/system/docker.service.d/kilonode.conf";

/** Reference: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file */
export function daemonConfiguration(scale: Scale, { imageMirrors }: PoolConfig): ConfigObject {
  const logs = kubeletConfiguration(scale, pki);
  return {
    // As the kubelet's cgroupDriver: systemd alone writes the tree.
    "exec-opts": ["native.cgroupdriver=systemd"],
    "data-root": "/data/docker",
    "storage-driver": "overlay2",
    "max-concurrent-downloads": scale.node.parallelImagePulls,
    "max-concurrent-uploads": uploads,
    "log-driver": "json-file",
    // Docker rotates logs itself: the kubelet leaves these to it.
    "log-opts": { "max-size": "100m", "max-file": String(logs.containerLogMaxFiles) },
    "registry-mirrors": imageMirrors["docker.io"] ?? [],
    // Containers go on while dockerd restarts.
    "live-restore": true,
    // Pods have their network from CNI: docker makes no bridge, no rules, and no process for each port.
    "userland-proxy": false,
    bridge: "none",
    iptables: false,
    ip6tables: false,
  };
}

/** Unproven: cri-dockerd is in no package registry, so no test has run it with them. */
export function criDockerdFlags({ pauseImage, runtime }: PoolConfig): string[] {
  return [
    `--container-runtime-endpoint=${runtimeEndpoints[runtime]}`,
    "--docker-endpoint=unix:///run/docker.sock",
    "--network-plugin=cni",
    `--cni-bin-dir=${cniBinaries}`,
    `--cni-conf-dir=${cniConfiguration}`,
    `--image-pull-progress-deadline=${pullProgressTimeout}`,
    `--pod-infra-container-image=${pauseImage}`,
  ];
}

export function dockerFiles(scale: Scale, pool: PoolConfig): Machine["files"] {
  return {
    ...hostFiles("/usr/local/lib/kilonode/run-with-flags", "/usr/local/lib/systemd/system/cri-dockerd.service"),
    "/etc/docker/daemon.json": textFile(renderConfiguration(daemonConfiguration(scale, pool))),
    "/etc/cri-dockerd.flags": textFile(lines`${criDockerdFlags(pool)}`),
    [dropIn]: textFile("[Unit]\nStartLimitIntervalSec=0\n\n[Service]\nRestartSec=2s"),
  };
}
