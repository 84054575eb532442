/** When a kubelet evicts pods: the plan's thresholds, and those of a pool over them. */
import type { EvictionSignal, PoolConfig } from "./pool";

type Thresholds = Partial<Readonly<Record<EvictionSignal, string>>>;

/** Of a node that is nothing special. Every signal is given: naming one drops upstream's defaults of the others. */
const usual = {
  hard: {
    "memory.available": "500Mi",
    "nodefs.available": "10%",
    "nodefs.inodesFree": "5%",
    "imagefs.available": "15%",
    "imagefs.inodesFree": "5%",
    "pid.available": "5%",
  },
  soft: { "memory.available": "1Gi", "nodefs.available": "15%", "imagefs.available": "20%" },
} as const satisfies Readonly<Record<"hard" | "soft", Thresholds>>;

/** Of a protected node: shortly before the kernel kills or a disk is full, and never sooner. Memory: upstream's own threshold. */
const lastMoment: Thresholds = {
  "memory.available": "100Mi",
  "nodefs.available": "3%",
  "nodefs.inodesFree": "2%",
  "imagefs.available": "3%",
  "imagefs.inodesFree": "2%",
  "pid.available": "2%",
};

export interface Eviction {
  readonly hard: Thresholds;
  readonly soft: Thresholds;
}

/** Of a pool. A signal whose hard threshold the pool gives has the soft one that it gives, or none: the plan's might come too late. */
export function evictionOf(pool?: Pick<PoolConfig, "eviction" | "protected">): Eviction {
  if (!pool) return usual;
  const { eviction, protected: isProtected } = pool;
  const hard = { ...(isProtected ? lastMoment : usual.hard), ...eviction.hard };
  const kept = isProtected
    ? []
    : Object.entries(usual.soft).filter(([signal]) => !Object.hasOwn(eviction.hard, signal));
  return { hard, soft: { ...Object.fromEntries(kept), ...eviction.soft } };
}

/** For how long a soft threshold must be passed. */
export const softGrace = (signal: string): string => (signal === "memory.available" ? "1m30s" : "2m");
