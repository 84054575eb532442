/** Where the project is and which stacks it has. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCodes, UserError } from "../../config/errors";

export const projectDir = join(__dirname, "../..");
export const policyPack = join(projectDir, "policy");
const stacksDir = join(projectDir, "stacks");

export function stackNames(dir: string = stacksDir): string[] {
  return readdirSync(dir)
    .map((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

/** The stack's file; a wrong name is answered with the names there are. */
export function stackFile(stack: string, dir: string = stacksDir): string {
  const file = join(dir, `Pulumi.${stack}.yaml`);
  // A name with a slash would look elsewhere.
  if (/^[A-Za-z0-9_.-]+$/.test(stack) && existsSync(file)) return file;
  throw new UserError(
    `there is no stack "${stack}"; the stacks are: ${stackNames(dir).join(", ")}. A new one is a file stacks/Pulumi.<stack>.yaml`,
    exitCodes.badConfiguration,
  );
}

/** True when `pulumi config set --secret` has written something into the stack's file. */
export function hasEncrypted(stack: string): boolean {
  return /\bsecure:/.test(readFileSync(stackFile(stack), "utf8"));
}

/** True: something was encrypted for the stack, as Pulumi has noted in its file. */
export function hasSalt(stack: string): boolean {
  return /^encryptionsalt:/m.test(readFileSync(stackFile(stack), "utf8"));
}

/** Takes out what Pulumi has written into the stack's file to know a passphrase by. */
export function removeSalt(stack: string): void {
  const file = stackFile(stack);
  const text = readFileSync(file, "utf8");
  const without = text.replace(/^encryptionsalt:.*\n?/m, "");
  if (without !== text) writeFileSync(file, without);
}
