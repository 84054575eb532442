/** The knobs of a pool of nodes. What ties several of them together: pool-rules.ts. */
import { z } from "zod";

/** Signals by which a kubelet evicts (https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/). */
export const evictionSignals = [
  "memory.available",
  "nodefs.available",
  "nodefs.inodesFree",
  "imagefs.available",
  "imagefs.inodesFree",
  "pid.available",
] as const;
export type EvictionSignal = (typeof evictionSignals)[number];

const threshold = z
  .string()
  .regex(
    /^[1-9]\d{0,2}(\.\d)?%$|^[1-9]\d{0,5}(Ki|Mi|Gi)$/,
    'a share such as "10%", or a quantity such as "500Mi" (Ki, Mi, Gi)',
  );
const thresholds = z.partialRecord(z.enum(evictionSignals), threshold).default({});

const registry = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/, 'a registry as images name it, for instance "docker.io"');
const mirror = z
  .string()
  .regex(
    /^https:\/\/[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?(\/[\w./-]*)?$/,
    'an address such as "https://mirror.example:5000": by https alone, since what comes from it runs on every node',
  );
const image = z
  .string()
  .regex(
    /^[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9._-]+)+(:\w[\w.-]{0,127}(@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64})$/,
    'an image with its registry and a tag or digest, for instance "registry.example/base/jdk:21"',
  );

const Preload = z.strictObject({
  /** Pulled at every boot, before the kubelet starts. Default: none. */
  base: z.array(image).default([]),
  /** Pulled some minutes after a boot and every `everyMinutes` from then on, so that a tag that moves is fresh. Default: none. */
  environment: z.array(image).default([]),
  /** Between two pulls of `environment`, minutes; each node waits up to a quarter of it longer, so that not all come at once. Default 60. */
  everyMinutes: z.int().min(5).max(10_080).default(60),
});

export const Pool = z.strictObject({
  /** Nodes. */
  count: z.int().min(0).max(15_000),
  /** Labels of its nodes. Default: none. */
  labels: z.record(z.string(), z.string()).default({}),
  /** Taints of its nodes. Default: none. */
  taints: z
    .array(
      z.strictObject({
        key: z.string().min(1),
        value: z.string().default(""),
        effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]),
      }),
    )
    .default([]),
  /** What runs containers: containerd, or dockerd behind cri-dockerd. Default containerd: one program less between kubelet and container. */
  runtime: z.enum(["containerd", "docker"]).default("containerd"),
  /** Most pods on a node, at most `workload.podsPerNode`, which the load was derived for. Default: that. */
  maxPods: z.int().min(1).max(1024).optional(),
  /** Kubelet's thresholds, in its own words; each takes the place of the plan's for the same signal. Default: the plan's (docs/node.md). */
  eviction: z
    .strictObject({
      /** At once. */
      hard: thresholds,
      /** After a while below it (memory 90 s, anything else 2 min). */
      soft: thresholds,
    })
    .prefault({}),
  /**
   * Nodes for what must not be disturbed: a taint keeps all others off, and the kubelet evicts only in the last moment before the kernel
   * would kill. Default false.
   */
  protected: z.boolean().default(false),
  /** CPUs that pods may ask for, to CPUs that there are; see docs/decisions/0025. Default 1: none is promised twice. */
  cpuOvercommit: z.number().min(1).max(4).default(1),
  /** How Services reach their pods. Default ipvs; nftables is its successor upstream. */
  proxyMode: z.enum(["ipvs", "nftables"]).default("ipvs"),
  /** Registry to mirrors that are asked before it, in this order; a mirror that does not answer is passed over. Default: none. */
  imageMirrors: z.record(registry, z.array(mirror).min(1)).default({}),
  /** Image of the process that holds a pod's namespaces. Default: what kubeadm of Kubernetes 1.37 takes. */
  pauseImage: image.default("registry.k8s.io/pause:3.10.2"),
  /** Images on a node before a pod asks for them. */
  preload: Preload.prefault({}),
});

export type PoolConfig = z.output<typeof Pool>;
