/**
 * npm run bench:rolling-change [-- --small]
 *
 * A change that restarts every etcd member and every API server of the full-size lab, while clients write through the load balancer:
 * requests that failed, acknowledged writes that were lost, leaders that went without a hand-over. Then destroy and recreate.
 */
import { machineLine } from "./lib/machine";
import { TestStack, timed } from "./lib/stack";
import { Writer } from "./lib/writer";

const small = process.argv.includes("--small");
const say = (line: string) => console.log(line);
const count = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].length;

async function main(): Promise<void> {
  say(`machine: ${machineLine()}`);
  const base = small ? "lab-small" : "lab";
  const stack = new TestStack("rolling", base);
  try {
    say(`up: ${(await timed(stack, "up")).seconds} s`);
    stack.configure({ etcd: { snapshotCount: 20_000 }, masters: { flags: { apiserver: { "audit-log-maxage": 7 } } } });
    const writer = new Writer((await stack.run("kubeconfig")).stdout, "default");
    const up = await timed(stack, "up");
    const { acknowledged, failed, lost, slowestMs, connections } = await writer.stop();
    const log = `${up.stdout}\n${up.stderr}`;
    say(
      `rolling change: ${up.seconds} s; ${count(log, /done: restart \S*etcd-/g)} etcd members and ${count(log, /changing \S*master-\d+ with a restart/g)} masters, ${count(log, /done: hand leadership/g)} hand-overs of leadership`,
    );
    say(
      `writes: ${acknowledged} acknowledged over ${connections} connections, ${failed.length} failed, ${lost.length} lost; slowest ${slowestMs} ms`,
    );
    for (const line of failed) say(`  ${line}`);
    for (const line of log.split("\n").filter((text) => text.includes("not held"))) say(`  ${line}`);
    const recreate = await timed(stack, "recreate", "--yes");
    say(`destroy and recreate: ${recreate.seconds} s`);
    if (failed.length + lost.length > 0) process.exitCode = 1;
  } finally {
    await stack.run("destroy", "--yes");
    stack.remove();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
