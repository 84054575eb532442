/** A stack on the rehearsal engine, its state in one file. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import type { Rehearsal, Result, StateFile, Values } from "../../engine";
import { CliError, exitCodes } from "../errors";
import { removeStackFiles } from "../stack/files";
import { projectDir } from "../stack/project";
import type { Action, RunHooks, StackEngine } from "./engine";
import { readOutputs } from "./rehearsal-outputs";

export class RehearsalEngine implements StackEngine {
  readonly name = "rehearsal";

  constructor(
    private readonly stack: string,
    private readonly stateFile: string,
    private readonly passphrase: string | undefined,
  ) {}

  run(action: Action, hooks: RunHooks): Promise<Result> {
    return this.#spoken(async () => {
      // Commands without a `dir` run in the working directory of the engine.
      process.chdir(projectDir);
      const stack = this.#open(hooks);
      switch (action) {
        case "up":
          return await stack.up();
        case "preview":
          return await stack.preview();
        case "preview-destroy":
          return await stack.previewDestroy();
        case "destroy": {
          const result = await stack.destroy();
          const left = stack.export().deployment.resources ?? [];
          if (result.result === "succeeded" && left.length === 0) removeStackFiles(this.stack);
          return result;
        }
      }
    });
  }

  async exists(): Promise<boolean> {
    return existsSync(this.stateFile) || existsSync(`${this.stateFile}.journal`);
  }

  outputs({ showSecrets }: { readonly showSecrets: boolean }): Promise<Values> {
    return this.#spoken(async () => readOutputs(this.stateFile, this.passphrase, showSecrets));
  }

  export(): Promise<object> {
    return this.#spoken(async () => this.#open().export());
  }

  import(state: object): Promise<void> {
    return this.#spoken(() => this.#open().import(state as StateFile));
  }

  async unlock(): Promise<string> {
    const file = `${this.stateFile}.lock`;
    if (!existsSync(file)) return `stack ${this.stack} is not locked`;
    const text = readFileSync(file, "utf8").trim();
    const pid = /"pid":(\d+)/.exec(text)?.[1];
    // The engine takes over what a dead process left; whoever comes here has one that looks alive.
    if (pid && existsSync(`/proc/${pid}`)) {
      throw new CliError(
        `stack ${this.stack} is locked by process ${pid}, which runs: ${text}. End it first; if it is another program, remove ${file}`,
      );
    }
    rmSync(file);
    return `removed the lock of stack ${this.stack}, which was held by ${text}`;
  }

  #open(hooks?: RunHooks): Rehearsal {
    const engine = require("../../engine") as typeof import("../../engine");
    const { providers } = require("../../engine/providers") as typeof import("../../engine/providers");
    return new engine.Rehearsal({
      projectDir,
      stack: this.stack,
      stateFile: this.stateFile,
      passphrase: this.passphrase,
      providers,
      ...hooks,
    });
  }

  /** What the engine throws by itself speaks to the user; errors of other kinds are bugs and keep their stack trace. */
  async #spoken<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error) || error.constructor !== Error) throw error;
      const wrongPassphrase = /passphrase/.test(error.message);
      throw new CliError(error.message, wrongPassphrase ? exitCodes.badConfiguration : exitCodes.failed);
    }
  }
}
