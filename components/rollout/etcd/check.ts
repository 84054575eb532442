/** The gate of a shard before anything of a change begins. */
import type { Progress } from "../gate/progress";
import { Fleet } from "../hosts/fleet";
import { notSplit } from "./apart";
import { startedOnce } from "./next";
import type { EtcdPlan, EtcdShard } from "./shard";
import { EtcdWatch } from "./watch";

/**
 * Refuses when the shard's next step would be refused. Hosts of a creation that was cut short are for the rollout to judge.
 * @param elsewhere hosts of other groups
 */
export async function checkEtcd(
  shard: EtcdShard,
  plan: EtcdPlan,
  progress: Progress,
  elsewhere: readonly string[] = [],
): Promise<void> {
  const fleet = new Fleet(shard, plan.targets, progress);
  await fleet.read();
  const started = plan.targets.filter(({ name }) => startedOnce(fleet.status(name)));
  if (started.length === 0) return;
  const whole = started.length === plan.targets.length;
  const watch = new EtcdWatch(shard, plan, fleet);
  const view = await watch.look();
  if (view) progress.refuseAny(notSplit(view, elsewhere));
  if (view?.quorum || whole) await watch.decision(view);
}
