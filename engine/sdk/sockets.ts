/**
 * The sockets of one run: of the engine and of each server that it starts. Whoever can call one of them does whatever its user
 * may do, and the protocol knows no log-in; so they lie in a folder that nobody but that user may enter.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { EngineError } from "../errors";

/** What every system allows (macOS: 104 bytes with the zero at the end). */
const LONGEST_PATH = 103;
const FOLDER = "rehearsal-";

export class Sockets {
  /** The engine's own. */
  readonly engine: string;
  readonly #folder: string;
  #servers = 0;

  constructor() {
    if (Buffer.byteLength(path.join(tmpdir(), `${FOLDER}XXXXXX`, "server-999")) > LONGEST_PATH) {
      throw new EngineError(
        "project",
        `the folder for temporary files, ${tmpdir()}, has too long a name for the sockets of a run: set TMPDIR to a shorter one`,
      );
    }
    this.#folder = mkdtempSync(path.join(tmpdir(), FOLDER));
    this.engine = path.join(this.#folder, "engine");
  }

  /** For one more server that the engine starts. */
  next(): string {
    return path.join(this.#folder, `server-${++this.#servers}`);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** As gRPC writes it. */
export function addressOf(socket: string): string {
  return `unix:${socket}`;
}
