/** Opens a stack with the engine that was asked for, or that fits this machine and what has made the stack. */
import { exitCodes, UserError } from "../../config/errors";
import type { CheckedStack } from "../stack/configuration";
import {
  checkStateDir,
  hasState,
  newFolder,
  notePulumiStack,
  removePulumiFiles,
  removeUnusedPassphrase,
  stateFile,
} from "../stack/files";
import { findPassphrase } from "../stack/passphrase";
import { hasEncrypted, removeSalt } from "../stack/project";
import { type EngineName, engineNames, type StackEngine } from "./engine";
import { onPath } from "./on-path";

export interface OpenOptions {
  /** True: the pulumi engine may be opened although the rehearsal engine has a state (to hand it over). */
  readonly handOver?: boolean;
  readonly engine?: string | undefined;
  /** False: nothing may be written, not even a passphrase. */
  readonly make: boolean;
  readonly say: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
}

export function openStack(checked: CheckedStack, options: OpenOptions): StackEngine {
  const { env = process.env, say } = options;
  checkStateDir(env);
  const { name, reason } = chooseEngine(checked.stack, options.engine, env, options.handOver);
  const file = stateFile(checked.stack, env);
  const undo = options.make && name === "rehearsal" ? newFolder(checked, env) : () => undefined;
  // A preview from nothing keeps nothing: whatever encrypts is thrown away with it.
  const mayBeRandom = checked.spec.ephemeral || (name === "rehearsal" && !options.make);
  const passphrase = orUndo(undo, () => findPassphrase(checked.stack, mayBeRandom, options.make, env));
  if (passphrase.note) say(passphrase.note);
  if (name === "pulumi") {
    say(`engine: pulumi (${reason})`);
    const { PulumiEngine } = require("./pulumi") as typeof import("./pulumi");
    const isOurs = passphrase.keep !== undefined;
    if (options.make && isOurs) notePulumiStack(checked.stack, env);
    return new PulumiEngine(checked.stack, passphrase.text, async (removeStack) => {
      // With the passphrase goes all that it encrypts: a stack without resources, and the salt in its file.
      const needless = isOurs && !hasEncrypted(checked.stack);
      if (needless) {
        await removeStack();
        removeSalt(checked.stack);
      }
      removePulumiFiles(checked.stack, !needless, env);
    });
  }
  say(`engine: rehearsal (${reason}); state in ${file}`);
  if (!checked.platform.rehearsal) {
    say(`a rehearsal: nothing is made on ${checked.spec.platform}; production is \`pulumi up -s ${checked.stack}\``);
  }
  const { RehearsalEngine } = require("./rehearsal") as typeof import("./rehearsal");
  return new RehearsalEngine(checked, file, passphrase.text, {
    say,
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
