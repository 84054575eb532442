/** One stack and what can be done with it. Every method is a run of its own. */
import { rmSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../errors";
import { type Project, readConfig, readProject } from "../program/project";
import type { Result } from "../run/events";
import { Run } from "../run/run";
import { Crypter } from "../state/crypter";
import { lock } from "../state/lock";
import { readOutputs } from "../state/read";
import { open, Snapshot } from "../state/snapshot";
import { journalFile, type Loaded, load, parseState, recover, render, save } from "../state/store";
import type { PendingOperation, StateFile } from "../state/types";
import { redacted } from "../values/secrets";
import type { Values } from "../values/value";
import { destroyProgramless, runProgram } from "./execute";
import type { RehearsalOptions, Session } from "./session";

export class Rehearsal {
  readonly project: Project;
  readonly #options: RehearsalOptions;

  constructor(options: RehearsalOptions) {
    if (!/^[A-Za-z0-9_.-]{1,100}$/.test(options.stack)) {
      throw new EngineError(
        "refused",
        `"${options.stack}" is not a name for a stack: letters, digits, ".", "_" and "-", at most 100`,
      );
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
      throw new EngineError(
        "refused",
        `the state to import holds ${foreign.urn}, which is not of stack "${stack}" of project "${this.project.name}"`,
      );
    }
    if (secrets !== undefined && secrets.type !== "passphrase") {
      throw new EngineError(
        "refused",
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
    return readOutputs(this.#options.stateFile, this.#options.passphrase, showSecrets);
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
      outputs = await work({
        action,
        parallel,
        options: this.#options,
        project: this.project,
        config,
        run,
        base,
        snapshot,
      });
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
