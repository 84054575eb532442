/** Makes the staged content of hosts live: a rollout for each group, in the order and with the gates of its strategy. */
import { randomUUID } from "node:crypto";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platform/module";
import { resourceNames } from "../resources";
import { program } from "./program";
import type { RolloutHost, RolloutSpec, RolloutStrategy } from "./spec";

export interface RolloutArgs {
  readonly group: string;
  readonly strategy: pulumi.Input<RolloutStrategy>;
  readonly hosts: readonly { readonly host: Host; readonly digest: pulumi.Output<string> }[];
  readonly hostTimeoutSeconds: number;
  /** False: one of its hosts did not answer. An update then looks again, and does not end well while it is so. */
  readonly seen: boolean;
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
        environment: { KILONODE_SSH_KEY: args.sshKey },
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
        environment: { KILONODE_SSH_KEY: args.sshKey },
        addPreviousOutputInEnv: false,
        logging: local.Logging.Stderr,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }
}

function rolloutSpec(args: RolloutArgs): pulumi.Output<RolloutSpec> {
  const { group, hostTimeoutSeconds, seen } = args;
  const look = seen || pulumi.runtime.isDryRun() ? {} : { look: randomUUID() };
  const hosts = pulumi.all(args.hosts.map(({ host, digest }) => rolloutHost(host, digest)));
  return pulumi
    .all([hosts, args.strategy])
    .apply(([all, strategy]) => ({ group, strategy, hosts: all, hostTimeoutSeconds, ...look }));
}

function rolloutHost(host: Host, digest: pulumi.Output<string>): pulumi.Output<RolloutHost> {
  const { zone, endpoint } = host.plan;
  return pulumi.all([host.target, digest]).apply(([target, staged]) => ({ ...target, zone, endpoint, digest: staged }));
}
