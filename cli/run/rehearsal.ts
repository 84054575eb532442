/** A stack on the rehearsal engine, its state in one file. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import type { ResourceId } from "../../components/resources";
import { exitCodes, UserError } from "../../config/errors";
import {
  EngineError,
  type Rehearsal,
  type Result,
  ROOT_STACK,
  readOutputs,
  readResources,
  type StateFile,
  type Values,
} from "../../engine";
import type { CheckedStack } from "../stack/configuration";
import { removeStackFiles, removeStateFiles } from "../stack/files";
import { policyPack, projectDir } from "../stack/project";
import type { Action, RunHooks, StackEngine, StackState } from "./engine";
import { printedBy } from "./printed";
import { stateOf } from "./rehearsal-state";
import { RunRecord, runRecordFile } from "./run-record";

/** What a run does with the folder of the state around it. */
export interface StateFolder {
  readonly say: (line: string) => void;
  /** Before the first secret is written. */
  readonly keep: () => void;
  /** After a run that left no state: removes what was only made for it. */
  readonly undo: () => void;
}

export class RehearsalEngine implements StackEngine {
  readonly name = "rehearsal";

  private readonly stack: string;

  constructor(
    private readonly checked: CheckedStack,
    private readonly stateFile: string,
    private readonly passphrase: string | undefined,
    private readonly folder: StateFolder,
  ) {
    this.stack = checked.stack;
  }

  run(action: Action, hooks: RunHooks): Promise<Result> {
    return this.#spoken(() => this.#rehearsed(action, () => this.#run(action, hooks)));
  }

  /** With what stands in for the platform, in the environment of the engine and of all that it starts. */
  async #rehearsed(action: Action, work: () => Promise<Result>): Promise<Result> {
    const { rehearsal } = this.checked.platform;
    if (!rehearsal?.serves) return work();
    const { plan, spec } = this.checked;
    const changes = action === "up" || action === "destroy";
    const prepared = changes
      ? await rehearsal.prepare?.({ plan, spec, stateFile: this.stateFile, say: this.folder.say })
      : undefined;
    const { serveApi } = require("../../engine/rehearsal") as typeof import("../../engine/rehearsal");
    const restore = inEnvironment(prepared ?? {});
    const { close, variables } = await serveApi(rehearsal.serves, this.stateFile);
    const restoreApi = inEnvironment(variables);
    try {
      return await work();
    } finally {
      restoreApi();
      restore();
      await close();
    }
  }

  async #run(action: Action, hooks: RunHooks): Promise<Result> {
    await hooks.before?.();
    // Commands without a `dir` run in the working directory of the engine.
    process.chdir(projectDir);
    if (action === "preview") return await this.#open(hooks, policyPack).preview();
    if (action === "preview-destroy") return await this.#open(hooks).previewDestroy();
    const record = new RunRecord(this.stateFile, action, this.folder.keep);
    const onEvent: RunHooks["onEvent"] = (event) => {
      record.onEvent(event);
      hooks.onEvent(event);
    };
    try {
      const stack = this.#open({ ...hooks, onEvent }, action === "up" ? policyPack : undefined);
      const result = action === "up" ? await stack.up() : await stack.destroy();
      record.end(result);
      return action === "up" ? this.#afterUp(result, stack) : this.#afterDestroy(result, stack);
    } finally {
      this.#leaveNothingNew();
    }
  }

  #afterDestroy(result: Result, stack: Rehearsal): Result {
    const left = stack.export().deployment.resources ?? [];
    if (result.result === "succeeded" && left.length === 0) removeStackFiles(this.stack);
    return result;
  }

  /** An `up` that was refused before its first resource leaves a state that holds nothing but the stack's own name. */
  #afterUp(result: Result, stack: Rehearsal): Result {
    // A backup may be of a state that was replaced by mistake.
    if (result.result === "succeeded" || existsSync(`${this.stateFile}.bak`)) return result;
    const { resources = [], pending_operations: pending = [] } = stack.export().deployment;
    const isEmpty =
      pending.length === 0 && resources.every(({ type, outputs }) => type === ROOT_STACK && isNone(outputs));
    if (!isEmpty) return result;
    removeStateFiles(this.stack);
    return { ...result, changes: {} };
  }

  #leaveNothingNew(): void {
    const files = [".journal", ".bak", ""].map((suffix) => `${this.stateFile}${suffix}`);
    if (!files.some((file) => existsSync(file))) this.folder.undo();
  }

  async exists(): Promise<boolean> {
    return existsSync(this.stateFile) || existsSync(`${this.stateFile}.journal`);
  }

  outputs({ showSecrets }: { readonly showSecrets: boolean }): Promise<Values> {
    return this.#spoken(async () => readOutputs(this.stateFile, this.passphrase, showSecrets));
  }

  state(): Promise<StackState> {
    return this.#spoken(async () => stateOf(this.stateFile, this.passphrase));
  }

  printed(resources: readonly ResourceId[]): Promise<readonly (string | undefined)[]> {
    return this.#spoken(async () => printedBy((await this.exists()) ? readResources(this.stateFile) : [], resources));
  }

  export(): Promise<object> {
    return this.#spoken(async () => this.#open().export());
  }

  import(state: object): Promise<void> {
    return this.#spoken(async () => {
      try {
        this.folder.keep();
        await this.#open().import(state as StateFile);
        rmSync(runRecordFile(this.stateFile), { force: true });
      } finally {
        this.#leaveNothingNew();
      }
    });
  }

  async unlock(): Promise<string> {
    const file = `${this.stateFile}.lock`;
    if (!existsSync(file)) return `stack ${this.stack} is not locked`;
    const text = readFileSync(file, "utf8").trim();
    const pid = /"pid":(\d+)/.exec(text)?.[1];
    // The engine takes over what a dead process left; whoever comes here has one that looks alive.
    if (pid && existsSync(`/proc/${pid}`)) {
      throw new UserError(
        `stack ${this.stack} is locked by process ${pid}, which runs: ${text}. End it first; if it is another program, remove ${file}`,
      );
    }
    rmSync(file);
    return `removed the lock of stack ${this.stack}, which was held by ${text}`;
  }

  #open(hooks?: RunHooks, pack?: string): Rehearsal {
    const engine = require("../../engine/rehearsal") as typeof import("../../engine/rehearsal");
    return new engine.Rehearsal({
      projectDir,
      stack: this.stack,
      stateFile: this.stateFile,
      passphrase: this.passphrase,
      excludeProtected: true,
      providers: engine.providers,
      policyPacks: pack === undefined ? [] : [{ path: pack }],
      ...hooks,
    });
  }

  /** Errors of other kinds are bugs and keep their stack trace. */
  async #spoken<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw new UserError(error.message, error.reason === "passphrase" ? exitCodes.badConfiguration : exitCodes.failed);
    }
  }
}

/** @returns what takes it back */
function inEnvironment(variables: Readonly<Record<string, string | undefined>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  const set = (all: Iterable<readonly [string, string | undefined]>) => {
    for (const [name, value] of all) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
  set(Object.entries(variables));
  return () => set(before);
}

function isNone(values: Values | undefined): boolean {
  return Object.keys(values ?? {}).length === 0;
}
