/**
 * Simulated masters under a virtual clock: services that run as units or as static pods of a kubelet, a load balancer that notices
 * late, leases that move; and the rules that a rollout must never break, checked at every moment that passes.
 */
import type { Activation, DownService, MachineStatus, ServiceKind } from "../../components/rollout/hosts/answers";
import type { ActivationOptions } from "../../components/rollout/hosts/hosts";
import type { Backend, Masters } from "../../components/rollout/masters/masters";

const TICK_MS = 100;
const STOP_MS = 400;
const START_MS = 1_600;
/** How late a kubelet looks at its manifests (its fileCheckFrequency is 20 s). */
const KUBELET_MS = 8_000;
/** How late the load balancer notices that a master serves. */
const BALANCER_MS = 1_000;
/** How long a lease lasts that nobody renews, until another one takes it. */
const LEASE_MS = 4_000;
const NEVER = Number.POSITIVE_INFINITY;

export const COMPONENTS = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;
type Component = (typeof COMPONENTS)[number];
const LEASES = ["kube-controller-manager", "kube-scheduler"] as const;

/** The rollout's process was killed at this call. */
export class Killed extends Error {}
/** A rule was broken. */
export class Violation extends Error {}

export interface Content {
  readonly digest: string;
  readonly release: string;
  /** What its arrival restarts. */
  readonly restarts: readonly Component[];
}

interface Service {
  /** Undefined: it does not run. */
  release: string | undefined;
  /** Moment at which the process that runs goes down, and at which its successor, of `next`, comes up. */
  goesDown: number;
  comesUp: number;
  next: string | undefined;
  /** Since when it has been up. */
  since: number;
}

interface Master {
  staged: Content;
  active: Content | null;
  owed: Set<Component>;
  readonly services: Record<Component, Service>;
  refuses: string | undefined;
  /** Its API server does not come up again. */
  broken: boolean;
  /** What the load balancer says of it when it gets no clients though it runs. */
  away: "MAINT" | "NOLB" | undefined;
  /** What the host says of services that are down. */
  down: readonly DownService[];
  /** Its certificates have expired: nobody can talk to it until it gets new ones. */
  expired: boolean;
}

export class SimulatedMasters implements Masters {
  time = 0;
  readonly masters = new Map<string, Master>();
  /** In order: "m1", or "m1 holding kube-scheduler.service". */
  readonly activations: string[] = [];
  /** In order: "m1 kube-apiserver 1.37.2", when the new process is up. */
  readonly starts: string[] = [];
  /** The most masters that were away at once, of those that had served. */
  mostAway = 0;
  /** By lease. The last master leads at first, unless a test says otherwise. */
  readonly leasesHeld = new Map<string, string>();
  /** Leases that nobody takes. */
  readonly untaken = new Set<string>();
  balancer = true;
  /** How much later than usual the load balancer notices that a master serves. */
  returnMs = 0;
  killAt: number | undefined;
  /** As hosts were once: a static pod was no reason to count as restarted, and nobody saw it start. */
  hidesStaticPods = false;
  calls = 0;
  readonly #served = new Set<string>();
  /** Since when the holder of a lease, or whoever might take it, has been away. */
  readonly #unrenewed = new Map<string, number>();

  constructor(
    names: readonly string[],
    readonly kind: ServiceKind,
    active: Content | null,
    staged: Content,
  ) {
    for (const name of names) this.add(name, active, staged);
    if (active) for (const lease of LEASES) this.leasesHeld.set(lease, names.at(-1) as string);
  }

  add(name: string, active: Content | null, staged: Content): void {
    const service = (): Service => ({
      release: active?.release,
      goesDown: NEVER,
      comesUp: NEVER,
      next: undefined,
      since: -1e6,
    });
    const services = { "kube-apiserver": service(), "kube-controller-manager": service(), "kube-scheduler": service() };
    const master = { staged, active, owed: new Set<Component>(), services };
    const well = { refuses: undefined, broken: false, away: undefined, down: [], expired: false };
    this.masters.set(name, { ...master, ...well });
  }

  get names(): string[] {
    return [...this.masters.keys()];
  }

  get apiService(): string {
    return this.serviceName("kube-apiserver");
  }

  serviceName(component: Component): string {
    return this.kind === "unit" ? `${component}.service` : component;
  }

  targets() {
    return this.names.map((name, index) => ({
      name,
      zone: `zone-${"abc"[index % 3]}`,
      digest: this.master(name).staged.digest,
    }));
  }

