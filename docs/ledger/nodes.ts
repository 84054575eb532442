/** Rows of the ledger: Nodes, kube-proxy, images and runtime. */
import type { LedgerEntry } from "./entry";

export const nodes: readonly LedgerEntry[] = [
  {
    id: "N1",
    area: "kubelet and nodes",
    source: "C 7.1",
    recommendation:
      "max-pods, eviction-hard/soft, image-gc thresholds, serialize-image-pulls=false, node-status-update-frequency",
    form: "KubeletConfiguration per pool (flags are deprecated), maxParallelImagePulls, kubeAPIQPS",
    status: "later",
    implementedIn: ["config/flags/configurations.ts", "config/scale/node.ts", "components/pools/kubelet.ts"],
    evidence: [
      {
        file: "test/unit/flags-configurations.test.ts",
        test: "kubelet: the report of an unchanged status is given, so that it stays at 5 min",
      },
      {
        file: "test/unit/pools.test.ts",
        test: "evict by the plan's thresholds; one that the pool gives replaces it, and its soft one with it",
      },
      { file: "test/binaries/nodes.test.ts", test: "kubelet takes the file of a pool that says much" },
    ],
    reason: "a KubeletConfiguration for each pool is planned and read by real kubelets; no node joins yet",
  },
  {
    id: "N2",
    area: "kubelet and nodes",
    source: "C 7.1",
    recommendation: "image-pull-progress-deadline",
    form: "does not exist in 1.37 (was dockershim): cri-dockerd's `--image-pull-progress-deadline` or containerd's `image_pull_progress_timeout`",
    status: "later",
    implementedIn: ["config/flags/known/index.ts", "components/pools/containerd.ts", "components/pools/docker.ts"],
    evidence: [
      {
        file: "test/unit/flags-versions.test.ts",
        test: "gone flags of the article are not known, and their replacement is named",
      },
      {
        file: "test/unit/pools.test.ts",
        test: "says the same with either runtime: pulls side by side, pause image, time without progress, cgroup driver",
      },
      { file: "test/binaries/runtimes.test.ts", test: "has all of our values of %s, at every size" },
    ],
    reason:
      "planned for both runtimes, and read by a real containerd; cri-dockerd cannot be had here, and no node runs either yet",
  },
  {
    id: "N3",
    area: "kubelet and nodes",
    source: "C 7.4",
    recommendation: "limit eviction on special nodes",
    form: "pools can be `protected`: taint, long tolerations, descheduler exclusion, eviction limits",
    status: "later",
    implementedIn: ["components/pools/protected.ts", "components/pools/kubelet.ts", "config/eviction.ts"],
    evidence: [
      {
        file: "test/unit/pools.test.ts",
        test: "that are protected keep others off by a taint, and evict in the last moment alone",
      },
      {
        file: "test/binaries/pools.test.ts",
        test: "a pod for protected nodes stays an hour on one that does not answer, any other 5 minutes",
      },
    ],
    reason:
      "taint, eviction limits and long tolerations are planned, the last is in force at the API servers; no node joins yet, and there is no descheduler",
  },
  {
    id: "N4",
    area: "kubelet and nodes",
    source: "C 7.5",
    recommendation: "in-place upgrade of pods",
    form: "1.37 has in-place resize; image-only updates by an operator (OpenKruise): optional add-on",
    status: "later",
    implementedIn: [],
    evidence: [],
    reason: "nothing: there are no add-ons yet",
  },
  {
    id: "N5",
    area: "kubelet and nodes",
    source: "C 7.3, A",
    recommendation: "bookmarks",
    form: "on by default in client-go; nothing may switch it off",
    status: "done",
    implementedIn: ["config/flags/policy.ts"],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "refuses to switch off what lists and watches of large clusters live by",
      },
    ],
  },
  {
    id: "P1",
    area: "kube-proxy",
    source: "C 8.1",
    recommendation: "ipvs mode",
    form: "`mode: ipvs`, scheduler, strictARP, kernel modules loaded at boot (deprecated upstream since 1.35 but present in 1.37; `nftables` selectable)",
    status: "later",
    implementedIn: ["config/flags/configurations.ts", "config/scale/kernel.ts", "components/pools/kube-proxy.ts"],
    evidence: [
      {
        file: "test/unit/pools.test.ts",
        test: "has kube-proxy in the mode %s, with its modules and the section of that mode alone",
      },
      { file: "test/binaries/nodes.test.ts", test: "kube-proxy takes the file of the pool %s" },
      {
        file: "test/unit/scale-kernel.test.ts",
        test: "etcd's hosts track no connections and load no module; nodes load what kube-proxy's mode needs",
      },
    ],
    reason:
      "ipvs with the scheduler lc and strictARP, or nftables, by pool: modules, file and unit are planned and read by the real kube-proxy; no node runs it yet",
  },
  {
    id: "P2",
    area: "kube-proxy",
    source: "C 8.2",
    recommendation: "conntrack-tcp-timeout-close-wait, conntrack-max-per-core",
    form: "KubeProxyConfiguration, derived (see K3)",
    status: "later",
    implementedIn: ["config/scale/node.ts", "config/flags/configurations.ts", "components/pools/kube-proxy.ts"],
    evidence: [
      {
        file: "test/unit/scale-kernel.test.ts",
        test: "kube-proxy sets the connection table that the kernel settings say",
      },
      {
        file: "test/unit/pools.test.ts",
        test: "has kube-proxy in the mode %s, with its modules and the section of that mode alone",
      },
    ],
    reason: "a part of each pool's KubeProxyConfiguration; no node runs kube-proxy yet",
  },
  {
    id: "I1",
    area: "Images and runtime",
    source: "C 9",
    recommendation: "P2P distribution (Dragonfly)",
    form: "deployed and wired into the runtime as a mirror, falls back to the registry; egress of the origin measured",
    status: "later",
    implementedIn: [],
    evidence: [],
    reason: "nothing: no container runtime is set up",
  },
  {
    id: "I2",
    area: "Images and runtime",
    source: "C 9",
    recommendation:
      "three layers: base preloaded on every host, environment preloaded on a schedule, business pulled on demand",
    form: "preload lists per pool: base at boot, environment by timer",
    status: "later",
    implementedIn: ["components/pools/preload.ts", "components/machine/files/usr/local/lib/kilonode/preload-images"],
    evidence: [
      {
        file: "test/unit/pools.test.ts",
        test: "runs its runtime, the kubelet, kube-proxy and what preloads images, as services",
      },
      { file: "test/unit/preload-images.test.ts", test: "pins what it has pulled where it is asked to" },
    ],
    reason: "lists of a pool, units and a timer are planned; no node runs them yet",
  },
  {
    id: "I3",
    area: "Images and runtime",
    source: "C 9",
    recommendation: "small base images",
    form: "no base at all: an image of ours has its programs and nothing else",
    status: "later",
    implementedIn: ["config/releases/images.ts", "toolchain/images/ensure.ts"],
    evidence: [
      {
        file: "test/toolchain/images.test.ts",
        test: "has the program and the folders on the way to it, all of them root's: no shell, no list of users",
      },
      {
        file: "test/binaries/images.test.ts",
        test: "hold one layer with their programs alone, and run as a user without rights on the right platform",
      },
    ],
    reason:
      "images of the control plane, etcd and pause are made; nothing runs them yet. Who builds another image decides what is in it",
  },
  {
    id: "D1",
    area: "Images and runtime",
    source: "C 10.1",
    recommendation:
      "daemon.json: systemd cgroup driver, max-concurrent-downloads 10, uploads 5, json-file 100m, overlay2, registry-mirrors, data-root /data/docker",
    form: "generated, validated by dockerd itself; kubelet >= 1.24 needs cri-dockerd; containerd selectable with the equivalent settings",
    status: "later",
    implementedIn: ["components/pools/docker.ts", "components/pools/containerd.ts"],
    evidence: [
      { file: "test/binaries/runtimes.test.ts", test: "takes the daemon.json of every size" },
      { file: "test/binaries/runtimes.test.ts", test: "has all of our values of %s, at every size" },
      {
        file: "test/unit/pools.test.ts",
        test: "says the same with either runtime: pulls side by side, pause image, time without progress, cgroup driver",
      },
    ],
    reason: "planned by pool, and validated by the real dockerd and containerd at every size; no node runs them yet",
  },
  {
    id: "D2",
    area: "Images and runtime",
    source: "C 10.2",
    recommendation: "pause image",
    form: "`--pod-infra-container-image` is gone from kubelet 1.37: set in cri-dockerd (flag) and containerd (`sandbox` image)",
    status: "later",
    implementedIn: ["config/flags/known/index.ts", "components/pools/docker.ts", "components/pools/containerd.ts"],
    evidence: [
      {
        file: "test/unit/flags-versions.test.ts",
        test: "gone flags of the article are not known, and their replacement is named",
      },
      {
        file: "test/unit/pools.test.ts",
        test: "says the same with either runtime: pulls side by side, pause image, time without progress, cgroup driver",
      },
    ],
    reason:
      "`pauseImage` of a pool reaches either runtime; cri-dockerd cannot be had here, and no node runs either yet",
  },
];
