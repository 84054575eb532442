/** Looking at a shard through any member that answers, and waiting for its gate. */
import { CauseWatch } from "../hosts/causes";
import type { Fleet } from "../hosts/fleet";
import { etcdAdvice } from "./advice";
import { findings, isFull, isUp, type MemberFinding, silentShard } from "./health";
import { type Decision, decide, type EtcdStep, expectedAway, hostOf, startedOnce } from "./next";
import type { EtcdPlan, EtcdShard, EtcdTarget, View } from "./shard";

/** Between two looks: each costs a member two client processes, which its shard should not notice. */
const PAUSE_MS = 500;
/** How long what is just starting, or electing a leader, is given before anything is concluded. */
export const GRACE_MS = 15_000;

/** What is to be done, with the view on which that was decided. */
export type Next = { readonly view: View | undefined } & (
  | { readonly kind: "done" }
  | { readonly kind: "step"; readonly step: EtcdStep }
);

export class EtcdWatch {
  /** Hosts in the order in which they are asked: the one that answered last comes first. */
  #order: string[];
  /** Why the last member that was asked gave no answer; empty when one did. */
  #silence = "";
  readonly #causes: CauseWatch<EtcdTarget>;

  constructor(
    readonly shard: EtcdShard,
    readonly plan: EtcdPlan,
    readonly fleet: Fleet<EtcdTarget>,
  ) {
    this.#order = plan.targets.map(({ name }) => name);
    this.#causes = new CauseWatch(shard, fleet);
  }

  /** The host through which etcd was seen last. */
  get via(): string {
    return this.#order[0]!;
  }

  /** The first view that came through a quorum, else what a member remembers; undefined when none answers. */
  async look(): Promise<View | undefined> {
    const [first, ...others] = this.#order.filter((name) => startedOnce(this.fleet.status(name)));
    if (first === undefined) return undefined;
    const ask = async (host: string) => ({ host, view: await this.#ask(host) });
    // A member that gives no answer takes its time about it: after one that gave none, all are asked at once.
    const silent = this.#silence !== "";
    const answers = await Promise.all((silent ? [first, ...others] : [first]).map(ask));
    if (!silent && !answers[0]?.view?.quorum) answers.push(...(await Promise.all(others.map(ask))));
    if (answers.some(({ view }) => view)) this.#silence = "";
    const best = answers.find(({ view }) => view?.quorum);
    if (!best) return answers.find(({ view }) => view)?.view;
    this.#order = [best.host, ...this.#order.filter((name) => name !== best.host)];
    return best.view;
  }

  async #ask(host: string): Promise<View | undefined> {
    try {
      return await this.shard.look(host);
    } catch (error) {
      this.#silence = (error as Error).message;
      return undefined;
    }
  }

  /** Asks that host last: it is about to be away. */
  askLast(host: string): void {
    this.#order = [...this.#order.filter((name) => name !== host), host];
  }

  /** Looks until `accept` is content or the time is over; gives the last view either way. */
  async lookUntil(deadline: number, accept: (view: View) => boolean): Promise<View | undefined> {
    this.#causes.begin();
    for (;;) {
      const view = await this.look();
      const accepted = view !== undefined && accept(view);
      if (accepted) this.#causes.end();
      if (accepted || this.shard.now() >= deadline) return view;
      await this.#causes.look(this.#silent(view));
      await this.shard.sleep(PAUSE_MS);
      // Another member may see what this one does not.
      this.askLast(this.via);
    }
  }

  /** Hosts whose member should answer and does not. */
  #silent(view: View | undefined): string[] {
    const away = view ? expectedAway(this.plan, this.fleet, view) : [];
    const fine = (view?.members ?? []).filter((member) => isUp(view!, member) || away.includes(member));
    const names = new Set(fine.map((member) => hostOf(this.plan, member)));
    return this.#order.filter((name) => !names.has(name) && startedOnce(this.fleet.status(name)));
  }

