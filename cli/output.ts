/** What a command prints: all of it is written, or the command says that it was not. */
import { writeSync } from "node:fs";
import { UserError } from "../config/errors";

const standardOutput = 1;
/** How long to wait for the reader of a pipe that is full. */
const pause = 5;
const clock = new Int32Array(new SharedArrayBuffer(4));
let abandoned = false;

/**
 * Not by `process.stdout`: into a file it writes what fits on the disk and says nothing of the rest, and of an error only later.
 * A reader that goes away (`| head`) is no error: the rest is for nobody.
 */
export function print(text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length && !abandoned) {
    try {
      written += writeSync(standardOutput, bytes, written);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN") Atomics.wait(clock, 0, 0, pause);
      else if (code === "EPIPE") abandoned = true;
      else throw lost(message, written, bytes.length);
    }
  }
}

function lost(why: string, written: number, all: number): UserError {
  return new UserError(
    `the output could not be written: ${why}, after ${written} of ${all} bytes; what the command did is done. ` +
      "Make room, or name another file, and run it again",
  );
}
