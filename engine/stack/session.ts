/** What a stack is opened with, and what the parts of one run of it get. */
import type { PolicyPack } from "../policy/pack";
import type { Program } from "../program/inprocess";
import type { ConfigValue, Project, StackConfig } from "../program/project";
import type { ProviderFactory } from "../provider/provider";
import type { EngineEvent, Result } from "../run/events";
import type { Run } from "../run/run";
import type { Snapshot } from "../state/snapshot";
import type { ResourceState } from "../state/types";

export interface RehearsalOptions {
  /** Folder with Pulumi.yaml. */
  readonly projectDir: string;
  readonly stack: string;
  /** Where the state is kept, in Pulumi's deployment format; beside it `.bak`, `.journal` and `.lock` come and go. */
  readonly stateFile: string;
  /** Opens and seals secrets; needed as soon as there is one. */
  readonly passphrase?: string | undefined;
  readonly providers: ProviderFactory;
  /** Configuration on top of Pulumi.<stack>.yaml. */
  readonly config?: Readonly<Record<string, ConfigValue>>;
  /** Environment of the program, on top of this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Steps at once. Default 32, whatever the number of cores: steps wait for the network. */
  readonly parallel?: number;
  readonly policyPacks?: readonly PolicyPack[];
  readonly onEvent?: (event: EngineEvent) => void;
  /** Interrupts: running steps are told, no new ones begin, the state is saved. */
  readonly signal?: AbortSignal;
  /** A destroy leaves what is protected, and all that it needs, instead of failing at it. */
  readonly excludeProtected?: boolean;
  /** Runs this function in the place of the project's program, in this process: for tests that are to be fast. */
  readonly program?: Program;
  /** Node arguments and compiler of the program, in the place of what Pulumi.yaml says. */
  readonly runtime?: { readonly nodeArgs?: readonly string[]; readonly typescript?: boolean };
  /** Keeps stack traces of the program and debug messages of the SDK. Costs a factor of two to five in the SDK (default false). */
  readonly debug?: boolean;
}

export interface Session {
  readonly action: Result["action"];
  readonly parallel: number;
  readonly options: RehearsalOptions;
  readonly project: Project;
  readonly config: StackConfig;
  readonly run: Run;
  readonly base: readonly ResourceState[];
  readonly snapshot: Snapshot | undefined;
}