  /** The next step, when the gate for it is open; refuses when it stays closed. @param first undefined: no member answers */
  async decision(first: View | undefined): Promise<Next> {
    const deadline = this.grace();
    // What is starting, or electing a leader, may come by itself.
    const mayWait = (decision: Decision, view: View | undefined) =>
      (decision.kind === "blocked" && !hopeless(decision)) ||
      (decision.kind === "step" && decision.step.kind === "repair" && !view?.quorum);
    for (let view = first; ; ) {
      const decision = decide(this.plan, this.fleet, view);
      if (mayWait(decision, view) && this.shard.now() < deadline) {
        view = await this.lookUntil(deadline, (seen) => !mayWait(decide(this.plan, this.fleet, seen), seen));
        continue;
      }
      if (decision.kind === "blocked")
        throw this.fleet.progress.refuse(view ? decision.findings : [this.silentShard()]);
      if (decision.kind === "done") return { kind: "done", view };
      // Between the last look and a change lies as little as possible: meanwhile someone may have masked the host, a member
      // died or came back, the leadership moved.
      const changed = activated(decision.step);
      if (changed.length > 0) await this.fleet.recheck(changed);
      const now = changed.length > 0 ? await this.look() : view;
      if (JSON.stringify(decide(this.plan, this.fleet, now)) === JSON.stringify(decision)) {
        // Is it down for what an activation does not mend?
        if (decision.step.kind === "repair") await this.#causes.ask(decision.step.targets.map(({ name }) => name));
        return { kind: "step", step: decision.step, view: now };
      }
      view = now;
    }
  }

  /** Waits until the old process is gone and the new one has joined; if that takes too long, the gate after it says so. */
  async settle(targets: readonly EtcdTarget[], deadline: number): Promise<void> {
    this.#causes.begin();
    for (const { name } of targets) {
      while (!(await this.shard.settled(name).catch(() => false)) && this.shard.now() < deadline) {
        await this.#causes.look([name]);
        await this.shard.sleep(PAUSE_MS);
      }
    }
  }

  /** A run that was killed may have left a member on its way down that still answers. */
  async atRest(view: View): Promise<View> {
    const deadline = this.grace();
    const up = this.plan.targets.filter(({ name }) => view.members.some((m) => m.name === name && isUp(view, m)));
    for (const { name } of up) {
      while (!(await this.shard.settled(name).catch(() => true))) {
        if (this.shard.now() >= deadline) throw this.fleet.progress.refuse([restarting(name)]);
        await this.shard.sleep(PAUSE_MS);
      }
    }
    return (await this.look()) ?? view;
  }

  silentShard(): MemberFinding {
    return silentShard(
      this.plan.targets.map(({ name }) => name),
      this.#silence,
    );
  }

  grace(): number {
    return this.shard.now() + Math.min(GRACE_MS, this.plan.hostTimeoutMs);
  }

  /** The gate after a change: waits until every member that is to stay is healthy, or refuses. */
  async healthy(deadline: number): Promise<View> {
    const view = await this.lookUntil(deadline, (seen) => {
      const closing = this.#closing(seen);
      return closing.length === 0 || closing.some(({ lasting }) => lasting);
    });
    if (!view) throw this.fleet.progress.refuse([this.silentShard()]);
    this.fleet.progress.refuseAny(this.#closing(view));
    return view;
  }

  #closing(view: View): MemberFinding[] {
    const gone = view.quorum ? expectedAway(this.plan, this.fleet, view).map(({ id }) => id) : [];
    return findings(view, (member) => hostOf(this.plan, member)).filter(
      (one) => !isFull(one) && (one.memberId === undefined || !gone.includes(one.memberId)),
    );
  }
}

const hopeless = (decision: Decision): boolean =>
  decision.kind === "blocked" && decision.findings.some(({ lasting }) => lasting);

function activated(step: EtcdStep): readonly EtcdTarget[] {
  if (step.kind === "start" || step.kind === "repair" || step.kind === "quiet") return step.targets;
  return step.kind === "restart" ? [step.target] : [];
}

function restarting(host: string): MemberFinding {
  return {
    host,
    checked: "no restart of the member is under way",
    found: "etcd.service is still stopping or starting",
    advice: etcdAdvice.restarting,
    lasting: false,
  };
}
