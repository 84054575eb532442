/** From a specification to a plan: everything about a cluster that can be computed, as data. No Pulumi import. */
import { type Cidr, parseCidr } from "../config/cidr";
import type { ClusterSpec } from "../config/cluster";
import { apiServiceAddress, gatewayOf } from "../config/names";
import { ConfigurationError, problemLine } from "../config/read";
import type { Problem, Rule } from "../config/rules";
import { deriveScale, type Scale } from "../config/scale";
import { controlPlaneFlagProblems, masterPlaces } from "./control-plane/flags";
import { masterHosts } from "./control-plane/plan";
import { etcdHosts, shardPlans } from "./etcd/plan";
import { loadBalancerHost, loadBalancerPlace } from "./load-balancer/plan";
import { nodeSimulatorHosts } from "./node-simulator/plan";
import { objectPlans } from "./objects/plan";
import type { ArtifactSums, ClusterPlan } from "./plan-types";
import { ports } from "./ports";

/** What a plan refuses beyond the configuration's own rules. */
export const planRules: readonly Rule[] = [
  { needs: ["workload", "zones", "etcd", "masters.count", "kubernetesVersion", "etcdVersion"], check: loadProblems },
  { needs: [], check: (spec) => controlPlaneFlagProblems(spec, scaleOf(spec), shardPlans(spec)) },
];

/**
 * @param sums sha256 of every binary, as the toolchain verified them
 * @throws ConfigurationError with everything that {@link planRules} refuse
 */
export function plan(spec: ClusterSpec, sums: ArtifactSums): ClusterPlan {
  const problems = planRules.flatMap(({ check }) => check(spec));
  if (problems.length > 0) throw new ConfigurationError(spec.stack, problems.map(problemLine));
  const scale = scaleOf(spec);
  const hosts = parseCidr(spec.network.hosts) as Cidr;
  const shards = shardPlans(spec);
  const loadBalancer = loadBalancerPlace(spec);
  const apiEndpoint = `https://${loadBalancer.address}:${ports.apiserver}`;
  const serviceAddress = apiServiceAddress(parseCidr(spec.network.services) as Cidr);
  return {
    stack: spec.stack,
    ephemeral: spec.ephemeral,
    versions: { kubernetes: spec.kubernetesVersion, etcd: spec.etcdVersion },
    network: { ...spec.network, gateway: gatewayOf(hosts) },
    scale,
    shards,
    apiEndpoint,
    hosts: [
      ...shards.flatMap((shard) => etcdHosts(spec, scale, shard, sums)),
      ...masterHosts({ spec, scale, shards, sums, apiEndpoint, loadBalancer, serviceAddress }),
      loadBalancerHost(spec, scale, masterPlaces(spec), shards),
      ...nodeSimulatorHosts(spec, scale, apiEndpoint, sums),
    ],
    objects: objectPlans(spec, scale),
  };
}

function scaleOf(spec: ClusterSpec): Scale {
  return deriveScale(spec.workload, {
    kubernetesVersion: spec.kubernetesVersion,
    etcdVersion: spec.etcdVersion,
    masters: spec.masters.count,
    shards: spec.etcd.shards,
    zones: spec.zones.length,
    quotaGiB: spec.etcd.quotaGiB,
    heartbeatMs: spec.etcd.heartbeatMs,
    electionMs: spec.etcd.electionMs,
    snapshotCount: spec.etcd.snapshotCount,
  });
}

/** A workload that the cluster cannot carry. */
function loadProblems(spec: ClusterSpec): Problem[] {
  return scaleOf(spec)
    .notices.filter(({ level }) => level === "error")
    .map(({ path, message, source }) => ({ path: path.split("."), message: `${message} (${source})` }));
}

/** Hosts of all roles, known before anything else is computed. */
export function hostCount(spec: ClusterSpec): number {
  const members = Object.values(spec.etcd.shards).reduce((sum, shard) => sum + shard.members, 0);
  return members + spec.masters.count + 1 + (spec.simulatedNodes > 0 ? 1 : 0);
}
