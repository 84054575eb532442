/**
 * A shard of simulated etcd hosts under a virtual clock: processes that take time to stop and to join, a log that grows,
 * learners that catch up, etcd's own refusals, and the rules that a rollout must never break, checked at every change.
 */
import type {
  Database,
  EtcdPlan,
  EtcdShard,
  EtcdTarget,
  KeyCount,
  Member,
  View,
} from "../../components/rollout/etcd/shard";
import { NoRoom, NotYet } from "../../components/rollout/etcd/shard";
import type { Activation, DownService, MachineStatus } from "../../components/rollout/hosts/answers";
import type { ActivationOptions } from "../../components/rollout/hosts/hosts";
import type { SimulatedVersions } from "./rollout-simulated-versions";
import { Violation } from "./rollout-violation";

const STOP_MS = 300;
const START_MS = 700;
const ELECTION_MS = 1_000;
const HEALTH_INTERVAL_MS = 5_000;

interface SimulatedHost {
  name: string;
  zone: string;
  peerUrl: string;
  staged: string;
  active: string | null;
  everActivated: boolean;
  /** What activation restarts. */
  restarts: string[];
  masked: boolean;
  sshDown: boolean;
  /** Its certificates have expired: it answers nobody who calls it anew, and votes over the connections that it has. */
  expired: boolean;
  /** Its disks are not mounted, and empty. */
  wiped: boolean;
  /** The member whose data it has. */
  memberId: string | undefined;
  /** Moments at which the process goes down and comes up; up between comesUp and goesDown. */
  comesUp: number;
  goesDown: number;
  /** Started without having joined: waits for a quorum of this list. */
  waitsFor: string[] | undefined;
  /** Activation leaves it broken: its process ends at once. */
  broken: boolean;
  /** What the host says of it while it is down. */
  down: readonly DownService[];
  appliedLag: number;
}

interface SimulatedMember {
  id: string;
  name: string;
  peerUrl: string;
  learner: boolean;
  published: boolean;
  since: number;
}

/** The rollout's process was killed at this call. */
export class Killed extends Error {}
export { Violation };

export class SimulatedShard implements EtcdShard {
  time = 0;
  readonly hosts = new Map<string, SimulatedHost>();
  members: SimulatedMember[] = [];
  leader: string | undefined;
  alarms: { memberId: string; type: string }[] = [];
  /** In order: "activate h1", "add h4", "remove ...", "move a b". */
  readonly log: string[] = [];
  elections = 0;
  hadData = false;
  /** By host; one without tells of none. */
  readonly databases = new Map<string, Database>();
  /** Hosts whose volumes have no room for a second database. */
  readonly tight = new Set<string>();
  /** Absent: members tell of none. */
  versions: SimulatedVersions | undefined;
  /** What a compaction leaves in use. */
  liveBytes = 0;
  /** Kills the rollout before or after the call of that number. */
  kill: { readonly call: number; readonly after: boolean } | undefined;
  beforeCall: (call: string) => void = () => undefined;
  #calls = 0;
  #ids = 0;
  #electionAt: number | undefined;

  addHost(name: string, digest: string, more: Partial<SimulatedHost> = {}): SimulatedHost {
    const host: SimulatedHost = {
      name,
      zone: `zone-${"abc"[this.hosts.size % 3]}`,
      peerUrl: `https://${name}:2380`,
      staged: digest,
      active: null,
      everActivated: false,
      restarts: [],
      masked: false,
      sshDown: false,
      expired: false,
      wiped: false,
      memberId: undefined,
      comesUp: Number.POSITIVE_INFINITY,
      goesDown: Number.POSITIVE_INFINITY,
      waitsFor: undefined,
      broken: false,
      down: [],
      appliedLag: 0,
      ...more,
    };
    this.hosts.set(name, host);
    return host;
  }

  /** A shard that has been running for long. */
  static running(names: readonly string[], digest = "old"): SimulatedShard {
    const shard = new SimulatedShard();
    for (const name of names) {
      const host = shard.addHost(name, digest, { active: digest, everActivated: true, comesUp: -1e6 });
      host.memberId = shard.#member(name, host.peerUrl, { published: true, since: -1e6 }).id;
    }
    shard.leader = shard.members[0]?.id;
    shard.hadData = true;
    return shard;
  }

