/** The plan with the sums of the binaries that are in the cache already; nothing is made or downloaded. */
import { withArtifacts } from "../../components/plan/artifacts";
import type { ClusterPlan } from "../../components/plan/types";
import { type CheckedTool, checkToolchain, isSound } from "../../toolchain/ensure";
import type { CheckedStack } from "./configuration";

export async function planWithSums({ spec, plan }: CheckedStack): Promise<ClusterPlan> {
  const { source, sha256 } = spec.toolchain;
  const names = plan.hosts.flatMap(({ machine }) => Object.values(machine.binaries).map(({ name }) => name));
  const options = { releases: plan.releases, binaries: [...new Set(names)], source, sha256 };
  // Without Go and without pinned sums there are none to show, which is no reason not to show the rest.
  const tools: CheckedTool[] = await checkToolchain(options, true).catch(() => []);
  return withArtifacts(plan, new Map(tools.filter(isSound).map(({ name, sha256: sum }) => [name, sum])));
}
