/** Asks before a step that somebody may not want. */
import { createInterface } from "node:readline/promises";
import { exitCodes, UserError } from "../config/errors";

/** @param what comes next, as a sentence goes on. @throws when the answer is no, or nobody is there to give one */
export async function agreeTo(what: string, { yes }: { readonly yes?: boolean }): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY)
    throw new UserError(
      `nobody is there to be asked, and --yes was not said. Next: ${what}`,
      exitCodes.badConfiguration,
    );
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`Next: ${what}. Go on? [y/N] `);
  prompt.close();
  if (!/^y(es)?$/i.test(answer.trim()))
    throw new UserError("stopped there; what was done before is kept, and the same command goes on from it");
}
