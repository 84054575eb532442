/**
 * A cluster as its users see it, followed through every operation: which voters of each shard answer, which masters serve. What must never be
 * is looked for after each of them. Plain functions on plain data; nothing of the program, of an engine, or of a provider.
 */

/** What is seen at one moment. */
export interface Sight {
  /** By shard: its voters, and which of them answer. */
  readonly shards: Readonly<Record<string, { readonly voters: readonly string[]; readonly up: readonly string[] }>>;
  /** Masters that serve. */
  readonly masters: readonly string[];
}

/** An operation that is about to take effect, or that has. */
export interface Operation {
  readonly verb: string;
  readonly type: string;
  readonly name: string;
  /** Of a volume: a member has its data there. Of an instance: what of the cluster runs on it. */
  readonly holds?: readonly string[];
}

export interface Rules {
  /** True: the whole cluster is being removed, or its stack says that its data is not needed. */
  readonly ends: boolean;
  readonly ephemeral: boolean;
  /** Masters that may be away at once. */
  readonly spareMasters: number;
}

export interface Cluster {
  /** By shard, the voters that were once up all together. */
  readonly whole: Readonly<Record<string, readonly string[]>>;
  /** Masters that have once served. */
  readonly served: readonly string[];
}

export const unborn: Cluster = { whole: {}, served: [] };

/** What the cluster has come to. */
export function after({ served, whole }: Cluster, { masters, shards }: Sight): Cluster {
  const now = Object.entries(shards).flatMap(([name, { up, voters }]) =>
    up.length === voters.length || name in whole ? [[name, voters] as const] : [],
  );
  return {
    whole: { ...whole, ...Object.fromEntries(now) },
    served: [...new Set([...served, ...masters])],
  };
}

/** What must not be, of what is seen; empty when all is well. */
export function violations(
  { served, whole }: Cluster,
  { masters, shards }: Sight,
  { ends, spareMasters }: Rules,
): string[] {
  if (ends) return [];
  const away = Object.keys(whole).flatMap((name) => {
    const { up = [], voters = [] } = shards[name] ?? {};
    const missing = voters.filter((voter) => !up.includes(voter));
    return [
      ...(missing.length > 1 ? [`${missing.length} voters of ${name} are away at once: ${missing.join(", ")}`] : []),
      // The only voter of its shard restarts with it: its clients wait.
      ...(voters.length > 1 && up.length <= voters.length / 2
        ? [`${name} has no quorum: ${up.length} of ${voters.length}`]
        : []),
    ];
  });
  const idle = served.filter((name) => !masters.includes(name));
  const quorum = Object.values(shards).every(({ up, voters }) => up.length > voters.length / 2);
  // Without its only voter a shard serves nobody, and no master is ready: that is the shard's, not theirs.
  const tooMany = quorum && idle.length > spareMasters;
  return tooMany ? [...away, `${idle.length} masters are away at once: ${idle.join(", ")}`] : away;
}

/** What an operation must not do, before it does. */
export function forbidden({ holds = [], name, type, verb }: Operation, { ends, ephemeral }: Rules): string[] {
  if (verb !== "delete") return [];
  if (type.endsWith(":Volume") && holds.length > 0 && !ephemeral)
    return [`volume ${name} is deleted with the data of ${holds.join(", ")}`];
  if (type.endsWith(":Instance") && holds.length > 0 && !ends)
    return [`instance ${name} is deleted while it runs ${holds.join(", ")}: it had no turn`];
  return [];
}
