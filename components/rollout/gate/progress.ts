/** How one rollout of one group gets on: its lines, what it has changed, why it waits, and whether it was asked to stop. */
import { type GateFinding, GateRefused, Interrupted } from "./refusal";

export class Progress {
  readonly #changed = new Set<string>();
  #causes: readonly GateFinding[] = [];

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

  /** What is behind that which a gate waits for: a refusal of this wait begins with it. */
  explain(causes: readonly GateFinding[]): void {
    this.#causes = causes;
  }

  /** What waiting does not mend comes first. */
  refuse(found: readonly [GateFinding, ...GateFinding[]]): GateRefused {
    const all = [...this.#causes.filter((cause) => !found.includes(cause)), ...found];
    const findings = [...all.filter(({ lasting }) => lasting), ...all.filter(({ lasting }) => !lasting)];
    const [first = found[0]] = findings;
    const { lasting: _, ...told } = first;
    return new GateRefused({ group: this.group, ...told, changed: this.changed, findings });
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
