/** `kilonode etcd drill`: proves that the latest snapshots can be restored, beside the cluster and without touching it. */
import type { Style } from "../../show/style";
import { table } from "../../show/table";
import { duration } from "../../show/terminal";
import { type Drilled, drilled } from "./answers";
import { type ShardHosts, workOfBest } from "./members";

export interface DrilledShard extends Partial<Drilled> {
  readonly shard: string;
  readonly passed: boolean;
  readonly member?: string;
  /** Why it could not be restored. */
  readonly error?: string;
}

/** @param fresh whether another snapshot is taken where the live shard has forgotten the revision of the latest one */
export async function drillShards(
  shards: readonly ShardHosts[],
  fresh: boolean,
  say: (line: string) => void,
): Promise<DrilledShard[]> {
  const done: DrilledShard[] = [];
  for (const shard of shards) done.push(await drillShard(shard, fresh, say));
  return done;
}

async function drillShard(shard: ShardHosts, fresh: boolean, say: (line: string) => void): Promise<DrilledShard> {
  const { member, ...worked } = await workOfBest(shard, ["drill", ...(fresh ? ["--fresh"] : [])], drilled, say);
  const of = { shard: shard.shard.name, ...(member !== undefined && { member }) };
  return "error" in worked ? { ...of, passed: false, error: worked.error } : { ...of, ...worked.answer };
}

export function drillText(shards: readonly DrilledShard[], style: Style): string[] {
  const head = ["etcd", "", "snapshot", "age", "restored in", "keys", "resources", "manifest", "live shard"];
  const problems = shards.flatMap(({ shard, error, differences = [], live }) =>
    [...(error === undefined ? [] : [error]), ...differences, ...(live?.differences ?? [])].map(
      (line) => `  etcd ${shard}: ${line}`,
    ),
  );
  return [
    ...table([head, ...shards.map((shard) => row(shard, style))]),
    ...(problems.length > 0 ? ["", style.red("The drill failed:"), ...problems] : []),
  ];
}

function row(
  { shard, passed, snapshot, ageSeconds, seconds, keys, resources, differences, live }: DrilledShard,
  style: Style,
) {
  const verdict = passed ? style.green("ok") : style.red("FAILED");
  if (!snapshot || !seconds || !live) return [shard, verdict, "not restored"];
  const restored = seconds.fetch + seconds.restore + seconds.start;
  return [
    shard,
    verdict,
    snapshot.id.slice(0, 8),
    duration((ageSeconds ?? 0) * 1000),
    duration(restored * 1000),
    keys ?? 0,
    resources ?? 0,
    differences?.length === 0 ? "same" : style.red("differs"),
    live.result === "not compared"
      ? `not compared: ${live.why}`
      : live.result === "same"
        ? "same"
        : style.red("differs"),
  ];
}
