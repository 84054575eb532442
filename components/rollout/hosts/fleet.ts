/** The hosts of a rollout with what each last told: asked once, brought up to date by each activation. No SSH here. */
import type { Progress } from "../gate/progress";
import type { GateFinding } from "../gate/refusal";
import { hostAdvice } from "./advice";
import type { MachineStatus } from "./answers";
import type { ActivationOptions, Hosts, Target } from "./hosts";

export class Fleet<T extends Target> {
  readonly #statuses = new Map<string, MachineStatus>();
  /** Activated by this rollout with nothing held back. */
  readonly #finished = new Set<string>();

  constructor(
    readonly hosts: Hosts,
    readonly targets: readonly T[],
    readonly progress: Progress,
  ) {}

  /** Asks all hosts; refuses, with nothing touched, when one cannot be asked or must not be activated. */
  async read(): Promise<void> {
    const answers = await Promise.allSettled(this.targets.map((target) => this.hosts.status(target.name)));
    const findings = answers.flatMap((answer, index): GateFinding[] => {
      const target = this.targets[index]!;
      if (answer.status === "rejected") return [unreachable(target.name, answer.reason)];
      this.#statuses.set(target.name, answer.value);
      return unfit(target, answer.value);
    });
    this.progress.refuseAny(findings);
  }

  status(host: string): MachineStatus {
    const status = this.#statuses.get(host);
    if (!status) throw new Error(`host ${host} is not part of this rollout`);
    return status;
  }

  /** A host that this rollout has activated counts as done even if it lists something pending: no endless repetition. */
  needsWork(target: T): boolean {
    const status = this.status(target.name);
    if (status.active !== target.digest) return true;
    return !this.#finished.has(target.name) && (status.pending.length > 0 || status.restarts.length > 0);
  }

  /** Asks hosts once more, right before their turn: masked in the meantime, or running again and so to be restarted. */
  async recheck(targets: readonly T[]): Promise<void> {
    const findings = targets.map(async (target) => {
      const status = await this.hosts.status(target.name);
      this.#statuses.set(target.name, status);
      return unfit(target, status);
    });
    this.progress.refuseAny((await Promise.all(findings)).flat());
  }

  async activate(target: T, options: ActivationOptions = {}): Promise<void> {
    const { name } = target;
    this.progress.markChanged(name);
    const { digest, degradations } = await this.hosts.activate(name, options);
    if (digest !== target.digest) {
      throw new Error(`${name}: activated ${digest}, but the plan says ${target.digest}: run the whole change again`);
    }
    if (options.hold ?? options.holdRunning) {
      // What is owed afterwards is for the host to say.
      this.#statuses.set(name, await this.hosts.status(name));
      return;
    }
    this.#finished.add(name);
    const after = { active: digest, degradations, everActivated: true, restarts: [], pending: [] };
    this.#statuses.set(name, { ...this.status(name), ...after });
  }

  /** All at once; each is given the time to end before the first failure is thrown, so none is left half-way. */
  async activateTogether(
    targets: readonly T[],
    optionsOf: (target: T) => ActivationOptions = () => ({}),
  ): Promise<void> {
    const results = await Promise.allSettled(targets.map((target) => this.activate(target, optionsOf(target))));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }
}

function unreachable(host: string, reason: unknown): GateFinding {
  const found = reason instanceof Error ? reason.message : String(reason);
  return {
    host,
    checked: "the host tells its state over SSH (machine-apply status)",
    found,
    advice: hostAdvice.unreachable,
    lasting: true,
  };
}

/** How `machine-apply status` marks, among what is pending, what activation would refuse. */
const REFUSAL = "refuse: ";

function unfit(target: Target, status: MachineStatus): GateFinding[] {
  const common = { host: target.name, lasting: true };
  if (status.restoring) {
    const { command, shard, phase } = status.restoring;
    const found = `one is, at "${phase}" here; \`kilonode etcd ${command} <stack> --shard ${shard}\` goes on with it`;
    return [{ ...common, checked: "no restore of its shard is under way", found, advice: hostAdvice.restoring }];
  }
  const refused = status.pending.filter((line) => line.startsWith(REFUSAL));
  const findings = refused.map((line) => ({
    ...common,
    checked: "the host takes its content (no unit is masked)",
    found: line.slice(REFUSAL.length),
    advice: hostAdvice.masked,
  }));
  if (status.active === target.digest || status.staged === target.digest) return findings;
  const notStaged = {
    ...common,
    checked: "the content of the plan is staged",
    found: `staged is ${status.staged ?? "nothing"}, planned is ${target.digest}`,
    advice: hostAdvice.notStaged,
  };
  return [...findings, notStaged];
}
