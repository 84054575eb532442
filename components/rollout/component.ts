/** Makes the staged content of hosts live: a rollout for each group, in the order and with the gates of its strategy. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platform/module";
import { resourceNames } from "../resources";
import { program } from "./program";
import { type RolloutHost, type RolloutSpec, type RolloutStrategy, stagedText } from "./spec";

export interface RolloutArgs {
  readonly group: string;
  readonly strategy: pulumi.Input<RolloutStrategy>;
  readonly hosts: readonly { readonly host: Host; readonly digest: pulumi.Output<string> }[];
  readonly hostTimeoutSeconds: number;
  readonly sshKey: pulumi.Output<string>;
}

export class Rollout extends pulumi.ComponentResource {
  constructor(args: RolloutArgs, options?: pulumi.ComponentResourceOptions) {
    super("kilonode:index:Rollout", args.group, {}, options);
    new local.Command(
      resourceNames.rollout(args.group),
      {
        create: program,
        stdin: rolloutSpec(args).apply((spec) => JSON.stringify(spec, null, 1)),
        environment: { KILONODE_SSH_KEY: args.sshKey, KILONODE_STAGED: staged(args.hosts) },
        // What an earlier run printed tells a shard that was once created from one that never was: see main.ts.
        addPreviousOutputInEnv: true,
        logging: local.Logging.Stderr,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

/** Looks at the gates of all groups before the first rollout of a change: see check.ts. A first creation has no gates yet. */
export class Gates extends pulumi.ComponentResource {
  constructor(
    args: { readonly groups: readonly RolloutArgs[]; readonly sshKey: pulumi.Output<string> },
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("kilonode:index:Gates", "gates", {}, options);
    new local.Command(
      resourceNames.gates,
      {
        create: "true",
        update: `${program} check`,
        stdin: pulumi.all(args.groups.map(rolloutSpec)).apply((groups) => JSON.stringify({ groups }, null, 1)),
        environment: {
          KILONODE_SSH_KEY: args.sshKey,
          KILONODE_STAGED: staged(args.groups.flatMap(({ hosts }) => hosts)),
        },
        addPreviousOutputInEnv: false,
        logging: local.Logging.Stderr,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

function staged(hosts: RolloutArgs["hosts"]): pulumi.Output<string> {
  return pulumi
    .all(hosts.map(({ host, digest }) => digest.apply((known) => ({ name: host.plan.name, digest: known }))))
    .apply(stagedText);
}

function rolloutSpec(args: RolloutArgs): pulumi.Output<Omit<RolloutSpec, "hosts">> {
  const { group, hostTimeoutSeconds } = args;
  const hosts = pulumi.all(args.hosts.map(({ host }) => rolloutHost(host)));
  return pulumi
    .all([hosts, args.strategy])
    .apply(([all, strategy]) => ({ group, strategy, hosts: all, hostTimeoutSeconds }));
}

function rolloutHost(host: Host): pulumi.Output<Omit<RolloutHost, "digest">> {
  const { zone, endpoint } = host.plan;
  return host.target.apply((target) => ({ ...target, zone, endpoint }));
}
