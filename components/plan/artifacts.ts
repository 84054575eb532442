/** The sums of binaries, added to a plan that was made without them: a plan needs no toolchain. */
import type { Machine } from "../machine/machine";
import type { ObjectStore } from "./facts";
import type { ClusterPlan } from "./types";

/** sha256 of each binary by its name, as the toolchain verified it. A binary that is not built yet is absent. */
export type ArtifactSums = ReadonlyMap<string, string>;

/** A machine that knows where its binaries are to be had, where it does not see them as a folder. */
export function fromStore(machine: Machine, store: ObjectStore): Machine {
  if (store.kind === "folder") return machine;
  const { url, region } = store;
  return { ...machine, store: { url, ...(region !== undefined && { region }) } };
}

/** @returns the plan with the sum of each binary that has one */
export function withArtifacts(plan: ClusterPlan, sums: ArtifactSums): ClusterPlan {
  return {
    ...plan,
    hosts: plan.hosts.map((host) => ({ ...host, machine: withSums(host.machine, sums) })),
    pools: plan.pools.map((pool) => ({ ...pool, template: withSums(pool.template, sums) })),
  };
}

function withSums(machine: Machine, sums: ArtifactSums): Machine {
  const binaries = Object.entries(machine.binaries).map(([path, binary]) => {
    const sha256 = sums.get(binary.name);
    return [path, sha256 === undefined ? binary : { ...binary, sha256 }] as const;
  });
  return { ...machine, binaries: Object.fromEntries(binaries) };
}

/** Names of binaries that the machine runs and that have no sum yet. */
export function unbuilt(machine: Machine): string[] {
  return Object.values(machine.binaries).flatMap(({ name, sha256 }) => (sha256 === undefined ? [name] : []));
}
