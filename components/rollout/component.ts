/** Makes the staged content of hosts live: a rollout for each group, in the order and with the gates of its strategy. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { resourceNames } from "../resources";
import { programInputs, type RolloutArgs, rolloutSpec, staged } from "./document";
import { program } from "./program";

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
    const command = new local.Command(
      resourceNames.rollout(args.group),
      {
        create: program,
        ...programInputs(args.sshKey, detached(rolloutSpec(args), after), {
          KILONODE_STAGED: detached(staged(args.hosts), []),
        }),
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

/** A custom resource has its URN when it is made; a component has it before its parts are, and says itself when they are done. */
export const doneOf = (resource: pulumi.Resource): Done =>
  "done" in resource ? (resource as pulumi.Resource & Done) : { done: resource.urn };

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
