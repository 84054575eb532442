/** Programs that a test runs: to their end, or as servers that it stops again. */
import { type ChildProcess, spawn } from "node:child_process";

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

export interface Ended {
  readonly code: number | null;
  /** Both streams, as they came. */
  readonly output: string;
}

/** Only what a program needs: nothing of this shell's may decide whether it accepts its settings. */
const environment = (env: RunOptions["env"] = {}): NodeJS.ProcessEnv => ({
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/nonexistent",
  ...env,
});

/** A program of ours, from start to end. */
export class Program {
  output = "";
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(
    readonly path: string,
    args: readonly string[],
    options: RunOptions = {},
  ) {
    this.child = spawn(path, args, {
      env: environment(options.env),
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.cwd ? { cwd: options.cwd } : {}),
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.output += chunk;
      });
    }
    this.ended = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (code) => resolve(code));
    });
  }

  /** Waits for the end; a program that is not done in time is killed and reported with what it said. */
  async end(timeoutMs = 60_000): Promise<Ended> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), timeoutMs);
    const code = await this.ended;
    clearTimeout(timer);
    if (this.child.signalCode === "SIGKILL")
      throw new Error(`${this.path} was not done after ${timeoutMs} ms:\n${this.output.slice(-4000)}`);
    return { code, output: this.output };
  }

  /** Waits for something that it says. */
  async says(what: RegExp, timeoutMs = 60_000): Promise<RegExpExecArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const found = what.exec(this.output);
      if (found) return found;
      if (this.gone || Date.now() > deadline) {
        const why = this.gone ? "ended" : `was silent for ${timeoutMs} ms`;
        throw new Error(`${this.path} ${why} before it said ${what}:\n${this.output.slice(-4000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get gone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it: nothing that it would still write is of worth. */
  async stop(): Promise<void> {
    if (!this.gone) this.child.kill("SIGKILL");
    await this.ended.catch(() => undefined);
  }
}

/** Runs a program to its end, whatever it ends with. */
export function run(path: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Program(path, args, options).end(options.timeoutMs);
}
