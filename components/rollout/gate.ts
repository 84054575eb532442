/** What stops a rollout, and what a rollout tells while it runs. */

export interface Finding {
  readonly host: string;
  /** What was looked at, for instance "answers on its client address". */
  readonly checked: string;
  readonly found: string;
  /** What the operator can do about it. */
  readonly advice: string;
  /** True: waiting does not mend it, so the gate refuses at once. */
  readonly lasting: boolean;
}

/** What a machine reads of a refusal (the `KILONODE-GATE` line). */
export interface Refusal {
  readonly group: string;
  readonly host: string;
  readonly checked: string;
  readonly found: string;
  readonly advice: string;
  readonly changed: readonly string[];
  readonly findings: readonly Finding[];
}

/** A health gate is closed: nothing more is touched, what is done is kept, the next run goes on from the live state. */
export class GateRefused extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    const others = refusal.findings.length > 1 ? ` (and ${refusal.findings.length - 1} more findings)` : "";
    const kept =
      refusal.changed.length === 0
        ? "Nothing was changed."
        : `Changed in this run: ${refusal.changed.join(", ")}; nothing else was touched.`;
    super(
      `${refusal.group}: ${refusal.host}: checked: ${refusal.checked}; found: ${refusal.found}${others}. ` +
        `${refusal.advice} ${kept} Then run the same command again: it goes on from there.`,
    );
    this.name = "GateRefused";
    this.refusal = refusal;
  }
}

/** The operator asked to stop, and the step under way has come to its end. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

export interface Clock {
  /** Milliseconds; only differences count. */
  now(): number;
  sleep(milliseconds: number): Promise<void>;
}

/** One run of one group: its progress lines, what it has changed, and whether it was asked to stop. */
export class Run {
  readonly #changed = new Set<string>();

  constructor(
    readonly group: string,
    readonly report: (line: string) => void,
    readonly stopping: () => boolean = () => false,
  ) {}

  get changed(): readonly string[] {
    return [...this.#changed];
  }

  markChanged(host: string): void {
    this.#changed.add(host);
  }

  wasChanged(host: string): boolean {
    return this.#changed.has(host);
  }

  refuse(findings: readonly [Finding, ...Finding[]]): GateRefused {
    const { host, checked, found, advice } = findings[0];
    return new GateRefused({ group: this.group, host, checked, found, advice, changed: this.changed, findings });
  }

  /** Between two steps only, so that no member is left half-way. */
  stopIfAsked(): void {
    if (this.stopping()) throw new Interrupted(`${this.group}: stopped between two steps`);
  }
}
