/**
 * What stands behind things of the pretended account: a program that makes on this machine what an instance, a load balancer or a bucket
 * would be. Without one there is nothing.
 */
import { spawn } from "node:child_process";
import type { Thing } from "./cloud";

/** Run as `PROGRAM put|remove ACCOUNT` after each change of a thing of these types, with the thing as JSON on its standard input. */
export interface Machines {
  readonly program: string;
  /** Type tokens: "aws:ec2/instance:Instance". */
  readonly types: readonly string[];
  /** On top of this process's. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Of what it says before it fails, the end. */
const TOLD = 2000;

export async function follow(
  machines: Machines | undefined,
  verb: "put" | "remove",
  account: string,
  thing: Thing,
): Promise<void> {
  if (!machines?.types.includes(thing.type)) return;
  const { environment, program } = machines;
  const child = spawn(program, [verb, account], {
    env: { ...process.env, ...environment },
    stdio: ["pipe", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString("utf8")).slice(-TOLD);
  });
  child.stdin.on("error", () => undefined).end(JSON.stringify(thing));
  const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  if (code !== 0)
    throw new Error(`what stands behind ${thing.name} (${thing.id}) could not be made: ${said.trim() || code}`);
}

/** Where the program leaves what the console of an instance shows. */
export const consoleFile = (account: string, instance: string): string => `${account}.real/console/${instance}`;
