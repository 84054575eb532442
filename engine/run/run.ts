/** What all parts of one run share: whether it still goes on, how much runs at once, and what is told to the outside. */
import { setMaxListeners } from "node:events";
import type { ResourceCall } from "../provider/provider";
import { urnName, urnType } from "../state/types";
import type { Diagnostic, EngineEvent, Op, PolicyViolation, Severity, Step } from "./events";

/** An error that was already reported; it only ends what it passes through. */
export class Bail extends Error {}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export class Run {
  readonly steps: Step[] = [];
  readonly changes: Partial<Record<Op, number>> = {};
  readonly diagnostics: Diagnostic[] = [];
  readonly policy: PolicyViolation[] = [];
  /** Something failed; `announce` when the closing line "update failed" is still to be said (deployment_executor.go). */
  failed = false;
  announce = false;
  readonly #started = performance.now();
  readonly #aborted = new AbortController();
  #free: number;
  #busy = 0;
  readonly #queue: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];

  constructor(
    readonly preview: boolean,
    parallel: number,
    /** The operator's interrupt. */
    readonly signal: AbortSignal,
    readonly onEvent: (event: EngineEvent) => void,
  ) {
    this.#free = parallel;
    // Every step listens.
    setMaxListeners(0, this.#aborted.signal, signal);
    if (signal.aborted) this.abort();
    else signal.addEventListener("abort", () => this.abort(), { once: true });
  }

  get elapsed(): number {
    return Math.round(performance.now() - this.#started);
  }

  /** Ends when no further step may begin. */
  get ended(): AbortSignal {
    return this.#aborted.signal;
  }

  get going(): boolean {
    return !this.#aborted.signal.aborted;
  }

  /** Work in flight goes on; nothing new begins (`cancelDueToError` in step_executor.go). */
  abort(): void {
    this.#aborted.abort();
    for (const waiting of this.#queue.splice(0)) waiting();
  }

  fail(announce: boolean): void {
    this.failed = true;
    this.announce ||= announce;
  }

  /** An error that ends the run, reported here unless it already was. */
  bail(message?: string, urn?: string): Bail {
    if (message !== undefined) this.report("error", message, urn);
    this.fail(false);
    return new Bail(message);
  }

  /** Runs `work` when one of the slots is free. */
  async limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0 || !this.going) this.#free--;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#busy++;
    try {
      return await work();
    } finally {
      this.#busy--;
      if (this.#busy === 0) for (const idle of this.#idle.splice(0)) idle();
      const next = this.#queue.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  /** Resolves when no step is running. */
  async idle(): Promise<void> {
    if (this.#busy > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  report(severity: Severity, message: string, urn?: string, ephemeral?: boolean): void {
    const diagnostic: Diagnostic = { severity, message, ...(urn && { urn }), ...(ephemeral && { ephemeral }) };
    if (severity !== "debug" && !ephemeral) this.diagnostics.push(diagnostic);
    this.onEvent({ type: "diagnostic", ...diagnostic });
  }

  violation(violation: PolicyViolation): void {
    this.policy.push(violation);
    this.onEvent({ type: "policy", violation });
  }

  /** What a provider gets with each call. `timeout` is the resource's `customTimeouts`, in seconds. */
  call(urn: string, timeout = 0): ResourceCall {
    const signal = timeout > 0 ? AbortSignal.any([this.signal, AbortSignal.timeout(timeout * 1000)]) : this.signal;
    return {
      urn,
      type: urnType(urn),
      name: urnName(urn),
      preview: this.preview,
      signal,
      // Progress of a step is not a message about the run; what matters comes as a warning or an error.
      log: (severity, message, ephemeral) => this.report(severity, message, urn, ephemeral || severity === "info"),
    };
  }
}
