/**
 * From a specification and the facts of its platform to a plan: everything about a cluster that can be computed, as data. No
 * Pulumi import, no toolchain; nothing is looked at.
 */
import type { ClusterSpec } from "../../config/cluster";
import { ConfigurationError, problemLine } from "../../config/read";
import { releasesOf } from "../../config/releases";
import type { Problem, Rule } from "../../config/rules";
import { deriveScale, type Scale } from "../../config/scale";
import { backupPlan } from "../backup/plan";
import { backupStoreGroups, backupStoreHosts } from "../backup/store";
import { components, controlPlaneFlagProblems } from "../control-plane/flags";
import { masterHosts, mastersGroup } from "../control-plane/plan";
import { etcdGroups, etcdHosts, shardPlans } from "../etcd/plan";
import { apiPlan, loadBalancerGroups, loadBalancerHosts } from "../load-balancer/plan";
import { nodeSimulatorGroups, nodeSimulatorHosts } from "../node-simulator/plan";
import { objectPlans } from "../objects/plan";
import { poolPlans } from "../pools/plan";
import { fromStore } from "./artifacts";
import { authoritiesOf, authorityProblems } from "./authorities";
import type { PlatformFacts } from "./facts";
import { masterPlaces, type PlanParts, territoryOf } from "./parts";
import type { ClusterPlan } from "./types";

/** What a plan refuses beyond the configuration's own rules. @param factsOf of the platform that the specification names */
export function planRules(factsOf: (spec: ClusterSpec) => PlatformFacts): readonly Rule[] {
  const load = ["platform", "workload", "zones", "etcd", "masters.count", "kubernetesVersion", "etcdVersion"];
  return [
    { needs: load, check: (spec) => loadProblems(scaleOf(spec, factsOf(spec))) },
    {
      needs: ["platform", "ephemeral", "etcd.shards", "etcd.backup", "keys"],
      check: (spec) => authorityProblems(spec, factsOf(spec)),
    },
    { needs: ["platform"], check: (spec) => controlPlaneFlagProblems(partsOf(spec, factsOf(spec))) },
    { needs: ["platform", "masters.runtime"], check: (spec) => runtimeProblems(spec, factsOf(spec)) },
    {
      needs: ["platform", "masters.runtime", "ephemeral", "toolchain.imageDigests"],
      check: (spec) => imageProblems(spec, factsOf(spec)),
    },
    { needs: ["platform", "pools"], check: (spec) => poolProblems(spec, factsOf(spec)) },
  ];
}

/** @throws ConfigurationError with everything that {@link planRules} refuse */
export function plan(spec: ClusterSpec, facts: PlatformFacts): ClusterPlan {
  const problems = planRules(() => facts).flatMap(({ check }) => check(spec));
  if (problems.length > 0) throw new ConfigurationError(spec.stack, problems.map(problemLine));
  const parts = partsOf(spec, facts);
  const hosts = [
    ...etcdHosts(parts),
    ...masterHosts(parts),
    ...loadBalancerHosts(parts),
    ...nodeSimulatorHosts(parts),
    ...backupStoreHosts(parts),
  ];
  return {
    stack: spec.stack,
    platform: spec.platform,
    ephemeral: spec.ephemeral,
    releases: releasesOf(spec),
    network: spec.network,
    scale: parts.scale,
    shards: parts.shards,
    ...(parts.backup && { backup: parts.backup }),
    ...(spec.etcd.downgradeTo !== undefined && { etcdDowngrade: true }),
    api: parts.api,
    authorities: authoritiesOf(spec, facts),
    keys: spec.keys,
    hosts: hosts.map((host) => ({ ...host, machine: fromStore(host.machine, facts.objectStore) })),
    groups: [
      ...etcdGroups(parts),
      ...loadBalancerGroups(parts),
      mastersGroup(parts),
      ...nodeSimulatorGroups(parts),
      ...backupStoreGroups(parts),
    ],
    pools: poolPlans(parts).map((pool) => ({ ...pool, template: fromStore(pool.template, facts.objectStore) })),
    simulatedNodes: facts.simulatedNodes,
    sharedKernel: facts.sharedKernel,
    objects: objectPlans(parts),
    objectStore: facts.objectStore,
    heldTo: facts.heldTo,
  };
}

function partsOf(spec: ClusterSpec, facts: PlatformFacts): PlanParts {
  const territory = territoryOf(spec, facts);
  const backup = backupPlan(spec, facts, territory);
  return {
    spec,
    facts,
    territory,
    scale: scaleOf(spec, facts),
    runtime: spec.masters.runtime ?? facts.runtimes[0],
    shards: shardPlans(spec, territory),
    masters: masterPlaces(territory, spec.masters.count),
    api: apiPlan(facts, territory),
    ...(backup && { backup }),
  };
}

function scaleOf(spec: ClusterSpec, { api, networkVolumes: etcdVolumes = false }: PlatformFacts): Scale {
  const { kubernetesVersion, etcdVersion, workload, masters, etcd, zones } = spec;
  const { shards, quotaGiB, heartbeatMs, electionMs, snapshotCount } = etcd;
  const sizes = { masters: masters.count, shards, zones: zones.length };
  return deriveScale(workload, {
    kubernetesVersion,
    etcdVersion,
    ...sizes,
    etcdVolumes,
    quotaGiB,
    heartbeatMs,
    electionMs,
    snapshotCount,
    ...(api.kind === "managed" && { drainSeconds: api.drainSeconds }),
  });
}

/** A workload that the cluster cannot carry. */
function loadProblems({ notices }: Scale): Problem[] {
  return notices
    .filter(({ level }) => level === "error")
    .map(({ path, message, source }) => ({ path: path.split("."), message: `${message} (${source})` }));
}

function runtimeProblems({ masters: { runtime }, platform }: ClusterSpec, { runtimes }: PlatformFacts): Problem[] {
  if (runtime === undefined || runtimes.includes(runtime)) return [];
  const why = runtime === "static-pod" ? ": static pods need a kubelet on the masters" : "";
  const message = `${runtime} is nothing that masters on ${platform} can run${why}; allowed is ${runtimes.join(" or ")}, which they run when this is left out`;
  return [{ path: ["masters", "runtime"], message }];
}

/** A cluster of worth runs no image that a registry may exchange. */
function imageProblems(spec: ClusterSpec, { runtimes }: PlatformFacts): Problem[] {
  if (spec.ephemeral || (spec.masters.runtime ?? runtimes[0]) !== "static-pod") return [];
  const missing = components.filter((name) => spec.toolchain.imageDigests[name] === undefined);
  return missing.map((name) => ({
    path: ["toolchain", "imageDigests", name],
    message: `missing: a tag can be given to another image; take the digest of registry.k8s.io/${name}:v${spec.kubernetesVersion} from a source you trust, "sha256:..." (only an ephemeral stack may do without)`,
  }));
}

function poolProblems({ platform, pools }: ClusterSpec, { placesPools }: PlatformFacts): Problem[] {
  if (placesPools) return [];
  const message = `the platform ${platform} makes no nodes yet; leave pools out`;
  return Object.keys(pools).map((name) => ({ path: ["pools", name], message }));
}
