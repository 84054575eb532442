/**
 * What a provider of the rehearsal engine implements: the verbs of Pulumi's resource provider protocol, on plain values.
 *
 * Values are JSON-like; secrets arrive in clear (the engine keeps track of which properties are secret, as the real
 * engine does for providers that do not accept secrets) and an unknown value of a preview is `UNKNOWN` (values/value.ts).
 */
import { type DiffKind, head } from "../values/compare";
import type { Values } from "../values/value";

export interface CheckResult {
  /** What the provider itself takes for secret is marked (`secret` in values/secrets.ts). */
  readonly inputs: Values;
  readonly failures?: readonly { readonly property: string; readonly reason: string }[];
}

/** `replaces` names the properties whose change forces a replacement; `changes` is false when nothing differs. */
export interface DiffResult {
  readonly changes: boolean;
  readonly replaces?: readonly string[];
  readonly deleteBeforeReplace?: boolean;
  /** Property path to kind, for the display, e.g. `{"stdin": "update", "triggers[1]": "add"}`. */
  readonly detailedDiff?: Readonly<Record<string, DiffKind>>;
}

/** The engine's answer from a set of changed paths; `forcesReplace` is asked for each path. */
export function diffOf(changed: Map<string, DiffKind>, forcesReplace: (path: string) => boolean): DiffResult {
  if (changed.size === 0) return { changes: false };
  const detailedDiff: Record<string, DiffKind> = {};
  const replaces = new Set<string>();
  for (const [path, kind] of changed) {
    const replace = forcesReplace(path);
    if (replace) replaces.add(head(path));
    detailedDiff[path] = replace ? (`${kind.replace("-replace", "")}-replace` as DiffKind) : kind;
  }
  return { changes: true, detailedDiff, ...(replaces.size > 0 ? { replaces: [...replaces] } : {}) };
}

export interface ResourceCall {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** True in a preview: compute what can be known, touch nothing. */
  readonly preview: boolean;
  /** Ends when the operator interrupts: stop child processes, leave a resumable state. */
  readonly signal: AbortSignal;
  /** Streams progress of a long step to the display; kept nowhere. `ephemeral` marks status lines. */
  readonly log: (severity: "debug" | "info" | "warning" | "error", message: string, ephemeral?: boolean) => void;
}

export interface Provider {
  /** Provider configuration (for instance the kubeconfig); values may be UNKNOWN in a preview. */
  configure?(config: Values): Promise<void>;
  /** Default: inputs are taken as they are. */
  check?(
    call: ResourceCall,
    oldInputs: Values | undefined,
    newInputs: Values,
    randomSeed: Buffer,
  ): Promise<CheckResult>;
  /** Default: any deep difference of inputs is an update. */
  diff?(
    call: ResourceCall,
    id: string,
    oldInputs: Values,
    oldOutputs: Values,
    newInputs: Values,
    ignoreChanges: readonly string[],
  ): Promise<DiffResult>;
  create(call: ResourceCall, inputs: Values): Promise<{ id: string; outputs: Values }>;
  update?(
    call: ResourceCall,
    id: string,
    oldInputs: Values,
    oldOutputs: Values,
    newInputs: Values,
  ): Promise<{ outputs: Values }>;
  delete?(call: ResourceCall, id: string, inputs: Values, outputs: Values): Promise<void>;
  read?(
    call: ResourceCall,
    id: string,
    inputs: Values,
    outputs: Values,
  ): Promise<{ id: string; inputs: Values; outputs: Values } | undefined>;
  invoke?(token: string, args: Values, call: Pick<ResourceCall, "preview" | "signal" | "log">): Promise<Values>;
  /** Names of outputs that the schema declares secret, by resource type. */
  secretOutputs?(type: string): readonly string[];
  close?(): Promise<void>;
}

/**
 * Creates the provider of a package, known by its name in resource types: "command", "tls". What a provider pretends to have made
 * outside is kept beside the state file.
 */
export type ProviderFactory = (packageName: string, stateFile?: string) => Provider;

/**
 * Thrown by `create` or `update` when the resource exists but is not right, as Pulumi's `InitError`: the step fails, the
 * resource is kept in the state, and the next run updates it.
 */
export class PartialFailure extends Error {
  constructor(
    message: string,
    readonly id: string,
    readonly outputs: Values,
  ) {
    super(message);
  }
}
