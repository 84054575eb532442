/** How one rollout of one group gets on: its lines, what it has changed, and whether it was asked to stop. */
import { type GateFinding, GateRefused, Interrupted } from "./refusal";

export class Progress {
  readonly #changed = new Set<string>();

  constructor(
    readonly group: string,
    readonly report: (line: string) => void,
    readonly stopping: () => boolean = () => false,
  ) {}

  /** Hosts that this rollout has changed, in order. */
  get changed(): readonly string[] {
    return [...this.#changed];
  }

  markChanged(host: string): void {
    this.#changed.add(host);
  }

  wasChanged(host: string): boolean {
    return this.#changed.has(host);
  }

  refuse(findings: readonly [GateFinding, ...GateFinding[]]): GateRefused {
    const { host, checked, found, advice } = findings[0];
    return new GateRefused({ group: this.group, host, checked, found, advice, changed: this.changed, findings });
  }

  /** Refuses when anything was found. */
  refuseAny([first, ...rest]: readonly GateFinding[]): void {
    if (first) throw this.refuse([first, ...rest]);
  }

  /** Between two steps only, so that no member is left half-way. */
  stopIfAsked(): void {
    if (this.stopping()) throw new Interrupted(`${this.group}: stopped between two steps`);
  }
}
