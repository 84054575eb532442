/** The two engines behind one face: Pulumi's own, through its CLI, and the rehearsal engine. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { ResourceId } from "../../components/resources";
import { exitCodes, UserError } from "../../config/errors";
import type { EngineEvent, Result, Values } from "../../engine";
import type { CheckedStack } from "../stack/configuration";
import { checkStateDir, hasState, newFolder, notePulumiStack, removeUnusedPassphrase, stateFile } from "../stack/files";
import { findPassphrase } from "../stack/passphrase";
import type { Unfinished } from "./run-record";

export const engineNames = ["pulumi", "rehearsal"] as const;
export type EngineName = (typeof engineNames)[number];
export type Action = Result["action"];

export interface RunHooks {
  readonly onEvent: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
}

/** A resource of the state with its secrets in clear: for use in memory alone. */
export interface OpenedResource {
  readonly urn: string;
  readonly type: string;
  /** Replaced by another of the same name, and not removed yet. */
  readonly delete?: boolean;
  readonly outputs: Values;
}

/** What the state tells, also after a run that did not come to its end. */
export interface OpenedState {
  readonly resources: readonly OpenedResource[];
  /** What a run was at when it was killed, or what it is at now. */
  readonly pending: readonly { readonly urn: string; readonly operation: string }[];
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
  state(): Promise<OpenedState>;
  /** What each of these resources of the state printed, where that is no secret; undefined without the resource. Needs no passphrase. */
  printed(resources: readonly ResourceId[]): Promise<readonly (string | undefined)[]>;
  /** Secrets stay encrypted. */
  export(): Promise<object>;
  import(state: object): Promise<void>;
  /** Frees the state from a run that is gone; says what it did. */
  unlock(): Promise<string>;
}

export interface OpenOptions {
  /** True: the pulumi engine may be opened although the rehearsal engine has a state (to hand it over). */
  readonly handOver?: boolean;
  readonly engine?: string | undefined;
  /** False: nothing may be written, not even a passphrase. */
  readonly make: boolean;
  readonly say: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

/** Opens the stack with the engine that was asked for, or that fits this machine. */
export function openStack(checked: CheckedStack, options: OpenOptions): StackEngine {
  const { env = process.env, say } = options;
  checkStateDir(env);
  const { name, reason } = chooseEngine(checked.stack, options.engine, env, options.handOver);
  const file = stateFile(checked.stack, env);
  const undo = options.make && name === "rehearsal" ? newFolder(checked, env) : () => undefined;
  const passphrase = orUndo(undo, () => findPassphrase(checked.stack, checked.spec.ephemeral, options.make, env));
  if (passphrase.note) say(passphrase.note);
  if (name === "pulumi") {
    say(`engine: pulumi (${reason})`);
    const { PulumiEngine } = require("./pulumi") as typeof import("./pulumi");
    if (options.make && passphrase.keep) notePulumiStack(checked.stack, env);
    return new PulumiEngine(checked.stack, passphrase.text);
  }
  say(`engine: rehearsal (${reason}); state in ${file}`);
  if (!checked.platform.rehearsed) {
    say(`a rehearsal: nothing is made on ${checked.spec.platform}; production is \`pulumi up -s ${checked.stack}\``);
  }
  const { RehearsalEngine } = require("./rehearsal") as typeof import("./rehearsal");
  return new RehearsalEngine(checked.stack, file, passphrase.text, {
    keep: passphrase.keep ?? (() => undefined),
    undo: () => {
      if (passphrase.made) removeUnusedPassphrase(env);
      undo();
    },
  });
}

function orUndo<T>(undo: () => void, work: () => T): T {
  try {
    return work();
  } catch (error) {
    undo();
    throw error;
  }
}

/** A stack that the rehearsal engine has made stays its own: another engine would know nothing of it and make it twice. */
export function chooseEngine(
  stack: string,
  asked: string | undefined,
  env: NodeJS.ProcessEnv,
  handOver = false,
): { readonly name: EngineName; readonly reason: string } {
  const pulumi = onPath("pulumi", env);
  const rehearsed = hasState(stack, env);
  if (asked === undefined) {
    if (rehearsed) return { name: "rehearsal", reason: pulumi ? "which made this stack" : "no pulumi CLI on PATH" };
    return pulumi ? { name: "pulumi", reason: pulumi } : { name: "rehearsal", reason: "no pulumi CLI on PATH" };
  }
  if (asked === "rehearsal") return { name: asked, reason: "asked for" };
  if (asked !== "pulumi") {
    throw new UserError(`--engine ${asked}: allowed are ${engineNames.join(", ")}`, exitCodes.badConfiguration);
  }
  if (!pulumi) {
    throw new UserError(
      "--engine pulumi: there is no `pulumi` on PATH; install the Pulumi CLI (https://www.pulumi.com/docs/install/), or use --engine rehearsal",
      exitCodes.badConfiguration,
    );
  }
  if (rehearsed && !handOver) {
    throw new UserError(
      `stack ${stack} was made by the rehearsal engine (${stateFile(stack, env)}), and Pulumi would make it a second time. Hand it over first: ` +
        `kilonode state export ${stack} --engine rehearsal > state.json; kilonode state import ${stack} --engine pulumi state.json; then remove that file`,
      exitCodes.badConfiguration,
    );
  }
  return { name: "pulumi", reason: pulumi };
}

/** The first executable of this name, as a shell would find it. */
export function onPath(name: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? "")
    .split(delimiter)
    .filter((dir) => dir !== "")
    .map((dir) => join(dir, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
