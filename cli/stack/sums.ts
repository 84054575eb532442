/** The plan with the sums of the binaries that are in the cache already; nothing is made or downloaded. */
import { plan } from "../../components/plan/plan";
import type { ArtifactSums, ClusterPlan } from "../../components/plan/types";
import type { ClusterSpec } from "../../config/cluster";
import { labBinaries, releasesOf } from "../../config/releases";
import { checkToolchain } from "../../toolchain/ensure";
import { placeholderSums } from "./configuration";

export async function planWithSums(spec: ClusterSpec): Promise<ClusterPlan> {
  return plan(spec, { ...placeholderSums(releasesOf(spec)), ...(await cachedSums(spec)) });
}

async function cachedSums(spec: ClusterSpec): Promise<ArtifactSums> {
  const { source, sha256 } = spec.toolchain;
  // Without Go and without pinned sums there are none to show, which is no reason not to show the rest.
  const tools = await checkToolchain({ releases: releasesOf(spec), binaries: labBinaries, source, sha256 }, true).catch(
    () => [],
  );
  return Object.fromEntries(
    tools.flatMap((tool) => ("sha256" in tool ? [[tool.name, { version: tool.version, sha256: tool.sha256 }]] : [])),
  );
}
