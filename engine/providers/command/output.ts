/** Collects what a command prints: the two outputs, both together for an error message, and lines for the display. */
import { StringDecoder } from "node:string_decoder";
import { goQuote } from "./go-quote";

/** A command that prints more than this is stopped: its output would be stored in the state file. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;
/** An error message keeps this much of the beginning and of the end of the output. */
const MESSAGE_PART = 32 * 1024;
const LINE_LIMIT = 64 * 1024;

export type Logging = "stdout" | "stderr" | "stdoutAndStderr" | "none";

export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

export class Output {
  readonly #chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  readonly #partial = { stdout: "", stderr: "" };
  readonly #decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  readonly #both: Buffer[] = [];
  #size = 0;

  constructor(
    private readonly logging: Logging | undefined,
    private readonly line: (text: string) => void,
    private readonly tooMuch: () => void,
  ) {}

  /** What the command printed; throws when that was too much, or when it failed. */
  result(command: string, failure: string | undefined): Printed {
    this.#finish();
    if (this.#exceeded) {
      throw new Error(`the output is larger than ${OUTPUT_LIMIT} bytes: running ${goQuote(command)}`);
    }
    if (failure !== undefined) throw new Error(`${failure}: running ${goQuote(command)}:\n${this.#message()}`);
    return { stdout: this.#text("stdout"), stderr: this.#text("stderr") };
  }

  get #exceeded(): boolean {
    return this.#size > OUTPUT_LIMIT;
  }

  add(stream: "stdout" | "stderr", chunk: Buffer): void {
    if (this.#exceeded) return;
    this.#size += chunk.length;
    if (this.#exceeded) {
      this.tooMuch();
      return;
    }
    this.#chunks[stream].push(chunk);
    this.#both.push(chunk);
    if (!this.#logged(stream)) return;
    const lines = (this.#partial[stream] + this.#decoders[stream].write(chunk)).split("\n");
    const rest = lines.pop() ?? "";
    this.#partial[stream] = rest.length > LINE_LIMIT ? rest.slice(0, LINE_LIMIT) : rest;
    for (const text of lines) this.line(text.replace(/\r$/, ""));
  }

  /** Prints the last line of each stream if it has no line end. */
  #finish(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (this.#partial[stream] !== "") this.line(this.#partial[stream]);
      this.#partial[stream] = "";
    }
  }

  /** As the real provider stores it: without the last line end, and only one. */
  #text(stream: "stdout" | "stderr"): string {
    return Buffer.concat(this.#chunks[stream]).toString("utf8").replace(/\n$/, "");
  }

  /** Both streams in the order in which they came, for an error message. */
  #message(): string {
    const all = Buffer.concat(this.#both);
    if (all.length <= 2 * MESSAGE_PART) return all.toString("utf8");
    const left = all.length - 2 * MESSAGE_PART;
    return `${all.subarray(0, MESSAGE_PART).toString("utf8")}\n[${left} bytes left out]\n${all.subarray(-MESSAGE_PART).toString("utf8")}`;
  }

  #logged(stream: "stdout" | "stderr"): boolean {
    return this.logging === undefined || this.logging === "stdoutAndStderr" || this.logging === stream;
  }
}
