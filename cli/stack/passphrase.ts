/** The passphrase that encrypts the secrets of the state. */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { exitCodes, UserError } from "../../config/errors";
import { hasState, makeStateDir, stateDir, stateFile } from "./files";
import { hasSalt } from "./project";

export interface Passphrase {
  readonly text: string | undefined;
  /** Worth a line to the user. */
  readonly note?: string;
  /** True: this run has made the file, so nothing is encrypted with it yet. */
  readonly made?: boolean;
  /** Called before anything is encrypted: writes the file again that another stack's run may have found to be of no use. */
  readonly keep?: () => void;
}

/**
 * PULUMI_CONFIG_PASSPHRASE, or the content of PULUMI_CONFIG_PASSPHRASE_FILE, as Pulumi reads them. With neither, a stack without a state
 * gets a random one where that will do; else it must be told, since losing it loses the state.
 *
 * @param mayBeRandom the stack is ephemeral, or nothing that is encrypted is kept
 * @param make false: nothing may be written (previews, status)
 */
export function findPassphrase(
  stack: string,
  mayBeRandom: boolean,
  make: boolean,
  env: NodeJS.ProcessEnv = process.env,
): Passphrase {
  const given = givenPassphrase(env);
  if (given) return given.text === "" ? emptyPassphrase(given.by, stack, mayBeRandom, env) : { text: given.text };
  const file = join(stateDir(env), "passphrase");
  if (existsSync(file)) return kept(file, readFileSync(file, "utf8").trim());
  if (hasState(stack, env)) {
    throw new UserError(
      `the state of stack ${stack} (${stateFile(stack, env)}) was encrypted with a passphrase that is not here; ` +
        "set PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE) to it. Nothing was touched",
      exitCodes.badConfiguration,
    );
  }
  if (!mayBeRandom) {
    throw new UserError(
      `stack ${stack} keeps secrets and no passphrase is set; set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds it. ` +
        "(Only an ephemeral stack gets a random one by itself.)",
      exitCodes.badConfiguration,
    );
  }
  const text = randomBytes(24).toString("base64url");
  if (!make) return { text };
  makeStateDir(env);
  const stored = store(file, text);
  const note = `made a random passphrase for the state's secrets in ${file}`;
  return { ...kept(file, stored), ...(stored === text && { note, made: true }) };
}

function givenPassphrase(env: NodeJS.ProcessEnv): { readonly by: string; readonly text: string } | undefined {
  const { PULUMI_CONFIG_PASSPHRASE: text, PULUMI_CONFIG_PASSPHRASE_FILE: file } = env;
  if (text !== undefined) return { by: "PULUMI_CONFIG_PASSPHRASE", text };
  return file ? { by: `the file ${file} (PULUMI_CONFIG_PASSPHRASE_FILE)`, text: fromFile(file) } : undefined;
}

/** A passphrase to Pulumi, too: what was encrypted with it is still opened, which is said, and nothing is begun with it. */
function emptyPassphrase(by: string, stack: string, mayBeRandom: boolean, env: NodeJS.ProcessEnv): Passphrase {
  if (hasState(stack, env) || hasSalt(stack)) {
    const note = `warning: ${by} is empty: whoever can read the state of stack ${stack} has every key in it; for another one see docs/data-and-keys.md#an-empty-passphrase`;
    return { text: "", note };
  }
  const orUnset = mayBeRandom ? ", or unset it: then a random one is made" : "";
  throw new UserError(
    `${by} is empty, and would encrypt the keys of stack ${stack} for nobody: whoever can read its state could open them. ` +
      `Set it to a passphrase (openssl rand -base64 24 makes one)${orUnset}. Nothing was touched`,
    exitCodes.badConfiguration,
  );
}

function kept(file: string, text: string): Passphrase {
  const keep = () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    if (store(file, text) === text) return;
    throw new UserError(
      `another run has made another passphrase in ${file} at the same moment; nothing was touched, run the command again`,
    );
  };
  return { text, keep };
}

function fromFile(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UserError(
      `PULUMI_CONFIG_PASSPHRASE_FILE names ${file}, which cannot be read (${(error as Error).message}); correct the path or set PULUMI_CONFIG_PASSPHRASE`,
      exitCodes.badConfiguration,
    );
  }
}

/** On disk before it encrypts anything. When another run was first, its passphrase counts. */
function store(file: string, text: string): string {
  try {
    const handle = openSync(file, "wx", 0o600);
    writeSync(handle, `${text}\n`);
    fsyncSync(handle);
    closeSync(handle);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return readFileSync(file, "utf8").trim();
  }
}
