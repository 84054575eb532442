/** Asks before something goes that somebody may need. */
import { createInterface } from "node:readline/promises";
import { exitCodes, UserError } from "../../config/errors";
import type { CheckedStack } from "../stack/configuration";

export interface Consent {
  readonly yes?: boolean;
}

export async function consentTo(
  what: string,
  { stack, spec }: CheckedStack,
  { yes }: Consent,
  does = `removes the cluster ${stack}; its data and keys are kept`,
): Promise<void> {
  if (yes || spec.ephemeral) return;
  if (!process.stdin.isTTY) {
    throw new UserError(
      `stack ${stack} is not ephemeral: say --yes to go on without being asked (${what})`,
      exitCodes.badConfiguration,
    );
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await prompt.question(`${what} ${does}. Type the stack's name to go on: `);
  prompt.close();
  if (answer.trim() !== stack) throw new UserError(`got "${answer.trim()}", not "${stack}"; nothing was touched`);
}
