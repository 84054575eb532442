/** A command that is cut off in the middle. */
import { expect } from "vitest";
import { finished, type TestStack } from "../../../bench/lib/stack";

/**
 * Runs a command until it has said this, then ends it and its program at once, as a machine that loses power does; a rollout under way is
 * left to itself. One that has come to its end without that is let be.
 * @returns what it said
 */
export async function cutOff(stack: TestStack, said: RegExp, command: string, ...args: string[]): Promise<string> {
  const child = stack.start(command, args);
  let text = "";
  const spoken = new Promise<void>((resolve) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (said.test(text)) resolve();
    });
  });
  const ended = finished(child);
  await Promise.race([spoken, ended]);
  if (child.exitCode === null) process.kill(-(child.pid as number), "SIGKILL");
  await ended;
  return text;
}

/** The same of a command that must say it. */
export async function killedAt(stack: TestStack, said: RegExp, command: string, ...args: string[]): Promise<string> {
  const text = await cutOff(stack, said, command, ...args);
  expect(text, `${command} ended before it said what it was to be killed at`).toMatch(said);
  return text;
}

export const killedUp = (stack: TestStack, said: RegExp): Promise<string> => killedAt(stack, said, "up");
