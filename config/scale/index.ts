/** The scale model: what the cluster has to carry goes in, every size, rate, flag and kernel setting comes out. Pure. */
import { exitCodes, UserError } from "../errors";
import { checkVersions } from "../flags/versions";
import { deriveApiserver } from "./apiserver";
import { Book } from "./book";
import { deriveControllerManager, deriveScheduler } from "./controllers";
import { deriveCost } from "./cost";
import { deriveEtcd } from "./etcd";
import { deriveEventLimits } from "./event-limits";
import { flowControlObjects } from "./flow-control";
import { deriveKernel } from "./kernel";
import { levelShares } from "./levels";
import { deriveLoadBalancer } from "./load-balancer";
import { deriveMasters } from "./masters";
import { deriveNode } from "./node";
import { noticesOf } from "./notices";
import { deriveRates } from "./rates";
import type { Scale, ScaleOptions } from "./types";
import { resolveWorkload, type Workload } from "./workload";

export { renderScaleDocument } from "./document";
export { explain, explainable } from "./explain";
export type { FlowSchema, PriorityLevelConfiguration } from "./flow-control-objects";
export { ipvsScheduler, kernelProfiles, modulesFor, type SysctlValue, sysctlsFor } from "./kernel";
export { nodeWith } from "./node";
export { shardOf } from "./shard";
export { fullTable, summary } from "./table";
export type { HostScale, KernelProfile, Notice, Scale, ScaleOptions, ShardOption, ShardScale } from "./types";
export { assumptions, type ResolvedWorkload, resolveWorkload, Workload } from "./workload";

function checkOptions(options: ScaleOptions): readonly string[] {
  const problems: string[] = [...checkVersions(options)];
  const positive = [
    "masters",
    "zones",
    "quotaGiB",
    "heartbeatMs",
    "electionMs",
    "snapshotCount",
    "drainSeconds",
  ] as const;
  for (const name of positive) {
    const value = options[name];
    if (value !== undefined && !(value > 0)) problems.push(`${name} is ${value}; it must be above 0`);
  }
  if (options.shards && !Object.hasOwn(options.shards, "main"))
    problems.push("shards: no shard named main; it holds every resource that no other shard names");
  for (const [name, shard] of Object.entries(options.shards ?? {})) {
    if (!(shard.members > 0)) problems.push(`shards.${name}.members is ${shard.members}; it must be above 0`);
  }
  return problems;
}

/**
 * Derives everything from the workload.
 * @throws ZodError for a contradictory workload, UserError for versions and options, with every problem at once. What works but is untested, or fits but not
 * well, is in `notices` instead.
 */
export function deriveScale(workload: Workload, options: ScaleOptions): Scale {
  const resolved = resolveWorkload(workload);
  const problems = checkOptions(options);
  if (problems.length > 0)
    throw new UserError("the scale model cannot compute with these options", exitCodes.badConfiguration, problems);
  const { zones = 3, loadBalanced = true, drainSeconds = 10, proxyMode = "ipvs" } = options;
  const { kubernetesVersion, etcdVersion } = options;
  const book = new Book(resolved, { zones, loadBalanced, drainSeconds, proxyMode });

  const rates = deriveRates(book);
  const masters = deriveMasters(book, rates, { ...options, zones });
  const apiserver = deriveApiserver(book, rates, masters, loadBalanced, drainSeconds);
  const controllerManager = deriveControllerManager(book, masters);
  const scheduler = deriveScheduler(book, masters);
  const eventLimits = deriveEventLimits(book);
  const etcd = deriveEtcd(book, rates, { ...options, zones });
  const cost = deriveCost(book, masters, etcd);
  const loadBalancer = deriveLoadBalancer(book, rates, masters);
  const kernel = deriveKernel(book, rates, masters, etcd, loadBalancer);
  const node = deriveNode(book, kernel, proxyMode);

  const derivations = Object.fromEntries(book.entries);
  const scale: Scale = {
    workload: resolved,
    versions: { kubernetesVersion, etcdVersion },
    zones,
    loadBalanced,
    extrapolated: Object.values(derivations).some((entry) => entry.extrapolated),
    rates,
    apiserver,
    controllerManager,
    scheduler,
    eventLimits,
    etcd,
    masters,
    cost,
    kernel,
    node,
    loadBalancer,
    flowControl: flowControlObjects(apiserver.levels, resolved.bulkListerSubjects, levelShares),
    notices: [],
    derivations,
  };
  return { ...scale, notices: noticesOf(scale, options) };
}
