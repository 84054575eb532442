/** `kilonode etcd defrag`: what was free in the databases, and what it took to give it back. */
import { type Defragmented, defaultWorth, defragment } from "../../components/rollout/etcd/defragment";
import { exitCodes, UserError } from "../../config/errors";
import { table } from "../show/table";
import { onShards } from "./shard-work";
import type { ShardOptions } from "./shards";

export interface DefragOptions extends ShardOptions {
  /** Per cent of a database that must be free. */
  readonly threshold?: string;
  readonly json?: boolean;
}

export interface DefragReport {
  readonly stack: string;
  readonly shards: readonly { readonly shard: string; readonly members: readonly Defragmented[] }[];
}

export async function defrag(stack: string, options: DefragOptions): Promise<DefragReport> {
  const worth = { ...defaultWorth, freeShare: shareOf(options.threshold) };
  const done = await onShards(stack, options, `kilonode etcd defrag ${stack}`, ({ shard, plan, progress }) =>
    defragment(shard, { ...plan, worth }, progress),
  );
  return { stack, shards: [...done].map(([shard, members]) => ({ shard, members })) };
}

function shareOf(threshold: string | undefined): number {
  if (threshold === undefined) return defaultWorth.freeShare;
  const percent = Number(threshold);
  if (Number.isInteger(percent) && percent >= 1 && percent <= 99) return percent / 100;
  throw new UserError(
    `--threshold ${threshold}: wants a whole number of per cent, 1 to 99 (default ${defaultWorth.freeShare * 100})`,
    exitCodes.badConfiguration,
  );
}

export function defragText({ shards }: DefragReport): string[] {
  const rows = shards.flatMap(({ shard, members }) =>
    members.map(({ member, beforeBytes, afterBytes, silentSeconds }) => [
      shard,
      member,
      mib(beforeBytes),
      silentSeconds === null ? "" : mib(afterBytes),
      silentSeconds === null ? "not worth a restart" : `silent for ${silentSeconds.toFixed(1)} s`,
    ]),
  );
  return table([["shard", "member", "before", "after", ""], ...rows], "  ");
}

export const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
