/** What a rollout is given, from resources of the program: the document of its group, and the digests of what is staged. */
import { randomBytes } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import type { HostTarget } from "../access/target";
import type { Staging } from "../host/content";
import type { HostPlan } from "../plan/types";
import { type RolloutStrategy, stagedText, type WaitingHost, type WaitingSpec } from "./spec";

export interface RolloutArgs {
  readonly group: string;
  readonly strategy: pulumi.Input<RolloutStrategy>;
  readonly hosts: readonly RolloutMember[];
  readonly hostTimeoutSeconds: number;
  /** False: one of its hosts did not answer. An update then looks again, and does not end well while it is so. */
  readonly seen: boolean;
  readonly sshKey: pulumi.Output<string>;
  /** True: its result outlives the hosts. It tells a shard that was once created, whose data is kept, from one that never was. */
  readonly kept: boolean;
}

export interface RolloutMember {
  readonly plan: HostPlan;
  readonly target: pulumi.Input<HostTarget>;
  /** The content staged on it; absent: its turn is still to come. */
  readonly staged?: pulumi.Output<Staging>;
}

export function rolloutSpec(args: RolloutArgs): pulumi.Output<WaitingSpec> {
  const { group, hostTimeoutSeconds, seen } = args;
  const look = seen || pulumi.runtime.isDryRun() ? {} : { look: newId() };
  return pulumi
    .all([pulumi.all(args.hosts.map(rolloutHost)), args.strategy])
    .apply(([hosts, strategy]) => ({ group, strategy, hosts, hostTimeoutSeconds, ...look }));
}

function rolloutHost({ plan: { zone, endpoint }, target }: RolloutMember): pulumi.Output<WaitingHost> {
  return pulumi.output(target).apply((at) => ({ ...at, zone, endpoint }));
}

/** Of the hosts that have had their turn. */
export function staged(hosts: readonly RolloutMember[]): pulumi.Output<string> {
  const known = hosts.flatMap(({ plan, staged: one }) => one?.apply((made) => ({ name: plan.name, ...made })) ?? []);
  return pulumi.all(known).apply(stagedText);
}

/** Another one in every update. */
export const newId = () => randomBytes(4).toString("hex");

/** As main.ts takes them: what is secret on stdin, which no other process sees; what a preview shows line by line in the environment. */
export function programInputs(
  sshKey: pulumi.Output<string>,
  spec: pulumi.Output<unknown>,
  more: Readonly<Record<string, pulumi.Input<string>>> = {},
) {
  const document = spec.apply((value) => JSON.stringify(value, null, 1));
  return { stdin: sshKey, environment: { KILONODE_ROLLOUT: document, ...more } };
}
