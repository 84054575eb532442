/** What to do about what stops a whole change before any group is touched. */
export const gateAdvice = {
  movedResource:
    "Give `etcd.shards` the resources that they had. What main holds goes to a shard of its own by `kilonode etcd move`: docs/operations.md#move-a-resource-to-a-shard-of-its-own.",
  forbiddenStep:
    "Set the release that the hosts have, or one that may follow it, then run `kilonode up`: docs/releases.md#what-is-refused.",
  secretsUnderOldKey:
    "Write them again, so that they are stored under the key that is used: `kilonode rotate` does; see docs/data-and-keys.md#another-key.",
} as const;
