/**
 * What every strategy does with hosts: ask what is staged and active, activate, and put them in an order. No SSH here: see
 * executor.ts for the real hosts; tests bring simulated ones.
 */
import type { Finding, Run } from "./gate";

/** What `machine-apply status` tells, reduced to what a decision needs. */
export interface HostStatus {
  readonly staged: string | null;
  readonly active: string | null;
  /** False on a host that never ran its content: new, or made again after it was lost. */
  readonly everActivated: boolean;
  /** Units that activation would restart. */
  readonly restarts: readonly string[];
  /** What activation has still to do. */
  readonly pending: readonly string[];
  readonly services: Readonly<Record<string, { readonly active: string }>>;
  readonly degradations: readonly Degradation[];
}

/** Something that this host cannot do as planned: carried into the output, so that it is seen. */
export interface Degradation {
  readonly what: string;
  readonly wanted: string;
  readonly got: string;
  readonly why: string;
}

export interface Activation {
  /** What is active afterwards. */
  readonly digest: string;
  readonly degradations: readonly Degradation[];
}

export interface Hosts {
  status(host: string): Promise<HostStatus>;
  /** Makes the staged content live. Units that need others to come up (etcd) may still be starting afterwards. */
  activate(host: string, env: Readonly<Record<string, string>>): Promise<Activation>;
  /** False while a start or restart of a unit is under way: an answer may still come from the process that is to go. */
  settled(host: string): Promise<boolean>;
}

export interface Target {
  readonly name: string;
  readonly zone: string;
  readonly digest: string;
}

/** The hosts of a run with what each last told: asked once, brought up to date by each activation. */
export class Fleet<T extends Target> {
  readonly #statuses = new Map<string, HostStatus>();

  constructor(
    readonly hosts: Hosts,
    readonly targets: readonly T[],
    readonly run: Run,
  ) {}

  /** Asks all hosts; refuses, with nothing touched, when one cannot be asked or must not be activated. */
  async read(): Promise<void> {
    const answers = await Promise.allSettled(this.targets.map((target) => this.hosts.status(target.name)));
    const findings = answers.flatMap((answer, index): Finding[] => {
      const target = this.targets[index]!;
      if (answer.status === "rejected") return [unreachable(target.name, answer.reason)];
      this.#statuses.set(target.name, answer.value);
      return unfit(target, answer.value);
    });
    this.#refuse(findings);
  }

  status(host: string): HostStatus {
    const status = this.#statuses.get(host);
    if (!status) throw new Error(`host ${host} is not part of this rollout`);
    return status;
  }

  /** A host that this run has activated counts as done even if it lists something pending: no endless repetition. */
  needsWork(target: T): boolean {
    const status = this.status(target.name);
    if (status.active !== target.digest) return true;
    return !this.run.wasChanged(target.name) && (status.pending.length > 0 || status.restarts.length > 0);
  }

  /** Asks hosts once more, right before their turn: masked in the meantime, or running again and so to be restarted. */
  async recheck(targets: readonly T[]): Promise<void> {
    const findings = targets.map(async (target) => {
      const status = await this.hosts.status(target.name);
      this.#statuses.set(target.name, status);
      return unfit(target, status);
    });
    this.#refuse((await Promise.all(findings)).flat());
  }

  async activate(target: T, env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.run.markChanged(target.name);
    const { digest, degradations } = await this.hosts.activate(target.name, env);
    if (digest !== target.digest) {
      throw new Error(
        `${target.name}: activated ${digest}, but the plan says ${target.digest}: run the whole change again`,
      );
    }
    const after = { active: digest, degradations, everActivated: true, restarts: [], pending: [] };
    this.#statuses.set(target.name, { ...this.status(target.name), ...after });
  }

  /** All at once; each is given the time to end before the first failure is thrown, so none is left half-way. */
  async activateTogether(targets: readonly T[], env: Readonly<Record<string, string>> = {}): Promise<void> {
    const results = await Promise.allSettled(targets.map((target) => this.activate(target, env)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  #refuse(findings: readonly Finding[]): void {
    const [first, ...rest] = findings;
    if (first) throw this.run.refuse([first, ...rest]);
  }
}

function unreachable(host: string, reason: unknown): Finding {
  const found = reason instanceof Error ? reason.message : String(reason);
  return {
    host,
    checked: "the host tells its state over SSH (machine-apply status)",
    found,
    advice: "Bring the host back or replace it.",
    lasting: true,
  };
}

/** How `machine-apply status` marks, among what is pending, what activation would refuse. */
const REFUSAL = "refuse: ";

function unfit(target: Target, status: HostStatus): Finding[] {
  const findings: Finding[] = [];
  for (const refusal of status.pending.filter((line) => line.startsWith(REFUSAL))) {
    findings.push({
      host: target.name,
      checked: "the host takes its content (no unit is masked)",
      found: refusal.slice(REFUSAL.length),
      advice: "Someone has taken it out on purpose: when that is over, `systemctl unmask` the unit on the host.",
      lasting: true,
    });
  }
  if (status.active !== target.digest && status.staged !== target.digest) {
    findings.push({
      host: target.name,
      checked: "the content of the plan is staged",
      found: `staged ${status.staged ?? "nothing"}, planned ${target.digest}`,
      advice: "Stage the host's content again (a whole `up` does).",
      lasting: true,
    });
  }
  return findings;
}

/** Round robin over the zones, so that neighbours in the order are in different ones; stable by name. */
export function interleaveZones<T extends Target>(targets: readonly T[]): T[] {
  const byName = (a: T, b: T) => (a.name < b.name ? -1 : 1);
  const zones = new Map<string, T[]>();
  for (const target of [...targets].sort(byName)) zones.set(target.zone, [...(zones.get(target.zone) ?? []), target]);
  const queues = [...zones.entries()].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1));
  const longest = queues[0]?.[1].length ?? 0;
  return Array.from({ length: longest }, (_, round) =>
    queues.flatMap(([, queue]) => queue.slice(round, round + 1)),
  ).flat();
}
