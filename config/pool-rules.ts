/** The rules that a pool of nodes keeps, by itself and with the rest of the configuration. */
import type { ClusterSpec } from "./cluster";
import { evictionOf } from "./eviction";
import { atLeast } from "./flags/versions";
import type { EvictionSignal, PoolConfig } from "./pool";
import type { Problem, Rule } from "./rules";

export const poolRules: readonly Rule[] = [
  { needs: ["workload"], check: podsWithinWorkload },
  { needs: ["kubernetesVersion"], check: overcommitRelease },
  { needs: [], check: labelNames },
  { needs: [], check: taintNames },
  { needs: [], check: softBeforeHard },
  { needs: [], check: protectedSoft },
  { needs: [], check: dockerMirrors },
  { needs: [], check: imagesOnce },
];

/** Problems of each pool, at one of its keys. */
function eachPool(
  { pools }: ClusterSpec,
  judge: (pool: PoolConfig, name: string) => readonly (readonly [readonly (string | number)[], string])[],
): Problem[] {
  return Object.entries(pools).flatMap(([name, pool]) =>
    judge(pool, name).map(([path, message]) => ({ path: ["pools", name, ...path], message })),
  );
}

/** Rates, tables and shards were derived for so many pods a node. */
function podsWithinWorkload(spec: ClusterSpec): Problem[] {
  const { podsPerNode } = spec.workload;
  return eachPool(spec, ({ maxPods }) =>
    maxPods === undefined || maxPods <= podsPerNode
      ? []
      : [
          [
            ["maxPods"],
            `${maxPods} is more than workload.podsPerNode, ${podsPerNode}, which the cluster was sized for; take at most ${podsPerNode}, or raise workload.podsPerNode`,
          ],
        ],
  );
}

/** The first minor version of Kubernetes whose API servers have MutatingAdmissionPolicy without a gate. */
const firstWithPolicies = "1.36";

export const hasPolicies = (kubernetesVersion: string): boolean => atLeast(kubernetesVersion, firstWithPolicies);

function overcommitRelease(spec: ClusterSpec): Problem[] {
  if (hasPolicies(spec.kubernetesVersion)) return [];
  return eachPool(spec, ({ cpuOvercommit }) =>
    cpuOvercommit === 1
      ? []
      : [
          [
            ["cpuOvercommit"],
            `${cpuOvercommit} is nothing that Kubernetes ${spec.kubernetesVersion} can do: API servers have MutatingAdmissionPolicy since ${firstWithPolicies}; leave it out, or take a newer kubernetesVersion`,
          ],
        ],
  );
}

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
const name = /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;
const prefix = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

function isKey(key: string): boolean {
  const parts = key.split("/");
  const [first = "", second] = parts;
  if (parts.length > 2) return false;
  return second === undefined ? name.test(first) : prefix.test(first) && name.test(second);
}
const isValue = (value: string): boolean => value === "" || name.test(value);
const keyForm =
  "a name of letters, digits, dots, dashes and underscores, at most 63, after a DNS name and a slash or without";
const valueForm = "letters, digits, dots, dashes and underscores, at most 63, or nothing";

/** Of those under kubernetes.io and k8s.io, what a kubelet takes (k8s.io/kubelet, pkg/apis/well_known_labels.go). */
const ofKubelet = [
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "node.kubernetes.io/instance-type",
];
const kubeletPrefix = /(^|\.)(kubelet|node)\.kubernetes\.io$/;

function labelNames(spec: ClusterSpec): Problem[] {
  return eachPool(spec, ({ labels }) =>
    Object.entries(labels).flatMap(([key, value]): [string[], string][] => {
      if (!isKey(key)) return [[["labels"], `"${key}" is no name of a label; allowed is ${keyForm}`]];
      if (!isValue(value)) return [[["labels", key], `"${value}" is no value of a label; allowed is ${valueForm}`]];
      const [domain = "", rest] = key.split("/");
      if (key.startsWith("kilonode.io/"))
        return [[["labels", key], `labels under kilonode.io are the plan's own; take another name`]];
      if (rest === undefined || !/(^|\.)(kubernetes|k8s)\.io$/.test(domain)) return [];
      return ofKubelet.includes(key) || kubeletPrefix.test(domain)
        ? []
        : [
            [
              ["labels", key],
              `a kubelet does not start with this label: it may give itself none under kubernetes.io and k8s.io but ${ofKubelet.join(", ")} and those under node.kubernetes.io; take a name of your own`,
            ],
          ];
    }),
  );
}

function taintNames(spec: ClusterSpec): Problem[] {
  return eachPool(spec, ({ taints }) =>
    taints.flatMap(({ key, value }, index): [(string | number)[], string][] => {
      if (!isKey(key)) return [[["taints", index, "key"], `"${key}" is no name of a taint; allowed is ${keyForm}`]];
      if (!isValue(value))
        return [[["taints", index, "value"], `"${value}" is no value of a taint; allowed is ${valueForm}`]];
      if (key.startsWith("kilonode.io/"))
        return [
          [["taints", index, "key"], "taints under kilonode.io are the plan's own (`protected`); take another name"],
        ];
      return [];
    }),
  );
}

/** In bytes, or as a share; undefined for both together, which cannot be compared without a node. */
function compared(a: string, b: string): readonly [number, number] | undefined {
  const units: Readonly<Record<string, number>> = { "%": 1, Ki: 1, Mi: 1024, Gi: 1024 ** 2 };
  const [first, second] = [a, b].map((text) => {
    const [, amount = "", unit = ""] = /^([\d.]+)(.+)$/.exec(text) ?? [];
    return { value: Number(amount) * (units[unit] ?? 0), isShare: unit === "%" };
  });
  return first && second && first.isShare === second.isShare ? [first.value, second.value] : undefined;
}

function softBeforeHard(spec: ClusterSpec): Problem[] {
  return eachPool(spec, (pool) =>
    Object.entries(pool.eviction.soft).flatMap(([signal, soft]): [string[], string][] => {
      const hard = evictionOf(pool).hard[signal as EvictionSignal];
      const both = hard === undefined ? undefined : compared(soft, hard);
      return both && both[0] <= both[1]
        ? [
            [
              ["eviction", "soft", signal],
              `${soft} is no more than the hard threshold, ${hard}, which acts at once, so this would never act; take more, or leave it out`,
            ],
          ]
        : [];
    }),
  );
}

function protectedSoft(spec: ClusterSpec): Problem[] {
  return eachPool(spec, (pool) =>
    pool.protected && Object.keys(pool.eviction.soft).length > 0
      ? [[["eviction", "soft"], "nodes of a protected pool evict in the last moment alone; leave it out, or protected"]]
      : [],
  );
}

/** https://docs.docker.com/docker-hub/image-library/mirror/: "It's currently not possible to mirror another private registry." */
function dockerMirrors(spec: ClusterSpec): Problem[] {
  return eachPool(spec, ({ imageMirrors, runtime }) =>
    runtime !== "docker"
      ? []
      : Object.keys(imageMirrors).flatMap((registry): [string[], string][] =>
          registry === "docker.io"
            ? []
            : [
                [
                  ["imageMirrors", registry],
                  "dockerd has mirrors of docker.io and of no other registry; leave it out, or take runtime: containerd",
                ],
              ],
        ),
  );
}

function imagesOnce(spec: ClusterSpec): Problem[] {
  return eachPool(spec, ({ preload: { base, environment } }) =>
    environment.flatMap((image, index): [(string | number)[], string][] =>
      base.includes(image)
        ? [[["preload", "environment", index], `${image} is in preload.base already; leave it out of one of them`]]
        : [],
    ),
  );
}
