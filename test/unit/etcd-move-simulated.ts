/**
 * Main with guests under a virtual clock and under load, with the rules that a split must never break, checked at every call: what moves is
 * written in one cluster, main has its quorum, and members that begin together have the same.
 */
import type { Cut, Door, Note } from "../../cli/etcd/move/answers";
import type { SplitHosts, SplitPlan } from "../../cli/etcd/move/hosts";
import type { MemberState, UnderWay } from "../../cli/etcd/restore/answers";
import type { RestoreRequest } from "../../cli/etcd/restore/hosts";
import type { Member, View } from "../../components/rollout/etcd/shard";
import type { GateFinding } from "../../components/rollout/gate/refusal";
import { Killed, Violation } from "./etcd-restore-simulated";

/** Writes that were acknowledged: of what moves, and of the rest. */
interface Data {
  moving: number;
  rest: number;
}

interface SimulatedHost {
  up: boolean;
  /** Of which cluster its data is. */
  cluster: "main" | "new";
  data: Data;
  /** Main has removed it, and it has seen that. */
  removed: boolean;
  closed: boolean;
  clients: number;
  held: boolean;
  restartedAt: number;
  phase: MemberState["phase"];
  restore: UnderWay | null;
  last: MemberState["last"];
}

const CALL_MS = 20;
const HEALTH_INTERVAL_MS = 5_000;

export class SimulatedSplit implements SplitHosts {
  time = 0;
  readonly hosts = new Map<string, SimulatedHost>();
  members: string[];
  leader: string;
  kept: Note | undefined;
  readonly log: string[] = [];
  kill: { readonly call: number; readonly after: boolean } | undefined;
  calls = 0;
  /** Acknowledged to clients, in all. */
  readonly written: Data = { moving: 0, rest: 0 };
  /** Clients of all members of main are held. */
  #held = false;
  /** A cut comes to this many members only, as when the hold is over. */
  cutsOnly: number | undefined;

  constructor(
    readonly plan: SplitPlan,
    leader = plan.own[0]!,
  ) {
    this.members = [...plan.own, ...plan.guests];
    this.leader = leader;
    for (const name of this.members)
      this.hosts.set(name, {
        up: true,
        cluster: "main",
        data: { moving: 0, rest: 0 },
        removed: false,
        closed: false,
        clients: plan.guests.includes(name) ? 2 : 0,
        held: false,
        restartedAt: Number.NEGATIVE_INFINITY,
        phase: "none",
        restore: null,
        last: null,
      });
  }

  now = () => this.time;

  async sleep(milliseconds: number): Promise<void> {
    this.time += milliseconds;
    this.#load();
  }

  of = (name: string): SimulatedHost => this.hosts.get(name)!;

  /** A host loses its power and comes back: no door is closed any more, and its member starts unless it is held. */
  powerCut(name: string): void {
    const host = this.of(name);
    Object.assign(host, { closed: false, clients: 0, restartedAt: this.time, up: !host.held && !host.removed });
  }

