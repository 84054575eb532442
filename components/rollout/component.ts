/** Makes the staged content of a group's hosts live, in the order and with the gates of its strategy. */
import { join } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "../platform/platform";
import type { RolloutHost, RolloutSpec } from "./spec";

export interface RolloutArgs {
  readonly group: string;
  readonly strategy: pulumi.Input<RolloutSpec["strategy"]>;
  readonly hosts: readonly { readonly host: Host; readonly digest: pulumi.Output<string> }[];
  readonly hostTimeoutSeconds: number;
  readonly sshKey: pulumi.Output<string>;
}

const projectDir = join(__dirname, "../..");

export class Rollout extends pulumi.ComponentResource {
  constructor(args: RolloutArgs, options?: pulumi.ComponentResourceOptions) {
    super("kilonode:index:Rollout", args.group, {}, options);
    const hosts = pulumi.all(args.hosts.map(({ host, digest }) => rolloutHost(host, digest)));
    const spec = pulumi.all([hosts, args.strategy]).apply(
      ([all, strategy]): RolloutSpec => ({
        group: args.group,
        strategy,
        hosts: all,
        hostTimeoutSeconds: args.hostTimeoutSeconds,
      }),
    );
    new local.Command(
      `${args.group}-rollout`,
      {
        create: "node --require tsx/cjs components/rollout/main.ts",
        dir: projectDir,
        stdin: spec.apply((value) => JSON.stringify(value, null, 1)),
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

function rolloutHost(host: Host, digest: pulumi.Output<string>): pulumi.Output<RolloutHost> {
  return pulumi.all([sshTarget(host), digest]).apply(([target, staged]) => ({ ...target, digest: staged }));
}

/** A host as an SSH target of a rollout that is not changed by it. */
export function sshTarget(host: Host): pulumi.Output<Omit<RolloutHost, "digest">> {
  const { name, address, zone } = host.plan;
  return host.hostKey.apply((hostKey) => ({ name, address, zone, user: host.user, port: 22, hostKey }));
}
