/**
 * A rollout of one etcd shard: first creation in parallel, every later change one member at a time behind a gate.
 *
 * The loop looks at the shard, lets {@link decide} choose the next step, performs it, and waits until the shard is healthy
 * again. It remembers nothing across runs, so it can be killed anywhere.
 */
import type { Progress } from "../gate/progress";
import { Fleet } from "../hosts/fleet";
import { found, joinEnv, ownDataEnv } from "./bootstrap";
import { tally } from "./health";
import type { EtcdStep } from "./next";
import { type EtcdPlan, type EtcdShard, type EtcdTarget, NotYet, type View } from "./shard";
import { EtcdWatch } from "./watch";

/** Between two attempts at a call that etcd does not take yet. */
const RETRY_MS = 500;

export async function rolloutEtcd(shard: EtcdShard, plan: EtcdPlan, progress: Progress): Promise<Fleet<EtcdTarget>> {
  const fleet = new Fleet(shard, plan.targets, progress);
  const watch = new EtcdWatch(shard, plan, fleet);
  await fleet.read();
  const first = await found(watch);
  let view = first && (await watch.atRest(first));
  let last: { readonly step: string; readonly deadline: number } | undefined;
  let done = "";
  // Each planned or listed member takes a handful of steps at most: more means that a step has no effect.
  for (let left = 8 * (plan.targets.length + (view?.members.length ?? 0)) + 8; left > 0; left--) {
    const decision = await watch.decision(view);
    if (decision.kind === "done") {
      progress.report(`${done}${shape(decision.view)}, done`);
      return fleet;
    }
    const { step } = decision;
    const deadline = last?.step === say(step) ? last.deadline : shard.now() + plan.hostTimeoutMs;
    if (last?.step !== say(step)) progress.report(`${done}${shape(decision.view)}, next: ${say(step)}`);
    progress.stopIfAsked();
    last = { step: say(step), deadline };
    done = await perform(step, watch, decision.view, deadline).then(
      () => `done: ${say(step)}; `,
      // etcd does not take it yet: everything is looked at again before the same call is made again.
      async (error: unknown) => {
        if (!(error instanceof NotYet) || shard.now() >= deadline) throw error;
        left++;
        await shard.sleep(RETRY_MS);
        return done;
      },
    );
    // What restarts nothing either opens the gate at once or leaves it as it was.
    const isQuiet = step.kind === "quiet" && decision.view?.quorum === true;
    view = await watch.healthy(isQuiet ? Math.min(watch.grace(), deadline) : deadline);
  }
  throw new Error(`${plan.group}: the shard does not come to rest; last step: ${last?.step}`);
}

async function perform(step: EtcdStep, watch: EtcdWatch, view: View | undefined, deadline: number): Promise<void> {
  const { shard, plan, fleet } = watch;
  const joining = () => ({ env: joinEnv(plan, view) });
  switch (step.kind) {
    case "start":
      await fleet.activateTogether(step.targets, joining);
      return watch.settle(step.targets, deadline);
    case "repair":
      await fleet.activateTogether(step.targets, () => ({ env: ownDataEnv, holdRunning: ["etcd.service"] }));
      return watch.settle(step.targets, deadline);
    case "quiet":
      return fleet.activateTogether(step.targets);
    case "restart":
      watch.askLast(step.target.name);
      await fleet.activate(step.target);
      return watch.settle([step.target], deadline);
    case "add":
      if (step.hasData) {
        const folders = await shard.setAside(step.target.name);
        for (const folder of folders)
          fleet.progress.report(
            `${step.target.name}: old data is kept in ${folder} (docs/data-and-keys.md#data-that-was-put-aside)`,
          );
        await fleet.recheck([step.target]);
      }
      return shard.addLearner(watch.via, step.target.name, step.target.peerUrl);
    case "promote":
      return shard.promote(watch.via, step.member.id);
    case "remove":
      return shard.remove(watch.via, step.member.id);
    case "enableDowngrade":
      return shard.enableDowngrade(watch.via, step.to);
    case "cancelDowngrade":
      return shard.cancelDowngrade(watch.via);
    case "awaitDowngrade":
      throw new NotYet(`the downgrade to etcd ${step.to} waits for ${step.waiting}; look at the leader's log`);
    case "handOver":
      for (const { name } of view?.members ?? [])
        if (!plan.targets.some((target) => target.name === name))
          fleet.progress.report(`clients of ${name} are not held: it is leaving the shard`);
      for (const unheld of await shard.moveLeader(step.from, step.to)) fleet.progress.report(unheld);
  }
}

function shape(view: View | undefined): string {
  if (!view) return "no member of the shard answers";
  if (!view.quorum) return `shard without a quorum (${tally(view)})`;
  return `shard ${view.endpoints.size === view.members.length ? "healthy" : "serving"} (${tally(view)})`;
}

function say(step: EtcdStep): string {
  const names = (targets: readonly EtcdTarget[]) => targets.map(({ name }) => name).join(", ");
  switch (step.kind) {
    case "start":
      return `start ${names(step.targets)}, listed as members`;
    case "quiet":
      return `change ${names(step.targets)} without a restart`;
    case "restart":
      return `restart ${step.target.name}`;
    case "repair":
      return `repair ${names(step.targets)}: what does not run is started`;
    case "add":
      return `add ${step.target.name} as learner`;
    case "promote":
      return `promote ${step.target.name}`;
    case "remove":
      return `remove member ${step.host}: ${step.why}`;
    case "enableDowngrade":
      return `let the cluster go back to etcd ${step.to}, which can be taken back until all members have`;
    case "cancelDowngrade":
      return `take the downgrade to etcd ${step.to} back`;
    case "awaitDowngrade":
      return `wait for the downgrade to etcd ${step.to}`;
    case "handOver":
      return `hand leadership from ${step.from.name} to ${step.to.name}`;
  }
}
