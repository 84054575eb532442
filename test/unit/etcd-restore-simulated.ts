/** Hosts of a restore under a virtual clock, with the rules that it must never break, checked at every call. */
import type { ApiState, MemberState, UnderWay } from "../../cli/etcd/restore/answers";
import type { RestoreHosts, RestorePlan, RestoreRequest } from "../../cli/etcd/restore/hosts";
import type { GateFinding } from "../../components/rollout/gate/refusal";

/** The command was killed at this call. */
export class Killed extends Error {}
/** A host lost its power in the middle of its part. */
export class PowerCut extends Error {}
/** A rule was broken. */
export class Violation extends Error {}

interface SimulatedMember {
  phase: MemberState["phase"];
  restore: UnderWay | null;
  held: boolean;
  /** Runs, with data that is whole. */
  up: boolean;
  data: "old" | "half" | "new" | "lost";
  last: MemberState["last"];
}

interface SimulatedMaster {
  answers: boolean;
  running: boolean;
  restartedFor: string | null;
  readyAt: number;
}

const START_MS = 700;
const READY_MS = 3_000;
const revision = 4_000;

export const requestOf = (members: readonly string[], id = "r1", snapshot = "4f1c22ab"): RestoreRequest => ({
  id,
  snapshot,
  bytes: 1_000,
  token: `t-${id}`,
  bump: 1_000_000_000,
  members: members.map((name) => `${name}=https://${name}:2380`),
});

/** What a host tells of a restore that it has made. */
export const underWay = (request: RestoreRequest, more: Partial<UnderWay> = {}): UnderWay => ({
  command: request.snapshot === "own" ? "recover" : "restore",
  shard: "main",
  sha256: request.snapshot === "own" ? "" : "ab".repeat(32),
  snapshotRevision: revision,
  revision: revision + request.bump,
  hash: 77,
  keys: 12,
  ...request,
  ...more,
});

export const planFor = (members: readonly string[], more: Partial<RestorePlan> = {}): RestorePlan => ({
  group: "etcd-main",
  shard: "main",
  request: requestOf(members),
  members,
  others: [],
  masters: ["a1", "a2"],
  stopsApi: true,
  hostTimeoutMs: 60_000,
  masterTimeoutMs: 60_000,
  ...more,
});

export class SimulatedRestore implements RestoreHosts {
  time = 0;
  readonly members = new Map<string, SimulatedMember>();
  readonly masters = new Map<string, SimulatedMaster>();
  readonly log: string[] = [];
  kill: { readonly call: number; readonly after: boolean } | undefined;
  /** Of hosts: at which phase of their next exchange they lose their power. */
  readonly powerCuts = new Map<string, "staged" | "aside" | "place">();
  calls = 0;
  #upSince = 0;

  constructor(
    readonly plan: RestorePlan,
    lost: readonly string[] = [],
  ) {
    for (const name of [...plan.members, ...plan.others])
      this.members.set(name, {
        phase: "none",
        restore: null,
        held: false,
        up: !lost.includes(name),
        data: lost.includes(name) ? "lost" : "old",
        last: null,
      });
    for (const name of plan.masters)
      this.masters.set(name, { answers: true, running: true, restartedFor: null, readyAt: 0 });
  }

  now = () => this.time;

  async sleep(milliseconds: number): Promise<void> {
    this.time += milliseconds;
  }

