/** Goes through the steps of a restore: looks at the hosts, lets next.ts choose, does it, and looks again. */
import type { Progress } from "../../../components/rollout/gate/progress";
import type { GateFinding } from "../../../components/rollout/gate/refusal";
import { mastersAdvice } from "../../../components/rollout/masters/advice";
import type { ApiState } from "./answers";
import type { RestoreHosts, RestorePlan } from "./hosts";
import { isExchanged, nextRestoreStep, type RestoreSeen } from "./next";
import { type DoneStep, stepText } from "./steps";

const PAUSE_MS = 500;

export interface RestoreReport {
  readonly id: string;
  readonly snapshot: string;
  /** At which the restored shard has begun. */
  readonly revision: number;
  readonly steps: readonly { readonly what: string; readonly seconds: number }[];
  /** Without the API, or where API servers went on without the shard; of this run, when an earlier one was cut short. */
  readonly downtimeSeconds: number;
  /** The folders with the data as it was, by host. */
  readonly aside: Readonly<Record<string, readonly string[]>>;
}

/** @param outageSince when API servers were stopped for it, where that was before */
export async function runRestore(
  hosts: RestoreHosts,
  plan: RestorePlan,
  progress: Progress,
  outageSince?: number,
): Promise<RestoreReport> {
  const steps: { what: string; seconds: number }[] = [];
  const outage = new Outage(hosts, outageSince);
  // Each host takes a handful of steps at most: more means that a step has no effect.
  for (let left = 8 * (plan.members.length + plan.others.length + plan.masters.length) + 16; left > 0; left--) {
    const seen = await look(hosts, plan);
    const step = nextRestoreStep(plan, seen);
    if (step.kind === "blocked") throw progress.refuse(step.findings);
    if (step.kind === "done") return reportOf(plan, seen, steps, outage.seconds);
    progress.stopIfAsked();
    progress.report(stepText(step));
    const started = hosts.now();
    if (step.kind === "stopApi" || step.kind === "swap") outage.begin();
    await perform(hosts, plan, step, progress);
    if (step.kind === (plan.stopsApi ? "ready" : "settle")) outage.end();
    steps.push({ what: step.kind, seconds: secondsBetween(started, hosts.now()) });
  }
  throw new Error(`${plan.group}: the restore does not come to its end; last step: ${steps.at(-1)?.what}`);
}

class Outage {
  seconds = 0;
  #since: number | undefined;

  constructor(
    private readonly clock: Pick<RestoreHosts, "now">,
    since: number | undefined,
  ) {
    this.#since = since;
  }

  begin(): void {
    this.#since ??= this.clock.now();
  }

  end(): void {
    if (this.#since !== undefined) this.seconds = secondsBetween(this.#since, this.clock.now());
  }
}

const secondsBetween = (from: number, to: number) => Math.round((to - from) / 100) / 10;

async function look(hosts: RestoreHosts, plan: RestorePlan): Promise<RestoreSeen> {
  const names = [...plan.members, ...plan.others];
  const [states, apis] = await Promise.all([
    Promise.all(names.map((name) => hosts.member(name))),
    Promise.all(plan.masters.map((name) => hosts.api(name))),
  ]);
  const seen: RestoreSeen = {
    members: new Map(names.map((name, index) => [name, states[index]!])),
    apis: new Map(
      plan.masters.flatMap((name, index): [string, ApiState][] => {
        const api = apis[index];
        return api ? [[name, api]] : [];
      }),
    ),
  };
  if (!isExchanged(plan, seen)) return seen;
  const healthy = (await hosts.unhealthy(plan.members)).length === 0;
  return { ...seen, healthy, ready: healthy && (await unready(hosts, [...seen.apis.keys()])).length === 0 };
}

async function perform(hosts: RestoreHosts, plan: RestorePlan, step: DoneStep, progress: Progress): Promise<void> {
  const { masters, members, request, shard } = plan;
  switch (step.kind) {
    case "settle":
      return until(hosts, plan.hostTimeoutMs, () => hosts.unhealthy(members), progress);
    case "ready":
      return until(hosts, plan.masterTimeoutMs, () => unreadyAnswering(hosts, masters), progress);
    case "hold":
      return together(step.hosts, (host) => hosts.hold(host, shard), progress);
    case "stage":
      return together(step.hosts, (host) => hosts.stage(host, request, shard));
    case "restartApi":
      return together(step.hosts, (host) => hosts.restartApi(host, request.id), progress);
    default: {
      const verb = step.kind;
      return together(step.hosts, (host) => hosts[verb](host), progress);
    }
  }
}

/** Each is given the time to end before the first failure is thrown, so none is left half-way. */
async function together(
  names: readonly string[],
  work: (host: string) => Promise<void>,
  progress?: Progress,
): Promise<void> {
  for (const name of names) progress?.markChanged(name);
  const results = await Promise.allSettled(names.map(work));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function until(
  hosts: RestoreHosts,
  timeoutMs: number,
  lookFor: () => Promise<readonly GateFinding[]>,
  progress: Progress,
): Promise<void> {
  for (const deadline = hosts.now() + timeoutMs; ; await hosts.sleep(PAUSE_MS)) {
    const found = await lookFor();
    if (found.length === 0) return;
    if (hosts.now() >= deadline || found.some(({ lasting }) => lasting)) progress.refuseAny(found);
  }
}

/** A stop that an earlier run has ordered may still be under way: they are started until they say that they are ready. */
export function startApis(
  hosts: RestoreHosts,
  masters: readonly string[],
  timeoutMs: number,
  progress: Progress,
): Promise<void> {
  const look = async () => {
    const apis = await Promise.all(masters.map((name) => hosts.api(name)));
    const answering = masters.filter((_, index) => apis[index]);
    await Promise.all(answering.map((name) => hosts.startApi(name)));
    return unready(hosts, answering);
  };
  return until(hosts, timeoutMs, look, progress);
}

async function unreadyAnswering(hosts: RestoreHosts, masters: readonly string[]): Promise<GateFinding[]> {
  const apis = await Promise.all(masters.map((name) => hosts.api(name)));
  return unready(
    hosts,
    masters.filter((_, index) => apis[index]),
  );
}

async function unready(hosts: RestoreHosts, masters: readonly string[]): Promise<GateFinding[]> {
  const reasons = await Promise.all(masters.map((name) => hosts.unready(name)));
  return masters.flatMap((host, index) => {
    const found = reasons[index];
    const checked = "its API server is ready (/readyz)";
    return found === undefined ? [] : [{ host, checked, found, advice: mastersAdvice.unready, lasting: false }];
  });
}

function reportOf(
  { members, request }: RestorePlan,
  seen: RestoreSeen,
  steps: RestoreReport["steps"],
  downtimeSeconds: number,
): RestoreReport {
  const lasts = members.flatMap((name) => {
    const last = seen.members.get(name)?.last;
    return last ? [[name, last] as const] : [];
  });
  return {
    id: request.id,
    snapshot: request.snapshot,
    revision: lasts[0]?.[1].revision ?? 0,
    steps,
    downtimeSeconds,
    aside: Object.fromEntries(lasts.map(([name, { aside }]) => [name, aside])),
  };
}
