/** An `up` that is cut off in the middle. */
import { expect } from "vitest";
import { finished, type TestStack } from "../../../bench/lib/stack";

/**
 * Runs `up` until it has said this, then ends it and its program at once, as a machine that loses power does; a rollout under way is
 * left to itself.
 * @returns what it said
 */
export async function killedUp(stack: TestStack, said: RegExp): Promise<string> {
  const up = stack.start("up");
  let text = "";
  const spoken = new Promise<void>((resolve) => {
    up.stderr?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (said.test(text)) resolve();
    });
  });
  const ended = finished(up);
  await Promise.race([spoken, ended]);
  expect(text, "up ended before it said what it was to be killed at").toMatch(said);
  process.kill(-(up.pid as number), "SIGKILL");
  await ended;
  return text;
}
