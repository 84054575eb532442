/** From a specification to a plan: everything about a cluster that can be computed, as data. No Pulumi import. */
import { type Cidr, parseCidr } from "../config/cidr";
import type { ClusterSpec } from "../config/cluster";
import { apiServiceAddress, gatewayOf } from "../config/names";
import { ConfigurationError } from "../config/read";
import { deriveScale } from "../config/scale";
import { masterHosts, masterPlaces } from "./control-plane/plan";
import { etcdHosts, shardPlans } from "./etcd/plan";
import { loadBalancerHost, loadBalancerPlace } from "./load-balancer/plan";
import { nodeSimulatorHosts } from "./node-simulator/plan";
import { objectPlans } from "./objects/plan";
import type { ArtifactSums, ClusterPlan } from "./plan-types";
import { ports } from "./ports";

/**
 * @param sums sha256 of every binary, as the toolchain verified them
 * @throws ConfigurationError for a workload that the cluster cannot carry, FlagError for flags it cannot have
 */
export function plan(spec: ClusterSpec, sums: ArtifactSums): ClusterPlan {
  const scale = deriveScale(spec.workload, {
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
  const refused = scale.findings.filter(({ level }) => level === "error");
  if (refused.length > 0) {
    throw new ConfigurationError(
      spec.stack,
      refused.map(({ path, message, source }) => `${path}: ${message} (${source})`),
    );
  }
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

/** Hosts of all roles, known before anything else is computed. */
export function hostCount(spec: ClusterSpec): number {
  const members = Object.values(spec.etcd.shards).reduce((sum, shard) => sum + shard.members, 0);
  return members + spec.masters.count + 1 + (spec.simulatedNodes > 0 ? 1 : 0);
}