  async member(host: string): Promise<MemberState> {
    return this.#call(`state ${host}`, false, () => {
      const { phase, restore, held, up, data, last } = this.#of(host);
      return { phase, restore, held, etcd: up ? "active" : "inactive", hasData: data !== "lost", last };
    });
  }

  stage(host: string, request: RestoreRequest): Promise<void> {
    return this.#call(`stage ${host}`, true, () => {
      const member = this.#of(host);
      if (member.restore && member.restore.id !== request.id) throw new Violation(`${host} has another restore`);
      if (member.restore) return;
      if (request.snapshot === "own" && (member.up || !member.held))
        throw new Violation(`the own data of ${host} is copied while it is written`);
      Object.assign(member, { restore: underWay(request), phase: "staged" });
    });
  }

  hold(host: string): Promise<void> {
    return this.#call(`hold ${host}`, true, () => {
      this.#wantsNoApi(`${host} ends`);
      Object.assign(this.#of(host), { held: true, up: false });
    });
  }

  swap(host: string): Promise<void> {
    return this.#call(`swap ${host}`, true, () => {
      const member = this.#of(host);
      this.#wantsNoApi(`${host} is exchanged`);
      const unstaged = this.plan.members.find((name) => this.#of(name).phase === "none" && !this.#of(name).last);
      if (unstaged) throw new Violation(`${host} is exchanged before ${unstaged} has staged`);
      Object.assign(member, { held: true, up: false });
      const cut = this.powerCuts.get(host);
      this.powerCuts.delete(host);
      if (cut) {
        Object.assign(member, { phase: cut, data: cut === "staged" ? member.data : "half" });
        throw new PowerCut(host);
      }
      Object.assign(member, { phase: "swapped", data: "new" });
    });
  }

  start(host: string): Promise<void> {
    return this.#call(`start ${host}`, true, () => {
      const early = this.plan.members.find((name) => this.#of(name).data !== "new");
      if (early) throw new Violation(`${host} starts while ${early} has ${this.#of(early).data} data`);
      Object.assign(this.#of(host), { held: false, up: true });
      this.#upSince = this.time;
    });
  }

  release(host: string): Promise<void> {
    return this.#call(`release ${host}`, true, () => {
      this.#wantsHealthy(`${host} is let go`);
      Object.assign(this.#of(host), { held: false });
    });
  }

  finish(host: string): Promise<void> {
    return this.#call(`finish ${host}`, true, () => {
      this.#wantsHealthy(`${host} is noted as done`);
      const member = this.#of(host);
      const { restore } = member;
      if (!restore) return;
      const last = { id: restore.id, snapshot: restore.snapshot, revision: restore.revision, at: 1, aside: [] };
      Object.assign(member, { phase: "none", restore: null, last });
    });
  }

  async unhealthy(members: readonly string[]): Promise<readonly GateFinding[]> {
    return this.#call("health", false, () => this.#unhealthy(members));
  }

  #unhealthy(members: readonly string[]): GateFinding[] {
    const down = members.filter((name) => !this.#of(name).up || this.time < this.#upSince + START_MS);
    return down.map((host) => ({ host, checked: "up", found: "down", advice: "a", lasting: false }));
  }

  #wantsNoApi(what: string): void {
    const running = [...this.masters.values()].some(({ answers, running: runs }) => answers && runs);
    if (this.plan.stopsApi && running) throw new Violation(`${what} under an API server`);
  }

  #wantsHealthy(what: string): void {
    if (this.#unhealthy(this.plan.members).length > 0) throw new Violation(`${what} before the shard is healthy`);
    const idle = [...this.masters].find(([, master]) => master.answers && !master.running);
    if (idle) throw new Violation(`${what} before the API server of ${idle[0]} runs`);
  }

  async api(master: string): Promise<ApiState | undefined> {
    const { answers, running, restartedFor } = this.masters.get(master)!;
    return this.#call(`api ${master}`, false, () => (answers ? { running, restartedFor } : undefined));
  }

  stopApi(master: string): Promise<void> {
    return this.#call(`stopApi ${master}`, true, () => {
      if (!this.plan.stopsApi) throw new Violation("an API server stops for a part of what it serves");
      this.masters.get(master)!.running = false;
    });
  }

  startApi(master: string): Promise<void> {
    return this.#call(`startApi ${master}`, true, () => {
      if (this.#unhealthy(this.plan.members).length > 0) throw new Violation("an API server starts without its shard");
      Object.assign(this.masters.get(master)!, { running: true, readyAt: this.time + READY_MS });
    });
  }

  restartApi(master: string, id: string): Promise<void> {
    return this.#call(`restartApi ${master}`, true, () => {
      const unready = [...this.masters].find(([, { readyAt }]) => this.time < readyAt);
      if (unready) throw new Violation(`${master} restarts while ${unready[0]} is not ready`);
      Object.assign(this.masters.get(master)!, { restartedFor: id, readyAt: this.time + READY_MS });
    });
  }

  async unready(master: string): Promise<string | undefined> {
    const { running, readyAt } = this.masters.get(master)!;
    return this.#call(`unready ${master}`, false, () =>
      running && this.time >= readyAt ? undefined : "[-]etcd failed",
    );
  }

  #of(host: string): SimulatedMember {
    return this.members.get(host)!;
  }

  /** A call that was killed has not reached the host, or its answer has not come back. */
  async #call<T>(call: string, changes: boolean, work: () => T): Promise<T> {
    const killed = this.kill?.call === ++this.calls;
    if (killed && !this.kill?.after) throw new Killed(call);
    if (changes) this.log.push(call);
    this.time += 10;
    const answer = work();
    for (const [name, { data, up }] of this.members)
      if (up && data === "half") throw new Violation(`${name} runs on half of its data`);
    if (killed) throw new Killed(call);
    return answer;
  }
}
