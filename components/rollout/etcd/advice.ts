/** What to do about an etcd shard whose gate is closed. */
const page = "docs/operations.md";

export const etcdAdvice = {
  down: `Start the member, or make its host anew by \`kilonode replace\` if its data is gone: ${page}#a-member-that-is-down.`,
  noQuorum: `Start the members that are down. If the data of most of them is gone, see ${page}#a-shard-without-a-quorum.`,
  allEmpty: `The shard's data is not on its hosts: see ${page}#a-shard-without-a-quorum before anything is started.`,
  leaderless: `Look at the member's log and at the network between the members: ${page}#a-member-that-is-down.`,
  behind: `Let it catch up; if it does not, look at its disk and network: ${page}#a-member-that-is-down.`,
  foreignData: `The host must join with empty volumes: ${page}#a-member-whose-data-is-gone.`,
  restarting: `Look at what the member waits for: ${page}#a-service-that-does-not-come-up.`,
  alarm: `Clear its cause, then disarm it: ${page}#an-alarm-of-a-shard.`,
  alarmNoSpace: `Make room: \`kilonode etcd compact\` goes through it step by step; see ${page}#a-database-that-is-full.`,
  alarmCorrupt: `Make the host of that member anew by \`kilonode replace\`, then disarm the alarm: ${page}#a-member-whose-data-differs.`,
  stillFull: `Delete what is not needed, or raise \`etcd.quotaGiB\` and run \`kilonode up\`: ${page}#a-database-that-is-full.`,
  noRoom: `Make room on the volume, or make it larger: ${page}#a-database-that-is-full.`,
  downgrade:
    "Set `etcdVersion` to what they run, or ask for etcd's own downgrade by `etcd.downgradeTo`: docs/releases.md#the-way-back.",
  noSnapshot: `Have \`kilonode etcd backup\` succeed first: ${page}#backups. Where backups are only being set up, run \`kilonode up\` without the other release before.`,
  lastVoter: "Leave the shard a member in `etcd.shards`, then run `kilonode up`.",
} as const;

/** What to do about a restore that cannot go on. */
export const restoreAdvice = {
  another: `Finish that one first, or take it back with \`kilonode etcd restore <stack> --shard <shard> --abandon\`: ${page}#restore-a-shard.`,
  differing: `Take it back with \`kilonode etcd restore <stack> --shard <shard> --abandon\` and begin anew; a host that goes on telling something else is not sound: ${page}#restore-a-shard.`,
  unhealthy: `Look at the members' logs (\`kilonode logs\`); the data before is put aside on each of them: ${page}#restore-a-shard.`,
  quorum: `Start the members that are down: \`kilonode up\` does. To go back to a snapshot, use \`kilonode etcd restore\`: ${page}#restore-a-shard.`,
  noSurvivor: `No member's data is left: go back to a snapshot with \`kilonode etcd restore\`: ${page}#restore-a-shard.`,
} as const;

/** What to do about a configuration that is ahead of a move of resources, or behind it. */
export const moveAdvice = {
  notSplit: `Set \`move: served\` for the new shard again, and go on with \`kilonode etcd move\`: ${page}#move-a-resource-to-a-shard-of-its-own.`,
  split: `Take \`move\` out of the shard's configuration: what has left main does not come back: ${page}#move-a-resource-to-a-shard-of-its-own.`,
  drain: `Look at who it is (\`ss -tn sport = :2379\` on that host), end it, and run the same command again.`,
  cutShort: `Take it back with \`kilonode etcd move <stack> --shard <shard> --abandon\`, run \`kilonode up\`, and begin anew: ${page}#move-a-resource-to-a-shard-of-its-own.`,
} as const;
