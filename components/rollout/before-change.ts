/** What is looked at, and done, before a change: the gates of all groups, and the turn of a host whose machine changes. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { resourceNames } from "../resources";
import type { Done } from "./component";
import { newId, programInputs, type RolloutArgs, rolloutSpec, staged } from "./document";
import { program } from "./program";
import type { CheckSpec, PrepareSpec, TurnSpec } from "./spec";

export interface GatesArgs {
  readonly groups: readonly RolloutArgs[];
  /** Whether the shards have backups. */
  readonly backups: boolean;
  readonly sshKey: pulumi.Output<string>;
}

/**
 * Looks at the gates of all groups before the first rollout of a change (check.ts), takes snapshots where the release changes (snapshots.ts),
 * and makes credentials live ahead of the rest (credentials.ts). A first creation has neither gates nor anybody who trusts.
 */
export class Gates extends pulumi.ComponentResource implements Done {
  readonly done: pulumi.Output<unknown>;

  constructor(
    { waves, secrets, ...args }: GatesArgs & Omit<PrepareSpec, "groups">,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("kilonode:index:Gates", "gates", {}, options);
    const command = new local.Command(
      resourceNames.gates,
      {
        create: "true",
        update: `${program} prepare`,
        ...programInputs(
          args.sshKey,
          checkSpec(args).apply((spec): PrepareSpec => ({ ...spec, waves, secrets })),
          { KILONODE_STAGED: stagedOf(args) },
        ),
        addPreviousOutputInEnv: false,
        logging: local.Logging.Stderr,
      },
      { parent: this },
    );
    this.done = command.id;
    this.registerOutputs({});
  }
}

/** The same before the first change of a machine. */
export function machineGates(args: GatesArgs | undefined, options: pulumi.CustomResourceOptions): pulumi.Resource {
  const look = args && { verb: "check", spec: checkSpec(args), staged: stagedOf(args), sshKey: args.sshKey };
  return beforeChange(resourceNames.machineGates, look, options);
}

export interface TurnArgs {
  readonly change: TurnSpec["change"];
  readonly group: RolloutArgs;
}

/** What is done before the machine of a host is changed: see turn.ts. */
export function turnOf(
  host: string,
  args: TurnArgs | undefined,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource {
  const spec = ({ change, group }: TurnArgs) =>
    rolloutSpec(group).apply((waiting): TurnSpec => ({ ...waiting, turn: host, change }));
  const look = args && { verb: "turn", spec: spec(args), staged: staged(args.group.hosts), sshKey: args.group.sshKey };
  return beforeChange(resourceNames.turn(host), look, options);
}

interface Look {
  readonly verb: string;
  readonly spec: pulumi.Output<CheckSpec | TurnSpec>;
  readonly staged: pulumi.Output<string>;
  readonly sshKey: pulumi.Output<string>;
}

/** Runs for every change anew. Without one it keeps the inputs that it had, so that it does not run, and shows nothing. */
function beforeChange(name: string, look: Look | undefined, options: pulumi.CustomResourceOptions): pulumi.Resource {
  const quiet = { addPreviousOutputInEnv: false, logging: local.Logging.Stderr };
  if (!look) {
    const ignoreChanges = ["create", "stdin", "environment"];
    return new local.Command(name, { create: "true", ...quiet }, { ...options, ignoreChanges });
  }
  const inputs = programInputs(look.sshKey, look.spec, { KILONODE_STAGED: look.staged, CHANGE: newId() });
  return new local.Command(name, { create: `${program} ${look.verb}`, ...inputs, ...quiet }, options);
}

function checkSpec({ backups, groups }: GatesArgs): pulumi.Output<CheckSpec> {
  return pulumi.all(groups.map(rolloutSpec)).apply((all) => ({ groups: all, backups }));
}

function stagedOf({ groups }: GatesArgs): pulumi.Output<string> {
  return staged(groups.flatMap(({ hosts }) => hosts));
}
