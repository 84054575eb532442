/** Makes the staged content of hosts live: a rollout for each group, in the order and with the gates of its strategy. */
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
  readonly sshKey: pulumi.Output<string>;
  /** True: its result outlives the hosts. It tells a shard that was once created, whose data is kept, from one that never was. */
  readonly kept: boolean;
}

/** Resources of a program that a rollout waits for. */
export interface RolloutOptions {
  readonly parent: pulumi.Resource;
  readonly after: readonly Done[];
}

/** Something that is known to be done. */
export interface Done {
  readonly done: pulumi.Output<unknown>;
}

export class Rollout extends pulumi.ComponentResource implements Done {
  readonly done: pulumi.Output<unknown>;

  constructor(args: RolloutArgs, { parent, after }: RolloutOptions) {
    super("kilonode:index:Rollout", args.group, {}, { parent });
    const text = rolloutSpec(args).apply((spec) => JSON.stringify(spec, null, 1));
    const command = new local.Command(
      resourceNames.rollout(args.group),
      {
        create: program,
        stdin: detached(text, after),
        environment: { KILONODE_SSH_KEY: args.sshKey },
        // What an earlier run printed tells a shard that was once created from one that never was: see main.ts.
        addPreviousOutputInEnv: true,
        logging: local.Logging.Stderr,
      },
      { parent: this, protect: args.kept },
    );
    this.done = command.id;
    this.registerOutputs({});
  }
}

/**
 * The value when it is known and the others are done, without being recorded as depending on them: what is kept when the hosts go
 * must not keep the hosts. A preview orders nothing.
 */
function detached<T>(value: pulumi.Output<T>, after: readonly Done[]): pulumi.Output<T> {
  if (pulumi.runtime.isDryRun()) return value;
  const all = pulumi.all([value, ...after.map(({ done }) => done)]);
  return pulumi.output(
    new Promise<T>((resolve) => void all.apply(([known]) => resolve(known as T))),
  ) as pulumi.Output<T>;
}

/** Looks at the gates of all groups before the first rollout of a change: see check.ts. A first creation has no gates yet. */
export class Gates extends pulumi.ComponentResource implements Done {
  readonly done: pulumi.Output<unknown>;

  constructor(
    args: { readonly groups: readonly RolloutArgs[]; readonly sshKey: pulumi.Output<string> },
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("kilonode:index:Gates", "gates", {}, options);
    const command = new local.Command(
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
    this.done = command.id;
    this.registerOutputs({});
  }
}

function rolloutSpec(args: RolloutArgs): pulumi.Output<RolloutSpec> {
  const { group, hostTimeoutSeconds } = args;
  const hosts = pulumi.all(args.hosts.map(({ host, digest }) => rolloutHost(host, digest)));
  return pulumi
    .all([hosts, args.strategy])
    .apply(([all, strategy]) => ({ group, strategy, hosts: all, hostTimeoutSeconds }));
}

function rolloutHost(host: Host, digest: pulumi.Output<string>): pulumi.Output<RolloutHost> {
  const { zone, endpoint } = host.plan;
  return pulumi.all([host.target, digest]).apply(([target, staged]) => ({ ...target, zone, endpoint, digest: staged }));
}
