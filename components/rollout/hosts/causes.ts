/** Why services are down, as their hosts tell it: asked while a gate waits, so that it waits for nothing that cannot come. */
import type { GateFinding } from "../gate/refusal";
import { causeAdvice } from "./advice";
import type { CauseKind, DownService } from "./answers";
import type { Fleet } from "./fleet";
import type { Clock, Hosts, Target } from "./hosts";

/** What just starts is left alone for so long; then the pause between two questions doubles. */
const FIRST_MS = 3_000;
const LONGEST_PAUSE_MS = 30_000;

/** `lasting`: waiting does not mend it. `activated`: content that is made live mends it, where there is some to make live. */
const kinds: Readonly<Record<CauseKind, { readonly lasting: boolean; readonly activated: boolean }>> = {
  masked: { lasting: true, activated: false },
  full: { lasting: true, activated: false },
  "bad-data": { lasting: true, activated: false },
  swapped: { lasting: true, activated: false },
  missing: { lasting: true, activated: true },
  "not-executable": { lasting: true, activated: true },
  "not-mounted": { lasting: true, activated: true },
  refused: { lasting: true, activated: true },
  ends: { lasting: false, activated: false },
  stopped: { lasting: false, activated: false },
};

export class CauseWatch<T extends Target> {
  readonly #reported = new Set<string>();
  #pause = FIRST_MS;
  #next = Number.POSITIVE_INFINITY;

  constructor(
    readonly hosts: Hosts & Clock,
    readonly fleet: Fleet<T>,
  ) {}

  /** A wait begins. */
  begin(): void {
    this.#pause = FIRST_MS;
    this.#next = this.hosts.now() + FIRST_MS;
    this.fleet.progress.explain([]);
  }

  /** What was waited for has come. */
  end(): void {
    this.fleet.progress.explain([]);
  }

  /** Asks the hosts that are waited for, when it is time. */
  async look(waitedFor: readonly string[]): Promise<void> {
    if (this.hosts.now() < this.#next) return;
    await this.ask(waitedFor);
    this.#next = this.hosts.now() + this.#pause;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }

  /** Tells what is new, and refuses when waiting does not mend it. */
  async ask(hosts: readonly string[]): Promise<void> {
    const names = new Set(hosts);
    const targets = this.fleet.targets.filter(({ name }) => names.has(name));
    const found = (await Promise.all(targets.map((target) => this.#ask(target)))).flat();
    const { progress } = this.fleet;
    for (const line of found.map(({ host, found: text }) => `${host}: ${text}`)) {
      if (!this.#reported.has(line)) progress.report(line);
      this.#reported.add(line);
    }
    progress.explain(found);
    const [first, ...rest] = found.filter(({ lasting }) => lasting);
    if (first) throw progress.refuse([first, ...rest]);
  }

  /** A host that does not tell is no reason to stop: the gate goes on with what it sees itself. */
  async #ask(target: T): Promise<GateFinding[]> {
    const down = await this.hosts.diagnose(target.name).catch((): DownService[] => []);
    const changing = this.fleet.needsWork(target);
    return down.flatMap(({ service, cause, text }): GateFinding[] => {
      if (cause === null) return [];
      const { lasting, activated } = kinds[cause];
      return [
        {
          host: target.name,
          checked: `${service} is up`,
          found: `${service}: ${text}`,
          advice: causeAdvice[cause],
          lasting: lasting && !(activated && changing),
        },
      ];
    });
  }
}
