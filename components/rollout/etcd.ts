/**
 * A rollout of one etcd shard: first creation in parallel, every later change one member at a time behind a gate.
 *
 * The loop looks at the shard, lets {@link decide} choose the next step, performs it, and waits until the shard is healthy
 * again. It remembers nothing across runs, so it can be killed anywhere.
 */
import { found, GRACE_MS, joinEnv } from "./etcd-bootstrap";
import { tally } from "./etcd-health";
import { decide, hostOf, type Step } from "./etcd-next";
import { type EtcdPlan, type EtcdShard, type EtcdTarget, NotYet, type View } from "./etcd-shard";
import { EtcdWatch } from "./etcd-watch";
import type { Run } from "./gate";
import { Fleet } from "./hosts";

const RETRY_MS = 500;

export async function rolloutEtcd(shard: EtcdShard, plan: EtcdPlan, run: Run): Promise<Fleet<EtcdTarget>> {
  const fleet = new Fleet(shard, plan.targets, run);
  const watch = new EtcdWatch(shard, plan, fleet);
  await fleet.read();
  let view: View | undefined = await found(watch);
  let done = "";
  let grace = shard.now() + Math.min(GRACE_MS, plan.hostTimeoutMs);
  // Each planned or listed member takes a handful of steps at most: more means that a step has no effect.
  for (let left = 8 * (plan.targets.length + view.members.length) + 8; ; ) {
    const decision = decide(plan, fleet, view);
    if (decision.kind === "blocked") {
      if (decision.findings.some(({ lasting }) => lasting) || shard.now() >= grace) throw run.refuse(decision.findings);
      view = (await watch.lookUntil(grace, (seen) => decide(plan, fleet, seen).kind !== "blocked")) ?? view;
      continue;
    }
    run.report(
      `${done}shard healthy (${tally(view)}), ${decision.kind === "done" ? "done" : `next: ${say(decision.step)}`}`,
    );
    if (decision.kind === "done") return fleet;
    run.stopIfAsked();
    if (left-- === 0)
      throw new Error(`${plan.group}: the shard does not come to rest; last step: ${say(decision.step)}`);
    const deadline = shard.now() + plan.hostTimeoutMs;
    await perform(decision.step, watch, view, deadline);
    view = await watch.healthy(deadline);
    grace = shard.now() + Math.min(GRACE_MS, plan.hostTimeoutMs);
    done = `done: ${say(decision.step)}; `;
  }
}

async function perform(step: Step, watch: EtcdWatch, view: View, deadline: number): Promise<void> {
  const { shard, plan, fleet } = watch;
  const env = () => joinEnv(view.members, (member) => hostOf(plan, member), plan.token);
  const asked = (call: () => Promise<void>) => untilTaken(shard, deadline, call);
  switch (step.kind) {
    case "start":
      await fleet.activateTogether(step.targets, env());
      return settle(shard, step.targets, deadline);
    case "quiet":
      return fleet.activateTogether(step.targets);
    case "restart":
      watch.askLast(step.target.name);
      await fleet.activate(step.target);
      return settle(shard, [step.target], deadline);
    case "repair":
      await fleet.activate(step.target, env());
      return settle(shard, [step.target], deadline);
    case "add":
      return asked(() => shard.addLearner(watch.via, step.target.name, step.target.peerUrl));
    case "promote":
      return asked(() => shard.promote(watch.via, step.member.id));
    case "remove":
      return asked(() => shard.remove(watch.via, step.member.id));
    case "handOver":
      return asked(() => shard.moveLeader(watch.via, step.from, step.to));
  }
}

/** Waits until the old process is gone and the new one has joined; if it takes too long, the gate after it tells. */
async function settle(shard: EtcdShard, targets: readonly EtcdTarget[], deadline: number): Promise<void> {
  for (const { name } of targets) {
    while (!(await shard.settled(name)) && shard.now() < deadline) await shard.sleep(RETRY_MS);
  }
}

/** etcd refuses changes of membership until connections are 5 s old and a learner is in sync: the same call again. */
async function untilTaken(shard: EtcdShard, deadline: number, call: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof NotYet) || shard.now() >= deadline) throw error;
      await shard.sleep(RETRY_MS);
    }
  }
}

function say(step: Step): string {
  const names = (targets: readonly EtcdTarget[]) => targets.map(({ name }) => name).join(", ");
  switch (step.kind) {
    case "start":
      return `start ${names(step.targets)}, listed as members`;
    case "quiet":
      return `change ${names(step.targets)} without a restart`;
    case "restart":
      return `restart ${step.target.name}`;
    case "repair":
      return `repair ${step.target.name}, which is down`;
    case "add":
      return `add ${step.target.name} as learner`;
    case "promote":
      return `promote ${step.target.name}`;
    case "remove":
      return `remove member ${step.host}: ${step.why}`;
    case "handOver":
      return `hand leadership from ${step.from.name} to ${step.to.name}`;
  }
}
