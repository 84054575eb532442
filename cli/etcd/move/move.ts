/**
 * `kilonode etcd move`: what main holds of some resources goes to a shard of its own, while the cluster serves. Steps of the stack's file,
 * each made by an `up`, as a rotation's; between the last two of them the split, which is no content of a host but work on the shard.
 */
import { exitCodes, UserError } from "../../../config/errors";
import { agreeTo } from "../../agree";
import type { ClusterOptions } from "../../hosts/cluster";
import { reachableCluster } from "../../hosts/cluster";
import { print } from "../../output";
import { runAction } from "../../run/run";
import { checkedStack, removeKey, writeKey } from "../../stack/configuration";
import { abandonSplit, isUnderWay, splitNow } from "./apart";
import { letGo } from "./let-go";
import type { MoveOptions } from "./options";
import { type Step, stepOf, stepTexts } from "./position";

const steps: readonly Step[] = ["joined", "served", "own"];

/** @returns the exit code */
export async function move(stack: string, options: MoveOptions): Promise<number> {
  const { shard, until = "own" } = options;
  const last = steps.indexOf(until as Step);
  if (last < 0) throw new UserError(`--until ${until}: there are ${steps.join(", ")}`, exitCodes.badConfiguration);
  let step = stepOf(stack, shard);
  if (options.abandon) return abandonSplit(stack, options);
  const key = ["etcd", "shards", shard, "move"];
  if (step === "own" && (await isNew(stack, options))) {
    await agreeTo(`move: joined: ${stepTexts.joined}`, options);
    writeKey(stack, key, "joined");
    step = "joined";
  }
  for (;;) {
    // Between the split and the file that says so, `up` would be refused: the hosts are ahead of it.
    const splitting = step === "served" && (await isUnderWay(stack, options));
    if (!splitting) {
      const code = await up(stack, `${step}: ${stepTexts[step]}`, options);
      if (code !== exitCodes.done) return code;
    }
    if (step === "own") return letGo(stack, options);
    const next = steps[steps.indexOf(step) + 1]!;
    if (!splitting && steps.indexOf(next) > last) {
      print(`shard ${shard} is at "${step}". Next, by the same command: ${stepTexts[next]}\n`);
      return exitCodes.done;
    }
    if (!splitting) await agreeTo(`${next}: ${stepTexts[next]}`, options);
    if (next === "own") {
      await splitNow(stack, options);
      removeKey(stack, key);
    } else writeKey(stack, key, next);
    step = next;
  }
}

/** True: no host of the shard has been made. */
async function isNew(stack: string, { shard, ...options }: MoveOptions): Promise<boolean> {
  const { hosts, checked } = await reachableCluster(stack, options);
  const members = checked.plan.shards.find(({ name }) => name === shard)?.members ?? [];
  return !hosts.some(({ name }) => members.some((member) => member.name === name));
}

function up(stack: string, line: string, options: ClusterOptions): Promise<number> {
  process.stderr.write(`${line}\n`);
  return runAction(checkedStack(stack), "up", options);
}
