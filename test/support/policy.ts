/** Clusters of the repository's stacks as a policy pack sees them, without an engine: what is not known yet can be said to be known. */
import { machineInput } from "../../components/host/delivery";
import { commitmentsOf } from "../../components/plan/commitments";
import { wholeCluster } from "../../components/platform/aws/plan";
import {
  type AwsResource,
  isGiven,
  isJoined,
  isJsonText,
  isReference,
  references,
} from "../../components/platform/aws/resource";
import type { RawConfiguration } from "../../config/read";
import { type Resource, unknown } from "../../policy/resource";
import { type Stack, stackOf } from "../../policy/stack";
import { awsPlanOf } from "./aws";
import { builtPlanOf, rawOf } from "./plans";

export interface Seen {
  readonly stack: Stack;
  readonly resources: readonly Resource[];
}

const none = { protect: false, madeFrom: {} };

/** What a stack's file says to the pack. */
export function stackSeen(stack: string, change: RawConfiguration = {}): Stack {
  const raw = { ...rawOf(stack), ...change };
  return stackOf(stack, {
    platform: raw.platform as string,
    ephemeral: raw.ephemeral as boolean | undefined,
    workload: raw.workload,
    etcd: raw.etcd,
  });
}

export function clusterSeen(stack: string, change: RawConfiguration = {}): Seen {
  const plan = builtPlanOf(stack, change);
  const command = (type: "local" | "remote", name: string, props: Resource["props"]): Resource => ({
    ...none,
    type: `command:${type}:Command`,
    name,
    urn: `urn:${name}`,
    props,
  });
  return {
    stack: stackSeen(stack, change),
    resources: [
      command("local", "commitments", { environment: { COMMITMENTS: JSON.stringify(commitmentsOf(plan)) } }),
      ...plan.shards.flatMap(({ members }) => members.map(({ name }) => command("local", `${name}-membership`, {}))),
      ...plan.hosts.map(({ machine, name }) => command("remote", `${name}-machine`, { stdin: machineInput(machine) })),
      ...(plan.platform === "aws" ? wholeCluster(awsPlanOf(stack, change)).map(awsSeen) : []),
    ],
  };
}

function awsSeen({ args, name, options, type }: AwsResource): Resource {
  return {
    type: `aws:${type}`,
    name,
    urn: `urn:${type}::${name}`,
    props: known(args) as Resource["props"],
    protect: options.protect ?? false,
    madeFrom: Object.fromEntries(
      Object.entries(args).map(([property, value]) => [property, references(value).map(({ $ref }) => `urn:${$ref}`)]),
    ),
  };
}

/** Policies stand for what is known in the second preview, all else for the first one. */
function known(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isReference(value) || isJoined(value) || isGiven(value)) return unknown;
  if (isJsonText(value)) return JSON.stringify(value.$json);
  if (Array.isArray(value)) return value.map(known);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, known(item)]));
}
