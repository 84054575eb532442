/** One stack and what can be done with it. Every method is a run of its own. */
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import type { EngineEvent, Result } from "./events";
import { destroyProgramless, runProgram } from "./execute";
import type { Program } from "./inprocess";
import type { PolicyPack } from "./policy";
import { type ConfigValue, type Project, readConfig, readProject, type StackConfig } from "./project";
import type { ProviderFactory, Values } from "./provider";
import { Run } from "./run";
import { Crypter } from "./state/crypter";
import { lock } from "./state/lock";
import { open, Snapshot } from "./state/snapshot";
import { journalFile, type Loaded, load, parseState, recover, render, save } from "./state/store";
import { type PendingOperation, type ResourceState, ROOT_STACK, type StateFile } from "./state/types";
import { plainValues, redacted } from "./values";

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
  /** Runs this function in the place of the project's program, in this process: for tests that are to be fast. */
  readonly program?: Program;
  /** Node arguments and compiler of the program, in the place of what Pulumi.yaml says. */
  readonly runtime?: { readonly nodeArgs?: readonly string[]; readonly typescript?: boolean };
  /** Keeps stack traces of the program and debug messages of the SDK. Costs a factor of two to five in the SDK (default false). */
  readonly debug?: boolean;
}

/** What the parts of a run get. */
export interface Session {
  readonly action: Result["action"];
  readonly options: RehearsalOptions;
  readonly project: Project;
  readonly config: StackConfig;
  readonly run: Run;
  readonly base: readonly ResourceState[];
  readonly snapshot: Snapshot | undefined;
}

export class Rehearsal {
  readonly project: Project;
  readonly #options: RehearsalOptions;

  constructor(options: RehearsalOptions) {
    if (!/^[A-Za-z0-9_.-]{1,100}$/.test(options.stack)) {
      throw new Error(`"${options.stack}" is not a name for a stack: letters, digits, ".", "_" and "-", at most 100`);
    }
    this.#options = { ...options, stateFile: path.resolve(options.stateFile) };
    const project = readProject(options.projectDir);
    const { runtime } = options;
    this.project = {
      ...project,
      ...(runtime?.nodeArgs && { nodeArgs: runtime.nodeArgs }),
      ...(runtime?.typescript !== undefined && { typescript: runtime.typescript }),
    };
  }

  /** What `up` would do. Changes nothing, not even the state file. */
  preview(): Promise<Result> {
    return this.#session("preview", runProgram);
  }

  /** Runs the program and makes its resources what it says. */
  up(): Promise<Result> {
    return this.#session("up", runProgram);
  }

  /** Deletes all resources of the state, dependents first, without running the program. */
  destroy(): Promise<Result> {
    return this.#session("destroy", destroyProgramless);
  }

  previewDestroy(): Promise<Result> {
    return this.#session("preview-destroy", destroyProgramless);
  }

  /** The state as `pulumi stack import` takes it, secrets encrypted. */
  export(): StateFile {
    const { resources, salt, pending } = load(this.#options.stateFile);
    return JSON.parse(render(resources, salt, pending)) as StateFile;
  }

  /** Replaces the state by one that this engine or `pulumi stack export` wrote. */
  async import(state: StateFile): Promise<void> {
    const { stateFile, stack, passphrase } = this.#options;
    const {
      resources = [],
      pending_operations: pending = [],
      secrets_providers: secrets,
    } = parseState("to import", JSON.stringify(state));
    const foreign = resources.find(({ urn }) => !urn.startsWith(`urn:pulumi:${stack}::${this.project.name}::`));
    if (foreign !== undefined) {
      throw new Error(
        `the state to import holds ${foreign.urn}, which is not of stack "${stack}" of project "${this.project.name}"`,
      );
    }
    if (secrets !== undefined && secrets.type !== "passphrase") {
      throw new Error(
        `the state to import has its secrets encrypted by "${secrets.type}"; only "passphrase" can be opened here: change the secrets provider first`,
      );
    }
    new Crypter(passphrase, secrets?.state?.salt, "the state to import");
    const unlock = lock(stateFile, "import");
    try {
      await save(stateFile, render(resources, secrets?.state?.salt, pending));
      rmSync(journalFile(stateFile), { force: true });
    } finally {
      unlock();
    }
  }

  /** Outputs of the stack as the last run left them. */
  outputs({ showSecrets = false } = {}): Values {
    const { resources, salt } = load(this.#options.stateFile);
    const root = resources.find(({ type }) => type === ROOT_STACK);
    if (root === undefined) return {};
    const { outputs = {} } = open(new Crypter(this.#options.passphrase, salt, this.#options.stateFile), root);
    return showSecrets ? plainValues(outputs) : (redacted(outputs) as Values);
  }

  async #session(action: Result["action"], work: (session: Session) => Promise<Values>): Promise<Result> {
    const preview = action === "preview" || action === "preview-destroy";
    const { stateFile } = this.#options;
    const unlock = preview ? () => undefined : lock(stateFile, action);
    try {
      const loaded = preview ? load(stateFile) : await recover(stateFile, load(stateFile));
      return await this.#run(action, preview, loaded, work);
    } finally {
      unlock();
    }
  }

  async #run(
    action: Result["action"],
    preview: boolean,
    loaded: Loaded,
    work: (session: Session) => Promise<Values>,
  ): Promise<Result> {
    const {
      stateFile,
      stack,
      passphrase,
      parallel = 32,
      signal = new AbortController().signal,
      onEvent = () => undefined,
    } = this.#options;
    const config = readConfig(this.project, stack, passphrase, this.#options.config);
    const crypter = new Crypter(passphrase, loaded.salt, stateFile);
    const snapshot = preview ? undefined : new Snapshot(stateFile, loaded, crypter);
    const base = snapshot?.base ?? loaded.resources.map((resource) => open(crypter, resource));
    const run = new Run(preview, parallel, signal, onEvent);
    const pending = reportPending(run, loaded.pending);
    let outputs: Values;
    try {
      outputs = await work({ action, options: this.#options, project: this.project, config, run, base, snapshot });
    } finally {
      await snapshot?.close();
    }
    if (run.announce) run.report("error", preview ? "preview failed" : "update failed");
    const result: Result = {
      action,
      result: signal.aborted ? "interrupted" : run.failed ? "failed" : "succeeded",
      steps: run.steps,
      changes: run.changes,
      diagnostics: run.diagnostics,
      policy: run.policy,
      outputs: redacted(outputs) as Values,
      pending,
      durationMs: run.elapsed,
    };
    onEvent({ type: "summary", result });
    return result;
  }
}

function reportPending(run: Run, pending: readonly PendingOperation[]): Result["pending"] {
  return pending.map(({ resource, type }) => {
    run.report(
      "warning",
      `an earlier run ended while it was ${type} this resource; that step will be done again if it is still wanted`,
      resource.urn,
    );
    return { urn: resource.urn, operation: type };
  });
}

/** True when the stack has a state file, whatever is in it. */
export function hasState(stateFile: string): boolean {
  return existsSync(stateFile) || existsSync(journalFile(stateFile));
}
