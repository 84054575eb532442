/** A row of the table of resource types: what AWS and its provider make of the inputs of one type. */
import type { Values } from "../../values/value";
import type { Failure } from "../unsupported";
import type { Cloud, Reference, Thing } from "./cloud";

/** A name that the provider makes up when none is given (provider/autonaming.go and resource_overrides.go of pulumi-aws). */
export interface Naming {
  readonly property: string;
  readonly prefix?: string;
  readonly longest: number;
  /** Before the made-up name: "alias/" of KMS. */
  readonly start?: string;
  /** The resource's own name, with nothing made up. */
  readonly plain?: true;
}

export interface Making {
  readonly region: string;
  readonly account: string;
  readonly inputs: Values;
  readonly cloud: Cloud;
  /** What is being updated. */
  readonly self?: Thing;
}

export interface Row {
  readonly type: string;
  /** Service and calls, for messages: `["EC2", "CreateVpc", "DeleteVpc"]`. */
  readonly api: readonly [service: string, create: string, remove: string];
  readonly required: readonly string[];
  readonly optional: readonly string[];
  /** Inputs whose change replaces the resource, and where that is said. */
  readonly replaces: readonly string[];
  readonly source: string;
  /** A change that replaces for another reason than the input alone. */
  readonly replacesAlso?: (before: Values, after: Values) => readonly string[];
  /** Inputs for whose update an instance is stopped and started. */
  readonly restarts?: readonly string[];
  /** Outputs that AWS makes; those that are inputs too are made when they are not given. */
  readonly computed: readonly string[];
  /** Computed again by every update: unknown in its preview. */
  readonly renewed?: readonly string[];
  readonly naming?: Naming;
  readonly references?: readonly Reference[];
  /** The same request twice makes one thing: the call has a client token. */
  readonly token?: true;
  /** What no one can be told before the change: all problems of one resource at once. */
  readonly check?: (inputs: Values) => readonly Failure[];
  /** What the API refuses given all that exists; throws `ApiError`. */
  readonly rules?: (making: Making) => void;
  readonly id: (making: Making) => string;
  readonly make: (making: Making & { readonly id: string }) => Values;
  /** Refuses, or does what goes along with a deletion. */
  readonly remove?: (thing: Thing, cloud: Cloud) => void;
  /** The answer to a deletion while something holds the thing. */
  readonly inUse?: (thing: Thing, holder: Thing) => readonly [code: string, reason: string];
}
