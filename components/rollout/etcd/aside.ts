/** Takes one member of a healthy shard aside, whose machine is about to be changed. */
import { interleaveZones } from "../../plan/zones";
import type { Progress } from "../gate/progress";
import { Fleet } from "../hosts/fleet";
import { findings, isFull, leaderOf, voters } from "./health";
import { hostOf, isStopped } from "./next";
import { type EtcdPlan, type EtcdShard, type Member, NotYet, type View } from "./shard";
import { EtcdWatch } from "./watch";

const RETRY_MS = 500;

export async function takeAside(shard: EtcdShard, plan: EtcdPlan, host: string, progress: Progress): Promise<void> {
  const fleet = new Fleet(shard, plan.targets, progress);
  await fleet.read();
  const watch = new EtcdWatch(shard, plan, fleet);
  watch.askLast(host);
  const deadline = shard.now() + plan.hostTimeoutMs;
  for (;;) {
    const view = await watch.healthy(deadline);
    const leader = view.members.find(({ id, name }) => id === leaderOf(view) && name === host);
    const heir = leader && heirOf(plan, view, leader);
    // The only member of its shard: its clients wait until it is back, as at every restart.
    if (!leader || !heir) break;
    progress.report(`hand leadership from ${host} to ${heir.name}`);
    const unheld = await shard.moveLeader(leader, heir).catch((error: unknown) => {
      if (!(error instanceof NotYet) || shard.now() >= deadline) throw error;
      return [`not yet: ${error.message}`];
    });
    for (const line of unheld) progress.report(line);
    await shard.sleep(RETRY_MS);
  }
  progress.markChanged(host);
  await shard.rest(host);
}

/**
 * Whether a turn was cut short when the host had been taken aside, with all others in service. Then it is not started once more for a look:
 * its machine may be half changed, and a disk of it be off.
 */
export async function isAside(shard: EtcdShard, plan: EtcdPlan, host: string, progress: Progress): Promise<boolean> {
  const fleet = new Fleet(shard, plan.targets, progress);
  await fleet.read();
  if (!isStopped(fleet.status(host))) return false;
  if (plan.targets.length === 1) return true;
  const watch = new EtcdWatch(shard, plan, fleet);
  watch.askLast(host);
  for (const deadline = watch.grace(); ; await shard.sleep(RETRY_MS)) {
    const view = await watch.look();
    const others =
      view && findings(view, (member) => hostOf(plan, member)).filter((one) => one.host !== host && !isFull(one));
    if (others?.length === 0) return true;
    if (shard.now() >= deadline) return false;
  }
}

/** Rather one whose machine has been changed already, else the one whose turn comes last: so that leadership moves twice at most. */
function heirOf(plan: EtcdPlan, view: View, leader: Member): Member | undefined {
  const order = interleaveZones(plan.targets).map(({ name }) => name);
  const own = order.indexOf(leader.name);
  const preferred = [...order.slice(0, own), ...order.slice(own + 1).reverse()];
  return preferred.flatMap((host) => voters(view).find(({ name }) => name === host) ?? [])[0];
}
