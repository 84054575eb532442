/** Plans for tests: of the repository's stacks with changes, and of raw configurations, on the real platforms. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { type CheckedCluster, checkedCluster } from "../../components/check";
import { withArtifacts } from "../../components/plan/artifacts";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import { platforms } from "../../components/platform/registry";
import { ConfigurationError, type RawConfiguration } from "../../config/read";
import { binaries } from "../../config/releases";

export function clusterOf(stack: string, raw: RawConfiguration): CheckedCluster {
  return checkedCluster(stack, raw, platforms);
}

/** What a stack's file says, without the project's name in front of the keys. */
export function rawOf(stack: string): RawConfiguration {
  const { config } = parse(readFileSync(`stacks/Pulumi.${stack}.yaml`, "utf8")) as { config: RawConfiguration };
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [key.replace("kilonode:", ""), value]));
}

/** The plan of a stack of the repository, with other values for some of its keys. */
export function planOf(stack: string, change: RawConfiguration = {}): ClusterPlan {
  return clusterOf(stack, { ...rawOf(stack), ...change }).plan;
}

/** The same with sums: short ones, so that a golden file changes only when the plan does. */
export function builtPlanOf(stack: string, change: RawConfiguration = {}): ClusterPlan {
  return withArtifacts(planOf(stack, change), new Map(Object.keys(binaries).map((name) => [name, `sum-of-${name}`])));
}

/** Everything that is wrong with a configuration. */
export function problemsOf(raw: RawConfiguration, stack = "test"): readonly string[] {
  try {
    clusterOf(stack, raw);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

export function hostOf(plan: ClusterPlan, name: string): HostPlan {
  const host = plan.hosts.find((one) => one.name === name);
  if (!host) throw new Error(`the plan has no host ${name}`);
  return host;
}

/** Hosts of a group, in its order. */
export function hostsOf(plan: ClusterPlan, group: string): HostPlan[] {
  return (plan.groups.find(({ name }) => name === group)?.hosts ?? []).map((name) => hostOf(plan, name));
}