  /** New content for these hosts, which restarts the member or not. */
  stage(names: readonly string[], digest: string, restarts = true): void {
    for (const name of names)
      Object.assign(this.host(name), { staged: digest, restarts: restarts ? ["etcd.service"] : [] });
  }

  /** The machine of that name is made again, empty. */
  recreate(name: string): void {
    const { zone, staged } = this.host(name);
    this.databases.delete(name);
    this.hosts.delete(name);
    this.addHost(name, staged, { zone });
  }

  stop(name: string): void {
    Object.assign(this.host(name), { goesDown: this.time, comesUp: Number.POSITIVE_INFINITY });
    this.#tick();
  }

  /** The disks of that host are replaced by empty ones; what it was told of its shard is still there. */
  wipe(name: string): void {
    this.stop(name);
    Object.assign(this.host(name), { memberId: undefined, wiped: true });
  }

  plan(names: readonly string[], more: Partial<EtcdPlan> = {}): EtcdPlan {
    const targets = names.map((name): EtcdTarget => {
      const { zone, peerUrl, staged } = this.host(name);
      return { name, zone, peerUrl, digest: staged };
    });
    return { group: "etcd-main", token: "t", targets, hostTimeoutMs: 60_000, established: false, ...more };
  }

  host(name: string): SimulatedHost {
    const host = this.hosts.get(name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  isUp(host: SimulatedHost): boolean {
    if (host.memberId === undefined || host.waitsFor) return false;
    if (!this.members.some(({ id }) => id === host.memberId)) return false;
    return this.#running(host);
  }

  voters(): SimulatedMember[] {
    return this.members.filter(({ learner }) => !learner);
  }

  votersUp(): SimulatedMember[] {
    return this.voters().filter((member) => this.#memberUp(member));
  }

  hasQuorum(): boolean {
    return this.members.length > 0 && this.votersUp().length >= Math.floor(this.voters().length / 2) + 1;
  }

  leaderName(): string | undefined {
    return this.members.find(({ id }) => id === this.leader)?.name;
  }

  // --- EtcdShard ---

  now(): number {
    return this.time;
  }

  async sleep(milliseconds: number): Promise<void> {
    if (this.#dead()) throw new Killed("the process is gone");
    this.advance(milliseconds);
  }

  advance(milliseconds: number): void {
    const end = this.time + milliseconds;
    while (this.time < end) {
      this.time = Math.min(end, this.time + 100);
      this.#tick();
    }
  }

  async status(name: string): Promise<MachineStatus> {
    return this.#call(`status ${name}`, 20, () => {
      const host = this.#reachable(name);
      const running = this.#running(host);
      const wanted = host.masked ? ["refuse: etcd.service is masked"] : running ? [] : ["start etcd.service"];
      const restarts = running ? host.restarts : [];
      const state = running
        ? host.waitsFor
          ? "activating"
          : "active"
        : host.comesUp > this.time && this.#starting(host)
          ? "activating"
          : "inactive";
      return {
        staged: host.staged,
        active: host.active,
        everActivated: host.everActivated,
        restarts,
        pending: [
          ...(host.active === host.staged ? [] : ["write files"]),
          ...(host.wiped ? ["make and mount /var/lib/etcd-wal (ext4)"] : []),
          ...restarts.map((service) => `restart ${service}`),
          ...(host.everActivated || host.masked ? wanted : []),
        ],
        services: host.active === null && !running ? {} : { "etcd.service": { kind: "unit", active: state } },
        degradations: [],
        parts: {},
        distrusts: false,
      };
    });
  }

  async activate(name: string, { env = {}, holdRunning = [] }: ActivationOptions): Promise<Activation> {
    return this.#call(`activate ${name}`, 100, () => {
      const host = this.#reachable(name);
      if (host.masked) throw new Violation(`${name} was activated although it is masked`);
      const held = holdRunning.includes("etcd.service") && this.#running(host) && !host.waitsFor;
      const restart = !held && this.#running(host) && host.restarts.length > 0;
      if (restart) this.#mayLeave(host);
      const restarts = held ? host.restarts : [];
      Object.assign(host, { active: host.staged, everActivated: true, expired: false, wiped: false, restarts });
      if (restart) {
        // The old process still answers for a while.
        host.goesDown = this.time + STOP_MS;
        host.comesUp = host.broken ? Number.POSITIVE_INFINITY : this.time + STOP_MS + START_MS;
        this.versions?.start(name, host.active ?? "");
      } else if (!held && !this.#running(host) && !this.#starting(host)) {
        this.#start(host, env);
      }
      return { digest: host.active ?? "", degradations: [] };
    });
  }