  serving(): string[] {
    return this.names.filter((name) => this.#up(name, "kube-apiserver") && this.#rotation(name) === "UP");
  }

  master(name: string): Master {
    const master = this.masters.get(name);
    if (!master) throw new Error(`no master ${name}`);
    return master;
  }

  stop(name: string, component: Component): void {
    Object.assign(this.master(name).services[component], { release: undefined, goesDown: NEVER, comesUp: NEVER });
  }

  advance(milliseconds: number): void {
    for (const end = this.time + milliseconds; this.time < end; ) {
      this.time = Math.min(end, this.time + TICK_MS);
      this.#tick();
    }
  }

  // --- Masters ---

  now(): number {
    return this.time;
  }

  async sleep(milliseconds: number): Promise<void> {
    if (this.#dead()) throw new Killed();
    this.advance(milliseconds);
  }

  async status(name: string): Promise<MachineStatus> {
    this.#call();
    const { staged, active, refuses } = this.master(name);
    const hidden = this.hidesStaticPods && this.kind === "static-pod";
    const restarts = hidden ? [] : [...this.#toRestart(name)].map((one) => this.serviceName(one));
    const stopped = active === null ? [] : COMPONENTS.filter((one) => !this.#up(name, one));
    const services = COMPONENTS.map((one) => {
      const state = this.#up(name, one) ? "active" : "inactive";
      return [this.serviceName(one), { kind: this.kind, active: state }] as const;
    });
    return {
      staged: staged.digest,
      active: active?.digest ?? null,
      everActivated: active !== null,
      restarts: restarts.sort(),
      pending: [
        ...(refuses ? [`refuse: ${refuses}`] : []),
        ...stopped.map((one) => `start ${this.serviceName(one)}`),
        ...restarts.map((one) => `restart ${one}`),
      ],
      services: Object.fromEntries(services),
      degradations: [],
      parts: {},
      distrusts: false,
    };
  }

  async activate(name: string, { hold = [] }: ActivationOptions): Promise<Activation> {
    this.#call();
    const master = this.master(name);
    this.activations.push([name, ...(hold.length > 0 ? ["holding", ...hold] : [])].join(" "));
    master.owed = this.#toRestart(name);
    const first = master.active === null;
    master.active = master.staged;
    master.expired = false;
    for (const component of COMPONENTS) {
      // Neither restarted nor started: what runs then is what ran before.
      if (hold.includes(this.serviceName(component)) && !first) continue;
      const runs = master.services[component].release !== undefined;
      if (runs && !master.owed.has(component)) continue;
      master.owed.delete(component);
      this.#replace(name, component, runs);
    }
    return { digest: master.active.digest, degradations: [] };
  }

  async settled(name: string): Promise<boolean> {
    this.#call();
    if (this.hidesStaticPods && this.kind === "static-pod") return true;
    return Object.values(this.master(name).services).every(
      ({ comesUp, goesDown }) => comesUp === NEVER && goesDown === NEVER,
    );
  }

  async diagnose(name: string): Promise<readonly DownService[]> {
    this.#call();
    return this.master(name).down;
  }

  async unready(name: string): Promise<string | undefined> {
    this.#call();
    if (this.master(name).expired) return "certificate has expired";
    return this.#up(name, "kube-apiserver") ? undefined : "[-]etcd failed";
  }

  async backends(): Promise<readonly Backend[] | undefined> {
    this.#call();
    return this.balancer ? this.names.map((name) => ({ name, status: this.#rotation(name) })) : undefined;
  }

  async leases(name: string): Promise<readonly string[]> {
    this.#call();
    return [...this.leasesHeld].filter(([, holder]) => holder === name).map(([lease]) => lease);
  }

  // --- inside ---

  #toRestart(name: string): Set<Component> {
    const { staged, active, owed, services } = this.master(name);
    const changed = active !== null && active.digest !== staged.digest ? staged.restarts : [];
    return new Set([...owed, ...changed].filter((component) => services[component].release !== undefined));
  }

  #replace(name: string, component: Component, runs: boolean): void {
    const master = this.master(name);
    const service = master.services[component];
    const noticed = this.time + (this.kind === "static-pod" ? KUBELET_MS : 0);
    const down = runs ? noticed + STOP_MS : noticed;
    service.goesDown = runs ? down : NEVER;
    service.next = master.staged.release;
    service.comesUp = master.broken && component === "kube-apiserver" ? NEVER : down + START_MS;
  }

  #tick(): void {
    for (const [name, { services }] of this.masters) {
      for (const component of COMPONENTS) {
        const service = services[component];
        if (service.goesDown <= this.time) Object.assign(service, { release: undefined, goesDown: NEVER });
        if (service.comesUp > this.time) continue;
        Object.assign(service, { release: service.next, comesUp: NEVER, since: this.time });
        this.starts.push(`${name} ${component} ${service.release}`);
      }
    }
    for (const lease of LEASES) this.#renew(lease);
    this.#checkRules();
  }

  #renew(lease: (typeof LEASES)[number]): void {
    const able = this.names.filter(
      (name) => this.#up(name, lease) && this.#up(name, "kube-apiserver") && !this.master(name).expired,
    );
    const holder = this.leasesHeld.get(lease);
    if (holder !== undefined && able.includes(holder)) this.#unrenewed.delete(lease);
    else if (!this.#unrenewed.has(lease)) this.#unrenewed.set(lease, this.time);
    const since = this.#unrenewed.get(lease);
    if (since === undefined || since + LEASE_MS > this.time) return;
    const [next] = this.untaken.has(lease) ? [] : able;
    if (next === undefined) this.leasesHeld.delete(lease);
    else this.leasesHeld.set(lease, next);
  }

  #checkRules(): void {
    const inRotation = this.names.filter((name) => this.#rotation(name) === "UP");
    for (const name of inRotation) this.#served.add(name);
    this.mostAway = Math.max(this.mostAway, this.#served.size - inRotation.length);
    const releases = (component: Component) =>
      this.names.flatMap((name) => this.master(name).services[component].release ?? []);
    const oldest = Math.min(...releases("kube-apiserver").map(minor));
    for (const component of LEASES) {
      const newest = releases(component).find((release) => minor(release) > oldest);
      if (newest) throw new Violation(`${component} ${newest} runs beside an API server of 1.${oldest}`);
    }
  }

  #up(name: string, component: Component): boolean {
    return this.master(name).services[component].release !== undefined;
  }

  #rotation(name: string): string {
    const { away, expired, services } = this.master(name);
    if (away) return away;
    if (expired) return "DOWN";
    const { release, since } = services["kube-apiserver"];
    return release !== undefined && since + BALANCER_MS + this.returnMs <= this.time ? "UP" : "DOWN";
  }

  #dead(): boolean {
    return this.killAt !== undefined && this.calls >= this.killAt;
  }

  #call(): void {
    if (this.#dead()) throw new Killed();
    this.calls++;
    this.advance(10);
  }
}

const minor = (release: string): number => Number(release.split(".")[1]);
