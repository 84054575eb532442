/** What the command asks of an engine, whichever it is: Pulumi's own, through its CLI, or the rehearsal engine. */
import type { ResourceId } from "../../components/resources";
import type { EngineEvent, OpenedState, Result, Values } from "../../engine";
import type { Unfinished } from "./unfinished";

export const engineNames = ["pulumi", "rehearsal"] as const;
export type EngineName = (typeof engineNames)[number];
export type Action = Result["action"];

/** Shows what would be done, and does nothing. */
export const isLook = (action: Action): boolean => action === "preview" || action === "preview-destroy";

export interface RunHooks {
  /** Before the engine starts, where the platform can be asked. */
  readonly before?: () => Promise<void>;
  readonly onEvent: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
}

/** What the state tells, also after a run that did not come to its end; its secrets in clear, for use in memory alone. */
export interface StackState extends OpenedState {
  /** Absent: the last run came to its end. */
  readonly unfinished?: Unfinished;
}

export interface StackEngine {
  readonly name: EngineName;
  run(action: Action, hooks: RunHooks): Promise<Result>;
  /** False: no run has ever made anything. */
  exists(): Promise<boolean>;
  /** Outputs of the last run that succeeded. */
  outputs(options: { readonly showSecrets: boolean }): Promise<Values>;
  state(): Promise<StackState>;
  /** What each of these resources of the state printed, where that is no secret; undefined without the resource. Needs no passphrase. */
  printed(resources: readonly ResourceId[]): Promise<readonly (string | undefined)[]>;
  /** Secrets stay encrypted. */
  export(): Promise<object>;
  import(state: object): Promise<void>;
  /** Frees the state from a run that is gone; says what it did. */
  unlock(): Promise<string>;
}
