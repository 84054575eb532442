/** The gate of a shard before anything of a change begins. */
import { startedOnce } from "./etcd-next";
import type { EtcdPlan, EtcdShard } from "./etcd-shard";
import { EtcdWatch, silentShard } from "./etcd-watch";
import type { Run } from "./gate";
import { Fleet } from "./hosts";

/** Refuses when the shard's next step would be refused. Hosts of a creation that was cut short are for the rollout to judge. */
export async function checkEtcd(shard: EtcdShard, plan: EtcdPlan, run: Run): Promise<void> {
  const fleet = new Fleet(shard, plan.targets, run);
  await fleet.read();
  const started = plan.targets.filter(({ name }) => startedOnce(fleet.status(name)));
  if (started.length === 0) return;
  const whole = started.length === plan.targets.length;
  const watch = new EtcdWatch(shard, plan, fleet);
  const view = await watch.lookUntil(whole ? watch.grace() : shard.now(), (seen) => seen.quorum);
  if (!view?.quorum && !whole) return;
  if (!view) throw run.refuse([silentShard(plan)]);
  await watch.decision(view);
}