  async view(): Promise<View | undefined> {
    return this.#call("view", false, () => ({
      quorum: this.#quorum(),
      members: this.members.map((name) => this.#member(name)),
      endpoints: new Map(
        this.members
          .filter((name) => this.of(name).up)
          .map((name) => [`id-${name}`, { leader: `id-${this.leader}`, appliedIndex: 1 }]),
      ),
      alarms: [],
    }));
  }

  #member = (name: string): Member => ({
    id: `id-${name}`,
    name,
    peerUrl: `https://${name}:2380`,
    clientUrl: `https://${name}:2379`,
    learner: false,
  });

  async door(name: string): Promise<Door> {
    return this.#call(`door ${name}`, false, () => ({ closed: this.of(name).closed, clients: this.of(name).clients }));
  }

  shut(name: string): Promise<void> {
    return this.#call(`shut ${name}`, true, () => void Object.assign(this.of(name), { closed: true }));
  }

  letIn(name: string): Promise<void> {
    return this.#call(`letIn ${name}`, true, () => void Object.assign(this.of(name), { closed: false }));
  }

  drain(name: string): Promise<void> {
    return this.#call(`drain ${name}`, true, () => {
      const host = this.of(name);
      if (!host.closed) throw new Violation(`${name} restarts with an open door`);
      host.up = false;
      this.#check();
      Object.assign(host, { up: true, clients: 0, restartedAt: this.time });
    });
  }

  async handOver(from: Member, to: Member): Promise<readonly string[]> {
    return this.#call("handOver", true, () => {
      if (from.name === this.leader) this.leader = to.name;
      return [];
    });
  }

  async cut(guests: readonly Member[]): Promise<Cut> {
    return this.#call("cut", true, () => {
      // As etcd does (mayRemoveMember in server/etcdserver/server.go).
      const old = this.members.filter((name) => this.time - this.of(name).restartedAt >= HEALTH_INTERVAL_MS);
      if (old.length - 1 < 1 + Math.floor((this.members.length - 1) / 2))
        return { revision: 1, removed: [], why: "unhealthy cluster", milliseconds: 1 };
      this.#held = true;
      const removed: string[] = [];
      for (const { id, name } of guests) {
        if (removed.length === this.cutsOnly) break;
        if (name === this.leader) throw new Violation(`the leader ${name} is removed`);
        this.members = this.members.filter((one) => one !== name);
        Object.assign(this.of(name), { removed: true, up: false, clients: 0 });
        this.#check();
        removed.push(id);
      }
      this.#held = false;
      const why = removed.length < guests.length ? "clients are not held for long enough" : "";
      return { revision: this.#revision(this.plan.own[0]!), removed, why, milliseconds: 100 };
    });
  }

  async note(): Promise<Note | undefined> {
    return this.#call("note", false, () => this.kept);
  }

  keepNote(note: Note): Promise<void> {
    return this.#call("keepNote", true, () => void Object.assign(this, { kept: note }));
  }

  async member(name: string): Promise<MemberState> {
    return this.#call(`state ${name}`, false, () => {
      const { held, last, phase, restore, up } = this.of(name);
      return { phase, restore, held, etcd: up ? "active" : "inactive", hasData: true, last };
    });
  }

  hold(name: string): Promise<void> {
    return this.#call(`hold ${name}`, true, () => {
      if (this.members.includes(name)) throw new Violation(`${name} ends as a member of main`);
      Object.assign(this.of(name), { held: true, up: false });
    });
  }

  stage(name: string, request: RestoreRequest): Promise<void> {
    return this.#call(`stage ${name}`, true, () => {
      const host = this.of(name);
      if (host.up || !host.held) throw new Violation(`the data of ${name} is copied while it is written`);
      if (host.restore) return;
      const { moving, rest } = host.data;
      const made = {
        sha256: "",
        snapshotRevision: this.#revision(name),
        revision: this.#revision(name),
        hash: moving * 1000 + rest,
      };
      Object.assign(host, {
        phase: "staged",
        restore: { command: "move", shard: "pods", keys: moving + rest, ...made, ...request },
      });
    });
  }

  swap(name: string): Promise<void> {
    return this.#call(`swap ${name}`, true, () => {
      const host = this.of(name);
      const unstaged = this.plan.guests.find((one) => this.of(one).phase === "none");
      if (unstaged) throw new Violation(`${name} is exchanged before ${unstaged} has staged`);
      Object.assign(host, { phase: "swapped", cluster: "new", removed: false, held: true, up: false });
    });
  }

  start(name: string): Promise<void> {
    return this.#call(`start ${name}`, true, () => {
      for (const one of this.plan.guests) {
        const { cluster, data } = this.of(one);
        if (cluster !== "new") throw new Violation(`${name} starts before ${one} was exchanged`);
        if (!this.#serving && data.moving !== this.written.moving)
          throw new Violation(`${one} begins with ${data.moving} of ${this.written.moving} writes`);
      }
      Object.assign(this.of(name), { held: false, up: true });
      this.#serving = true;
    });
  }
  #serving = false;

  release(name: string): Promise<void> {
    throw new Violation(`${name} is released with old data`);
  }

  finish(name: string): Promise<void> {
    return this.#call(`finish ${name}`, true, () => {
      const host = this.of(name);
      host.closed = false;
      if (!host.restore) return;
      const { id, revision, snapshot } = host.restore;
      Object.assign(host, {
        phase: "none",
        restore: null,
        last: { id, snapshot, revision, at: 1, aside: [], command: "move", shard: "pods" },
      });
    });
  }

  async unhealthy(): Promise<readonly GateFinding[]> {
    return this.#call("health", false, () =>
      this.plan.guests
        .filter((name) => !this.of(name).up)
        .map((host) => ({ host, checked: "up", found: "down", advice: "a", lasting: false })),
    );
  }

  api = async () => undefined;
  stopApi = async () => undefined;
  startApi = async () => undefined;
  restartApi = async () => undefined;
  unready = async () => undefined;

  #revision = (name: string) => 10 + this.of(name).data.moving + this.of(name).data.rest;

  #quorum = () => this.members.filter((name) => this.of(name).up).length > this.members.length / 2;

  #check(): void {
    if (!this.#quorum())
      throw new Violation(`main has lost its quorum: ${this.members.filter((name) => !this.of(name).up)}`);
    for (const [name, { cluster, removed, up }] of this.hosts)
      if (up && cluster === "main" && removed) throw new Violation(`${name} runs although main has removed it`);
  }

  /** API servers write wherever they get in. */
  #load(): void {
    for (const name of this.plan.guests) {
      const host = this.of(name);
      if (host.up && !host.closed) host.clients = 2;
    }
    if (this.#held) return;
    const through = (cluster: "main" | "new") =>
      this.plan.guests.filter((name) => {
        const { clients, up, cluster: own } = this.of(name);
        return own === cluster && up && clients > 0;
      });
    const [old, fresh] = [through("main"), through("new")];
    if (old.length > 0 && fresh.length > 0) throw new Violation(`${old} and ${fresh} both take writes of what moves`);
    const write = (kind: keyof Data, cluster: "main" | "new") => {
      this.written[kind]++;
      const all = cluster === "main" ? this.members : this.plan.guests;
      for (const name of all) if (this.of(name).cluster === cluster) this.of(name).data[kind]++;
    };
    if (old.length > 0) write("moving", "main");
    if (fresh.length > this.plan.guests.length / 2) write("moving", "new");
    write("rest", "main");
  }

  /** A call that was killed has not reached the host, or its answer has not come back. */
  async #call<T>(call: string, changes: boolean, work: () => T): Promise<T> {
    const killed = this.kill?.call === ++this.calls;
    if (killed && !this.kill?.after) throw new Killed(call);
    if (changes) this.log.push(call);
    this.time += CALL_MS;
    this.#load();
    const answer = work();
    this.#check();
    this.#load();
    if (killed) throw new Killed(call);
    return answer;
  }
}
