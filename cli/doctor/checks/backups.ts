/** Whether what etcd holds is also kept elsewhere. */
import { backupStatus } from "../../hosts/backup-status";
import { duration } from "../../show/terminal";
import { answering } from "../evidence";
import type { Check } from "../types";
import { bounded, byWhat } from "./judging";

const recent: Check = {
  id: "backups",
  group: "etcd",
  title: "every shard has a backup that is not too old",
  wanted: ({ plan: { backup } }) =>
    backup ? `one every ${backup.everyMinutes} minutes, the newest at most twice as old` : "none",
  why: "without a quorum's disks, what was written since the newest backup is lost",
  source: "what etcd-backup did last, on every member",
  remedy:
    "look at what the member says, and at `kilonode logs <stack> <member> etcd-backup.service`; then `kilonode etcd backup <stack>`",
  ledger: ["E8"],
  judge: (evidence) => {
    const { plan, now } = evidence;
    const { backup: planned } = plan;
    if (!planned) {
      const because = "the configuration says so (etcd.backup), or the stack is ephemeral and says nothing";
      return { status: "skipped", found: "no backups", because };
    }
    const hosts = answering(evidence, "etcd").map(({ name, sections, machine }) => ({
      name,
      backup: sections.backup,
      machine,
    }));
    const shards = plan.shards.map((shard) => ({ name: shard.name, ...backupStatus(planned, shard, hosts, now) }));
    const problems = shards.flatMap((shard) => shard.problems);
    if (problems.length > 0)
      return { status: "failed", found: "backups fail, or are too old", details: bounded(problems) };
    const ages = shards.map(
      ({ name, ageSeconds }) => `${name} ${ageSeconds === null ? "none yet" : `${duration(ageSeconds * 1000)} old`}`,
    );
    const details = bounded(byWhat(shards.flatMap(({ failures }) => failures)));
    return { status: details.length > 0 ? "warning" : "ok", found: ages.join(", "), details };
  },
};

export const backups: readonly Check[] = [recent];
