/** Scales that several tests look at. */
import { deriveScale, type Scale, type ScaleOptions, type Workload } from "../../config/scale";

export const versions = { kubernetesVersion: "1.37.2", etcdVersion: "3.7.3" } as const;

export const scaleOf = (workload: Workload, options: Partial<ScaleOptions> = {}): Scale =>
  deriveScale(workload, { ...versions, ...options });

/** Sizes with a golden table; at 1,300 nodes the pods are those of the clusters this project was made for. */
export const goldenSizes: readonly { readonly nodes: number; readonly pods?: number }[] = [
  { nodes: 100 },
  { nodes: 500 },
  { nodes: 1000 },
  { nodes: 1300, pods: 100_000 },
  { nodes: 3000 },
  { nodes: 5000 },
  { nodes: 10_000 },
  { nodes: 15_000 },
];
