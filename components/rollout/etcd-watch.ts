/** Looking at a shard through any member that answers, and waiting for its gate. */
import { findings, type MemberFinding } from "./etcd-health";
import { expectedAway, hostOf, startedOnce } from "./etcd-next";
import type { EtcdPlan, EtcdShard, EtcdTarget, View } from "./etcd-shard";
import type { Fleet } from "./hosts";

/** Between two looks. */
const PAUSE_MS = 250;

export class EtcdWatch {
  /** Hosts in the order in which they are asked: the one that answered last comes first. */
  #order: string[];

  constructor(
    readonly shard: EtcdShard,
    readonly plan: EtcdPlan,
    readonly fleet: Fleet<EtcdTarget>,
  ) {
    this.#order = plan.targets.map(({ name }) => name);
  }

  /** The host through which etcd was seen last. */
  get via(): string {
    return this.#order[0]!;
  }

  /** The first view that came through a quorum, else what a member remembers; undefined when none answers. */
  async look(): Promise<View | undefined> {
    const [first, ...others] = this.#order.filter((name) => startedOnce(this.fleet.status(name)));
    if (first === undefined) return undefined;
    const ask = async (host: string) => ({ host, view: await this.shard.look(host).catch(() => undefined) });
    const answers = [await ask(first)];
    if (!answers[0]?.view?.quorum) answers.push(...(await Promise.all(others.map(ask))));
    const best = answers.find(({ view }) => view?.quorum);
    if (!best) return answers.find(({ view }) => view)?.view;
    this.#order = [best.host, ...this.#order.filter((name) => name !== best.host)];
    return best.view;
  }

  /** Asks that host last: it is about to be away. */
  askLast(host: string): void {
    this.#order = [...this.#order.filter((name) => name !== host), host];
  }

  /** Looks until `accept` is content or the time is over; gives the last view either way. */
  async lookUntil(deadline: number, accept: (view: View) => boolean): Promise<View | undefined> {
    for (;;) {
      const view = await this.look();
      if ((view && accept(view)) || this.shard.now() >= deadline) return view;
      await this.shard.sleep(PAUSE_MS);
      // Another member may see what this one does not.
      this.askLast(this.via);
    }
  }

  /** The gate after a change: waits until every member that is to stay is healthy, or refuses. */
  async healthy(deadline: number): Promise<View> {
    const view = await this.lookUntil(deadline, (seen) => {
      const closing = this.#closing(seen);
      return closing.length === 0 || closing.some(({ lasting }) => lasting);
    });
    if (!view) throw this.fleet.run.refuse([silentShard(this.plan)]);
    const [first, ...rest] = this.#closing(view);
    if (first) throw this.fleet.run.refuse([first, ...rest]);
    return view;
  }

  #closing(view: View): MemberFinding[] {
    const gone = view.quorum ? expectedAway(this.plan, this.fleet, view).map(({ id }) => id) : [];
    return findings(view, (member) => hostOf(this.plan, member)).filter(
      ({ memberId }) => memberId === undefined || !gone.includes(memberId),
    );
  }
}

export function silentShard(plan: EtcdPlan): MemberFinding {
  return {
    host: plan.targets.map(({ name }) => name).join(", "),
    checked: "a member of the shard answers",
    found: "none does",
    advice:
      "Start the members (`systemctl status etcd` on the hosts); if their data is lost, restore the shard from a snapshot.",
    lasting: false,
  };
}