  async rest(name: string): Promise<void> {
    return this.#call(`rest ${name}`, 100, () => {
      const host = this.#reachable(name);
      if (this.#running(host)) this.#mayLeave(host);
      Object.assign(host, { goesDown: this.time, comesUp: Number.POSITIVE_INFINITY });
    });
  }

  /** The machine of that name is made again with its volumes: a new root, and nothing staged but what is planned. */
  renew(name: string): void {
    const host = this.host(name);
    Object.assign(host, { active: null, everActivated: true, restarts: [] });
    Object.assign(host, { goesDown: this.time, comesUp: Number.POSITIVE_INFINITY });
  }

  async settled(name: string): Promise<boolean> {
    return this.#call(`settled ${name}`, 20, () => {
      const host = this.#reachable(name);
      return host.goesDown === Number.POSITIVE_INFINITY && !this.#starting(host);
    });
  }

  async diagnose(name: string): Promise<readonly DownService[]> {
    return this.#call(`diagnose ${name}`, 200, () => this.#reachable(name).down);
  }

  async look(via: string): Promise<View> {
    return this.#call(`look ${via}`, 30, () => {
      const host = this.#reachable(via);
      if (!this.isUp(host) || host.expired) throw new Error(`${via} does not answer`);
      const asked = this.members.find(({ id }) => id === host.memberId);
      const quorum = this.hasQuorum() && this.leader !== undefined && !asked?.learner;
      const up = this.members.filter((member) => this.#memberUp(member) && !this.host(member.name).expired);
      return {
        quorum,
        members: this.members.map((member): Member => {
          const { id, name, peerUrl, learner } = member;
          return { id, name, peerUrl, learner, ...(member.published ? { clientUrl: `https://${name}:2379` } : {}) };
        }),
        endpoints: new Map(
          up.map(({ id, name }) => [
            id,
            {
              ...(this.leader ? { leader: this.leader } : {}),
              appliedIndex: 10_000 + this.time - this.host(name).appliedLag,
              ...(this.databases.has(name) && { database: this.databases.get(name) as Database }),
              ...(this.versions && { versions: this.versions.of(name) }),
            },
          ]),
        ),
        alarms: this.alarms,
      };
    });
  }

  async setAside(name: string): Promise<readonly string[]> {
    return this.#call(`set aside ${name}`, 100, () => {
      const host = this.#reachable(name);
      if (this.isUp(host)) throw new Violation(`the data of ${name}, a member, was put aside`);
      const had = host.memberId !== undefined;
      Object.assign(host, { memberId: undefined, waitsFor: undefined, comesUp: Number.POSITIVE_INFINITY });
      return had ? [`/var/lib/etcd-wal/set-aside-of-${name}`] : [];
    });
  }

  async addLearner(via: string, name: string, peerUrl: string): Promise<void> {
    return this.#change(via, `add ${name}`, () => {
      if (this.members.some(({ learner }) => learner)) throw new Error("too many learner members");
      if (this.members.some((member) => member.peerUrl === peerUrl)) throw new Error("Peer URLs already exists");
      this.#member("", peerUrl, { learner: true });
    });
  }

  async promote(via: string, id: string): Promise<void> {
    return this.#change(via, `promote ${this.#named(id)}`, () => {
      const member = this.members.find((item) => item.id === id);
      if (!member?.learner) throw new Error("can only promote a learner member");
      if (!this.#memberUp(member) || this.time - member.since < 2_000) throw new NotYet("not in sync with leader");
      member.learner = false;
    });
  }

  async remove(via: string, id: string): Promise<void> {
    return this.#change(via, `remove ${this.#named(id)}`, () => {
      const member = this.members.find((item) => item.id === id);
      if (!member) throw new Violation(`member ${id} was removed twice`);
      const wasUp = this.#memberUp(member);
      const voted = this.votersUp().length;
      if (!member.learner && wasUp) {
        if (id === this.leader) throw new Violation("the leader was removed without a hand-over");
        if (voted < this.voters().length) throw new Violation("a healthy voter was removed while another one was away");
        if (this.#fresh()) throw new NotYet("unhealthy cluster");
      }
      this.members = this.members.filter((item) => item.id !== id);
      if (!this.hasQuorum()) throw new Violation("a removal cost the quorum");
    });
  }

  async moveLeader(leader: Member, to: Member): Promise<readonly string[]> {
    await this.#change(leader.name, `move ${leader.name} ${to.name}`, () => {
      if (leader.id !== this.leader) return;
      const member = this.members.find(({ id }) => id === to.id);
      if (member?.learner) throw new Violation("leadership was given to a learner");
      if (!member || !this.#memberUp(member)) throw new NotYet("timed out");
      this.leader = to.id;
    });
    return [];
  }

  async defragment(name: string, inUseBytes: number): Promise<void> {
    return this.#call(`defragment ${name}`, STOP_MS + START_MS, () => {
      const host = this.#reachable(name);
      if (this.tight.has(name)) throw new NoRoom(`/var/lib/etcd has no ${inUseBytes} bytes free`);
      this.#mayLeave(host);
      const database = this.databases.get(name);
      if (database) this.databases.set(name, { ...database, bytes: database.inUseBytes });
    });
  }

  async compact(via: string, revision: number): Promise<void> {
    return this.#change(via, `compact ${revision}`, () => {
      for (const [name, database] of this.databases)
        this.databases.set(name, { ...database, inUseBytes: Math.min(database.inUseBytes, this.liveBytes) });
    });
  }

  async disarm(via: string): Promise<void> {
    return this.#change(via, "disarm", () => {
      this.alarms = [];
    });
  }

  async enableDowngrade(via: string, to: string): Promise<void> {
    return this.#change(via, `enable ${to}`, () => this.versions?.enable(to));
  }

  async cancelDowngrade(via: string): Promise<void> {
    return this.#change(via, "cancel", () => {
      if (this.versions) this.versions.target = undefined;
    });
  }

  async countKeys(): Promise<readonly KeyCount[]> {
    return [];
  }

  // --- inside ---

  async #call<T>(what: string, costs: number, work: () => T): Promise<T> {
    if (this.#dead()) throw new Killed("the process is gone");
    const number = ++this.#calls;
    this.beforeCall(what);
    if (this.kill?.call === number && !this.kill.after) throw new Killed(what);
    this.advance(costs);
    try {
      const result = work();
      if (!/^(status|look|settled|diagnose)/.test(what)) this.log.push(what);
      this.#tick();
      return result;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: nobody is left to see the call's own end
      if (this.kill?.call === number) throw new Killed(what);
    }
  }

  #change(via: string, what: string, work: () => void): Promise<void> {
    return this.#call(what, 50, () => {
      if (!this.isUp(this.#reachable(via))) throw new NotYet(`${via} does not answer`);
      if (!this.hasQuorum() || !this.leader) throw new NotYet("no leader");
      work();
    });
  }

  #dead(): boolean {
    return this.kill !== undefined && this.#calls >= this.kill.call;
  }

  get calls(): number {
    return this.#calls;
  }

  #reachable(name: string): SimulatedHost {
    const host = this.host(name);
    if (host.sshDown) throw new Error(`SSH to ${name}: timed out`);
    return host;
  }

  #running(host: SimulatedHost): boolean {
    return host.comesUp <= this.time || (host.goesDown > this.time && host.goesDown < Number.POSITIVE_INFINITY);
  }

  #starting(host: SimulatedHost): boolean {
    return host.comesUp < Number.POSITIVE_INFINITY && host.comesUp > this.time;
  }

  #memberUp(member: SimulatedMember): boolean {
    return [...this.hosts.values()].some((host) => host.memberId === member.id && this.isUp(host));
  }

  /** etcd refuses changes until its connections are that old. */
  #fresh(): boolean {
    return this.voters().some((member) => {
      const host = [...this.hosts.values()].find(({ memberId }) => memberId === member.id);
      return host !== undefined && this.time - Math.max(host.comesUp, member.since) < HEALTH_INTERVAL_MS;
    });
  }

  #named(id: string): string {
    const member = this.members.find((item) => item.id === id);
    return member?.name || (member?.peerUrl ?? id);
  }

  #member(name: string, peerUrl: string, more: Partial<SimulatedMember> = {}): SimulatedMember {
    const id = `f${(++this.#ids).toString(16).padStart(15, "0")}`;
    const member = { id, name, peerUrl, learner: false, published: false, since: this.time, ...more };
    this.members.push(member);
    return member;
  }

  #mayLeave(host: SimulatedHost): void {
    const member = this.members.find(({ id }) => id === host.memberId);
    if (!member || !this.isUp(host)) return;
    if (host.expired) {
      const answering = this.votersUp().filter(({ name }) => !this.host(name).expired).length;
      if (answering > this.voters().length / 2) return;
      throw new Violation(`${host.name} was restarted although it may be needed for the quorum`);
    }
    if (!this.hasQuorum()) throw new Violation(`${host.name} was restarted while its shard has no quorum`);
    if (!member.learner && this.votersUp().length < this.voters().length) {
      throw new Violation(`${host.name} was restarted while another voter was away`);
    }
    if (
      [...this.hosts.values()].some(
        (other) => other !== host && this.isUp(other) && other.goesDown < Number.POSITIVE_INFINITY,
      )
    ) {
      throw new Violation(`${host.name} was restarted while another member was going down`);
    }
    if (member.id === this.leader && this.voters().length > 1)
      throw new Violation(`${host.name} was restarted as leader`);
  }

  #start(host: SimulatedHost, env: Readonly<Record<string, string>>): void {
    this.versions?.start(host.name, host.active ?? "");
    host.goesDown = Number.POSITIVE_INFINITY;
    host.comesUp = host.broken ? Number.POSITIVE_INFINITY : this.time + START_MS;
    if (host.memberId !== undefined || host.waitsFor) return;
    const list = (env.ETCD_INITIAL_CLUSTER ?? "").split(",");
    if (!list.includes(`${host.name}=${host.peerUrl}`))
      throw new Violation(`${host.name} is not in its own list ${list}`);
    if (env.ETCD_INITIAL_CLUSTER_STATE === "existing") {
      const urls = list.map((item) => item.split("=")[1]).sort();
      const known = this.members.map(({ peerUrl }) => peerUrl).sort();
      if (urls.join() !== known.join()) throw new Violation(`${host.name} got the list ${urls}, the shard is ${known}`);
      const member = this.members.find(({ peerUrl }) => peerUrl === host.peerUrl);
      if (member?.published)
        throw new Violation(`${host.name} was started empty in the place of a member that has data`);
      host.memberId = member?.id;
    } else {
      if (this.hadData && this.members.length === 0) throw new Violation("a second shard was started");
      if (this.hadData && this.members.some(({ published }) => published)) {
        throw new Violation(`${host.name} was started as part of a new shard beside an old one`);
      }
      host.waitsFor = list.map((item) => item.split("=")[0] as string);
    }
  }

  #tick(): void {
    for (const host of this.hosts.values()) {
      if (host.goesDown <= this.time) host.goesDown = Number.POSITIVE_INFINITY;
    }
    this.#form();
    for (const member of this.members) {
      const host = [...this.hosts.values()].find(({ memberId }) => memberId === member.id);
      if (host && this.isUp(host) && this.hasQuorum()) Object.assign(member, { published: true, name: host.name });
    }
    const all = this.members.map(({ name }) => name);
    if (this.hasQuorum())
      this.versions?.monitor(this.time, all, (name) => this.hosts.has(name) && this.isUp(this.host(name)));
    const led = this.members.some((member) => member.id === this.leader && this.#memberUp(member));
    if (led && this.hasQuorum()) return;
    if (led || !this.hasQuorum()) {
      this.leader = undefined;
      this.#electionAt = undefined;
      return;
    }
    this.leader = undefined;
    this.#electionAt ??= this.time + ELECTION_MS;
    if (this.time < this.#electionAt) return;
    this.leader = this.votersUp()[0]?.id;
    this.#electionAt = undefined;
    this.elections++;
  }

  /** Enough members of a new shard are running. */
  #form(): void {
    const waiting = [...this.hosts.values()].filter((host) => host.waitsFor && this.#running(host));
    const list = waiting[0]?.waitsFor;
    if (!list) return;
    if (waiting.some((host) => host.waitsFor?.join() !== list.join())) throw new Violation("two lists for one shard");
    if (this.members.length === 0) {
      if (waiting.length < Math.floor(list.length / 2) + 1) return;
      for (const name of list) this.#member(name, this.host(name).peerUrl);
      this.hadData = true;
    }
    for (const host of waiting) {
      host.memberId = this.members.find(({ name }) => name === host.name)?.id;
      host.waitsFor = undefined;
    }
  }
}
