/**
 * What a platform is: one module, with all that the program and the command need of it. Components place a plan on it and never
 * ask which one it is. A new platform is a folder beside this file and a line in registry.ts.
 */
import type * as pulumi from "@pulumi/pulumi";
import type * as tls from "@pulumi/tls";
import type { ClusterSpec } from "../../config/cluster";
import type { PlatformKnobs } from "../../config/read";
import type { Connection } from "../access/pulumi";
import type { HostTarget } from "../access/target";
import type { ArtifactSums } from "../plan/artifacts";
import type { PlatformFacts } from "../plan/facts";
import type { ClusterPlan, HostPlan } from "../plan/types";

export interface PlatformModule<P extends Prepared = Prepared> {
  readonly knobs: PlatformKnobs;
  /** How the rehearsal engine really makes its hosts. Absent: it makes none. */
  readonly rehearsal?: PlatformRehearsal;
  /**
   * The type of the resource that is a host's instance, and its property that names the instance type: a month of hosts costs what the
   * scale says. Absent: they cost nothing.
   */
  readonly instances?: { readonly type: string; readonly property: string };
  /** Types of its resources that hold data, or keys without which nobody can read it. */
  readonly dataTypes?: readonly string[];
  /**
   * How long it takes to make what takes more than a moment, seconds by type of resource, and `host`: until a host that was made answers.
   * Absent: nothing that anybody waits for.
   */
  readonly creationSeconds?: Readonly<Record<string, number>>;
  /** What the plan needs to know of it. Pure. */
  facts(spec: ClusterSpec): PlatformFacts;
  /** What it would refuse of a plan, told with the errors of the configuration: a line each. Pure. Absent: nothing beyond its knobs' rules. */
  planProblems?(spec: ClusterSpec, plan: ClusterPlan): readonly string[];
  /** Before the first resource: gets ready what hosts need, and looks at what exists. */
  prepare(run: PreparationRun): Promise<P>;
  /**
   * Makes network, load balancer and object store as resources of the program, and tells of the hosts what there is.
   * @throws UserError when what exists belongs to another state: its owner is another one
   */
  place(args: PlacementArgs<P>): Promise<Placement>;
  /** What the state tells of a host: at least its key and address. undefined: it is not made. */
  madeHost(resources: MadeResources, host: string): MadeHost | undefined;
  /** What it cannot do for its hosts, known and accepted. */
  degradations(spec: ClusterSpec): Promise<readonly PlatformDegradation[]>;
  /**
   * Before a run that goes on from one that was killed: removes what that one has made and never written down, where nobody's data can be on
   * it. Absent: its resources are found again by themselves. @returns a line each: what was removed, what a person has to look at
   */
  clearLeftovers?(run: LeftoversRun): Promise<readonly string[]>;
  /** Why a host must not be made anew by a command, in one sentence; undefined when it may. Pure. Absent: it always may. */
  replaceProblem?(spec: ClusterSpec, host: HostPlan): string | undefined;
  /**
   * Ends the host's machine for good, before the run that makes another one; disks of a stack that is not ephemeral are kept for that.
   * Absent: the engine does it in that run, which is told of the host (`PreparationRun.replaced`). @param owner as in sweep
   */
  endHost?(spec: ClusterSpec, host: string, owner: string | undefined): Promise<void>;
  /** Who runs the command, to its own object store. Absent: it has none of its own. */
  operatorCredentials?(region: string): Promise<StoreCredentials>;
  /** After a complete destroy: removes what a crash has left that is in no state. @param owner of the state; undefined: it never made anything */
  sweep(spec: ClusterSpec, owner: string | undefined): Promise<void>;
}

/** Of a store that speaks S3. */
export interface StoreCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface LeftoversRun {
  readonly spec: ClusterSpec;
  /** Marks what this state makes: see PlacementArgs. */
  readonly owner: string;
  /** Resources whose creation was under way, as the state notes it. */
  readonly begun: readonly BegunResource[];
  /** Ids of all that the state knows. */
  readonly known: ReadonlySet<string>;
}

export interface BegunResource {
  readonly type: string;
  readonly name: string;
  /** Secrets in them are encrypted. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface PlatformRehearsal {
  /** Package of Pulumi whose API the program asks beside its resources: the engine answers in its place. */
  readonly serves?: string;
  /** Before a run that changes something: gets ready what hosts are made of on this machine. @returns environment of the engine */
  prepare?(run: RehearsalRun): Promise<Readonly<Record<string, string>>>;
}

export interface RehearsalRun {
  readonly spec: ClusterSpec;
  readonly plan: ClusterPlan;
  /** Of the stack; what belongs to it lies beside it. */
  readonly stateFile: string;
  readonly say: (line: string) => void;
}

export interface PreparationRun {
  readonly spec: ClusterSpec;
  readonly plan: ClusterPlan;
  /** False in a preview: look, install and build nothing, and only warn of what is missing. */
  readonly change: boolean;
  /** What tells a machine that is made now from the one before it under the same name. */
  readonly newIncarnation: string;
  /** A host that is made anew, whatever there is of it. */
  readonly replaced?: string;
  readonly say: (line: string) => void;
}

export interface Prepared {
  /** Sums of the binaries that are there; in a preview some may be missing. */
  readonly artifacts: ArtifactSums;
}

export interface PlacementArgs<P extends Prepared> {
  readonly plan: ClusterPlan;
  readonly prepared: P;
  /** Logs in to every host. */
  readonly sshKey: tls.PrivateKey;
  /** Marks what this state makes: another state, which has other keys, must not touch it. */
  readonly owner: pulumi.Output<string>;
  /** What must be there before anything of the platform is made or changed. */
  readonly after: pulumi.Resource;
}

export interface Placement {
  /** The resource whose end is the end of the whole cluster. */
  readonly boundary: pulumi.Resource;
  /** How a host was found. */
  found(host: HostPlan): FoundMachine;
  /**
   * Makes a host, or makes its machine what is planned, after these: see turns.ts.
   * @param asItIs true: its machine stays as it was found
   */
  host(plan: HostPlan, after: readonly pulumi.Resource[], asItIs?: boolean): Host;
}

export type FoundMachine =
  /** Not there, or without life: nothing on it can be asked, and its change interrupts nothing. */
  | { readonly state: "absent" }
  | {
      readonly state: "running";
      /** How it is reached until it is changed. */
      readonly target: HostTarget;
      /** False: it does not let in yet who has the SSH key of the program. */
      readonly knowsKey: boolean;
      readonly change: MachineChange;
    };

/** What it takes to make a running machine the planned one. */
export type MachineChange = "none" | "while it runs" | "a restart";

/** A machine that answers over SSH with a pinned host key, sees the object store, and has the devices of its volumes. */
export interface Host {
  readonly plan: HostPlan;
  readonly target: pulumi.Output<HostTarget>;
  readonly connection: pulumi.Output<Connection>;
  /** What everything on the host depends on. */
  readonly resource: pulumi.Resource;
}

/** Outputs of a resource of the state by its type and name. */
export type MadeResources = (type: string, name: string) => Readonly<Record<string, unknown>> | undefined;
export type MadeHost = Omit<HostTarget, "name">;

export interface PlatformDegradation {
  readonly what: string;
  readonly effect: string;
}
