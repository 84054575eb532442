/** What to do about what stops a whole change before any group is touched. */
export const gateAdvice = {
  movedResource:
    "Give `etcd.shards` the resources that they had. Another layout is for a new cluster: an ephemeral stack gets it by `kilonode recreate`; see docs/operations.md#a-resource-moves-to-another-shard.",
  forbiddenStep:
    "Set the release that the hosts have, or one that may follow it, then run `kilonode up`: docs/releases.md#what-is-refused.",
  secretsUnderOldKey:
    "Write them again, so that they are stored under the key that is used: `kilonode rotate` does; see docs/data-and-keys.md#another-key.",
} as const;
