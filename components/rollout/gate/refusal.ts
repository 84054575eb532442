/** What stops a rollout: a closed gate, with everything that was found, or the operator. */

/** One thing that a gate found wrong. */
export interface GateFinding {
  readonly host: string;
  /** What was looked at, for instance "the member answers on its client address". */
  readonly checked: string;
  readonly found: string;
  /** What the operator can do about it: sentences that name a command or a page that exists. */
  readonly advice: string;
  /** True: waiting does not mend it, so the gate refuses at once. */
  readonly lasting: boolean;
}

/** What a machine reads of a refusal (the `KILONODE-GATE` line): the first finding, and what else there is. */
export interface Refusal extends Omit<GateFinding, "lasting"> {
  readonly group: string;
  readonly changed: readonly string[];
  readonly findings: readonly GateFinding[];
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
