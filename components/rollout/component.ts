/** Makes the staged content of hosts live: a rollout for each group, in the order and with the gates of its strategy. */
import { randomBytes } from "node:crypto";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { HostTarget } from "../access/target";
import type { HostPlan } from "../plan/types";
import { resourceNames } from "../resources";
import { program } from "./program";
import {
  type CheckSpec,
  type LeaveSpec,
  type RolloutStrategy,
  stagedText,
  type TurnSpec,
  type WaitingHost,
  type WaitingSpec,
} from "./spec";

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
  /** Of the content staged on it; absent: its turn is still to come. */
  readonly digest?: pulumi.Output<string>;
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
    const command = new local.Command(
      resourceNames.rollout(args.group),
      {
        create: program,
        stdin: detached(json(rolloutSpec(args)), after),
        environment: { KILONODE_SSH_KEY: args.sshKey, KILONODE_STAGED: detached(staged(args.hosts), []) },
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

/** A custom resource has its URN when it is made; a component has it before its parts are. */
export const doneOf = (resource: pulumi.Resource): Done =>
  resource instanceof Rollout || resource instanceof Gates ? resource : { done: resource.urn };

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

/**
 * Each member of a shard, for as long as it is planned. An engine deletes last, when all rollouts are through: API servers have
 * stopped using the member by then. Its host goes after it. The last of the shard leaves first, one after the other.
 */
export function memberships(
  args: RolloutArgs,
  machines: readonly pulumi.Resource[],
  options: { readonly parent: pulumi.Resource; readonly deletedWith: pulumi.Resource },
): void {
  const { group, hostTimeoutSeconds } = args;
  const targets = pulumi.all(args.hosts.map(({ target }) => target));
  let before = [...machines];
  for (const { plan } of args.hosts) {
    const member = plan.name;
    const spec = targets.apply((hosts): LeaveSpec => ({ group, member, hosts, hostTimeoutSeconds }));
    const membership = new local.Command(
      resourceNames.membership(member),
      {
        create: "true",
        delete: `${program} leave`,
        stdin: json(spec),
        environment: { KILONODE_SSH_KEY: args.sshKey },
        addPreviousOutputInEnv: false,
        logging: local.Logging.Stderr,
      },
      // With the whole cluster nobody leaves.
      { ...options, dependsOn: before },
    );
    before = [...before, membership];
  }
}

export interface GatesArgs {
  readonly groups: readonly RolloutArgs[];
  readonly sshKey: pulumi.Output<string>;
}

/** Looks at the gates of all groups before the first rollout of a change: see check.ts. A first creation has no gates yet. */
export class Gates extends pulumi.ComponentResource implements Done {
  readonly done: pulumi.Output<unknown>;

  constructor(args: GatesArgs, options?: pulumi.ComponentResourceOptions) {
    super("kilonode:index:Gates", "gates", {}, options);
    const command = new local.Command(
      resourceNames.gates,
      {
        create: "true",
        update: `${program} check`,
        stdin: json(checkSpec(args)),
        environment: { KILONODE_SSH_KEY: args.sshKey, KILONODE_STAGED: stagedOf(args) },
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
  const environment = { KILONODE_SSH_KEY: look.sshKey, KILONODE_STAGED: look.staged, CHANGE: newId() };
  const inputs = { create: `${program} ${look.verb}`, stdin: json(look.spec), environment };
  return new local.Command(name, { ...inputs, ...quiet }, options);
}

const newId = () => randomBytes(4).toString("hex");
const json = (spec: pulumi.Output<unknown>) => spec.apply((document) => JSON.stringify(document, null, 1));

function checkSpec({ groups }: GatesArgs): pulumi.Output<CheckSpec> {
  return pulumi.all(groups.map(rolloutSpec)).apply((all) => ({ groups: all }));
}

function rolloutSpec(args: RolloutArgs): pulumi.Output<WaitingSpec> {
  const { group, hostTimeoutSeconds, seen } = args;
  const look = seen || pulumi.runtime.isDryRun() ? {} : { look: newId() };
  return pulumi
    .all([pulumi.all(args.hosts.map(rolloutHost)), args.strategy])
    .apply(([hosts, strategy]) => ({ group, strategy, hosts, hostTimeoutSeconds, ...look }));
}

function rolloutHost({ plan: { zone, endpoint }, target }: RolloutMember): pulumi.Output<WaitingHost> {
  return pulumi.output(target).apply((at) => ({ ...at, zone, endpoint }));
}

function stagedOf({ groups }: GatesArgs): pulumi.Output<string> {
  return staged(groups.flatMap(({ hosts }) => hosts));
}

/** Of the hosts that have had their turn. */
function staged(hosts: readonly RolloutMember[]): pulumi.Output<string> {
  const known = hosts.flatMap(({ plan, digest }) => digest?.apply((text) => ({ name: plan.name, digest: text })) ?? []);
  return pulumi.all(known).apply(stagedText);
}
