/** From the raw values of a stack's file to a plan: what the program and the command both begin with. */
import type { ClusterSpec } from "../config/cluster";
import { ConfigurationError, type RawConfiguration, readSpec } from "../config/read";
import { plan, planRules } from "./plan/plan";
import type { ClusterPlan } from "./plan/types";
import type { PlatformModule } from "./platform/module";
import { type Platforms, platformKnobs, platformOf } from "./platform/registry";

export interface CheckedCluster {
  readonly stack: string;
  readonly spec: ClusterSpec;
  readonly platform: PlatformModule;
  /** Without the sums of binaries: nothing of the machine was looked at. */
  readonly plan: ClusterPlan;
}

/** @throws ConfigurationError with every problem, before anything is touched */
export function checkedCluster(stack: string, raw: RawConfiguration, platforms: Platforms): CheckedCluster {
  const rules = planRules((spec) => platformOf(platforms, spec.platform).facts(spec));
  const spec = readSpec(stack, raw, platformKnobs(platforms), rules);
  const platform = platformOf(platforms, spec.platform);
  const planned = plan(spec, platform.facts(spec));
  const problems = platform.planProblems?.(spec, planned) ?? [];
  if (problems.length > 0) throw new ConfigurationError(stack, problems);
  return { stack, spec, platform, plan: planned };
}
