/** Lines, and on a terminal one line below them that is written over again and again. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const clearLine = "\r\x1b[2K";

export class Terminal {
  #status = "";

  constructor(private readonly stream: Stream) {}

  get interactive(): boolean {
    return this.stream.isTTY === true;
  }

  line(text: string): void {
    if (!this.interactive) this.stream.write(`${text}\n`);
    else this.stream.write(`${clearLine}${text}\n${this.#status}`);
  }

  /** Shown until the next one; does nothing where lines cannot be written over. */
  status(text: string): void {
    if (!this.interactive) return;
    // A line that wraps could not be cleared.
    this.#status = [...text].slice(0, (this.stream.columns ?? 80) - 1).join("");
    this.stream.write(`${clearLine}${this.#status}`);
  }
}

/** "0.4s", "12.3s", "2m05s". */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 100) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
}

/** "1 host", "3 hosts". */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : what.endsWith("s") ? "es" : "s"}`;
}
