/**
 * From a specification and the facts of its platform to a plan: everything about a cluster that can be computed, as data. No
 * Pulumi import, no toolchain; nothing is looked at.
 */
import type { ClusterSpec } from "../../config/cluster";
import { ConfigurationError } from "../../config/read";
import { releasesOf } from "../../config/releases";
import { deriveScale, type Scale } from "../../config/scale";
import { controlPlaneFlagProblems } from "../control-plane/flags";
import { masterHosts, mastersGroup } from "../control-plane/plan";
import { etcdGroups, etcdHosts, shardPlans } from "../etcd/plan";
import { apiPlan, loadBalancerGroups, loadBalancerHosts } from "../load-balancer/plan";
import { nodeSimulatorGroups, nodeSimulatorHosts } from "../node-simulator/plan";
import { objectPlans } from "../objects/plan";
import { poolPlans } from "../pools/plan";
import type { PlatformFacts } from "./facts";
import { masterPlaces, type PlanParts, territoryOf } from "./parts";
import type { ClusterPlan } from "./types";

/** @throws ConfigurationError with every problem: of the workload, of flags, of what the platform cannot do */
export function plan(spec: ClusterSpec, facts: PlatformFacts): ClusterPlan {
  const scale = scaleOf(spec);
  const territory = territoryOf(spec, facts);
  const shards = shardPlans(spec, territory);
  const masters = masterPlaces(territory, spec.masters.count);
  const runtime = spec.masters.runtime ?? facts.runtimes[0];
  const parts: PlanParts = { spec, facts, territory, scale, runtime, shards, masters, api: apiPlan(facts, territory) };
  const problems = [...scaleProblems(scale), ...controlPlaneFlagProblems(parts), ...platformProblems(spec, facts)];
  if (problems.length > 0) throw new ConfigurationError(spec.stack, problems);
  return {
    stack: spec.stack,
    platform: spec.platform,
    ephemeral: spec.ephemeral,
    releases: releasesOf(spec),
    network: spec.network,
    scale,
    shards,
    api: parts.api,
    hosts: [
      ...etcdHosts(parts),
      ...masterHosts(parts),
      ...loadBalancerHosts(parts),
      ...nodeSimulatorHosts(parts),
    ],
    groups: [
      ...etcdGroups(parts),
      ...loadBalancerGroups(parts),
      mastersGroup(parts),
      ...nodeSimulatorGroups(parts),
    ],
    pools: poolPlans(parts),
    simulatedNodes: facts.simulatedNodes,
    sharedKernel: facts.sharedKernel,
    objects: objectPlans(parts),
    objectStore: facts.objectStore,
  };
}

function scaleOf({ kubernetesVersion, etcdVersion, workload, masters, etcd, zones }: ClusterSpec): Scale {
  const { shards, quotaGiB, heartbeatMs, electionMs, snapshotCount } = etcd;
  const sizes = { masters: masters.count, shards, zones: zones.length };
  return deriveScale(workload, {
    kubernetesVersion,
    etcdVersion,
    ...sizes,
    quotaGiB,
    heartbeatMs,
    electionMs,
    snapshotCount,
  });
}

function scaleProblems({ findings }: Scale): string[] {
  return findings
    .filter(({ level }) => level === "error")
    .map(({ path, message, source }) => `${path}: ${message} (${source})`);
}

/** Knobs that this platform has no answer to. */
function platformProblems({ platform, masters, pools }: ClusterSpec, { runtimes, placesPools }: PlatformFacts): string[] {
  const { runtime } = masters;
  const problems: string[] = [];
  if (runtime !== undefined && !runtimes.includes(runtime)) {
    problems.push(
      `masters.runtime: ${runtime} is nothing that masters on ${platform} can run; allowed is ${runtimes.join(" or ")}, which is what they run when the knob is left out` +
        (runtime === "static-pod" ? " (static pods need a kubelet on the masters)" : ""),
    );
  }
  const names = Object.keys(pools);
  if (names.length > 0 && !placesPools) {
    problems.push(`pools: ${names.join(", ")}: the platform ${platform} makes no nodes yet; leave pools out`);
  }
  return problems;
}
