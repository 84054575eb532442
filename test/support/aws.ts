/** Plans for AWS, of the repository's stacks with changes. */
import { awsParts } from "../../components/platform/aws/parts";
import { type AwsPlan, awsPlan } from "../../components/platform/aws/plan";
import type { AwsResource, AwsResourceOf, AwsType } from "../../components/platform/aws/resource";
import type { RawConfiguration } from "../../config/read";
import { clusterOf, rawOf } from "./plans";

export const awsStacks = ["test", "staging", "prod-a", "prod-b", "prod-c"];

export function awsPlanOf(stack: string, change: RawConfiguration = {}): AwsPlan {
  const { plan, spec } = clusterOf(stack, { ...rawOf(stack), ...change });
  return awsPlan(awsParts(spec, plan));
}

export function ofType<T extends AwsType>(resources: readonly AwsResource[], type: T): AwsResourceOf<T>[] {
  return resources.filter((one): one is AwsResourceOf<T> & AwsResource => one.type === type);
}
