/**
 * npm run bench:lab-up [-- --small | --no-growth]
 *
 * A full-size `up` in the lab (cached binaries) against a bare start of the same processes, in one run; resources, memory,
 * seconds of each phase; the second `up`; and the growth from a small cluster to the full size. Bounded: four runs.
 */

import { bareSeconds } from "./lib/bare";
import { machineLine, memoryWatch } from "./lib/machine";
import { TestStack } from "./lib/stack";

interface Report {
  result: string;
  durationMs: number;
  changes: Record<string, number>;
  phases: { name: string; durationMs: number }[];
}

interface Outputs {
  hosts: { name: string; role: string; address: string }[];
}

const small = process.argv.includes("--small");
const withGrowth = !small && !process.argv.includes("--no-growth");
const say = (line: string) => console.log(line);
const seconds = (ms: number) => (ms / 1000).toFixed(1);

async function up(stack: TestStack): Promise<Report> {
  const report = await stack.json<Report>("up");
  if (report.result !== "succeeded") throw new Error(`up ${report.result}: ${JSON.stringify(report, null, 1)}`);
  return report;
}

async function main(): Promise<void> {
  say(`machine: ${machineLine()}`);
  const stack = new TestStack("bench", small ? "lab-small" : "lab");
  try {
    const memory = memoryWatch();
    const first = await up(stack);
    const peakMiB = memory.stop();
    const outputs = await stack.json<Outputs>("outputs");
    const controlPlane = outputs.hosts.filter(({ role }) => role === "etcd" || role === "master");
    const resources = Object.values(first.changes).reduce((sum, count) => sum + count, 0);
    say(
      `up: ${seconds(first.durationMs)} s, ${resources} resources (${(resources / controlPlane.length).toFixed(1)} a control-plane host), at most ${peakMiB} MiB`,
    );
    for (const { name, durationMs } of first.phases) say(`  ${name.padEnd(28)} ${seconds(durationMs).padStart(6)} s`);
    const again = await up(stack);
    say(`second up, nothing to change: ${seconds(again.durationMs)} s`);
    const preview = await stack.json<Report>("preview");
    say(`preview, nothing to change: ${seconds(preview.durationMs)} s`);

    const masters = outputs.hosts.filter(({ role }) => role === "master").map(({ address }) => address);
    const bare = await bareSeconds(stack.stateFile, (await stack.run("kubeconfig")).stdout, masters);
    say(`bare start of the same processes, until the last API server is ready: ${bare.toFixed(1)} s`);
    say(`ratio: ${(first.durationMs / 1000 / bare).toFixed(2)} x (mark: at most 1.5 x)`);

    const destroyed = performance.now();
    await stack.run("destroy", "--yes");
    say(`destroy: ${seconds(performance.now() - destroyed)} s`);
    if (withGrowth) await growth();
  } finally {
    await stack.run("destroy", "--yes");
    stack.remove();
  }
}

/** From 5 etcd hosts and 3 masters to 17 and 11, one learner at a time in each shard. */
async function growth(): Promise<void> {
  const stack = new TestStack("grow", "lab-small");
  try {
    const before = await up(stack);
    stack.configure({
      masters: { count: 11 },
      etcd: {
        shards: {
          main: { members: 7 },
          events: { members: 5, resources: ["/events"] },
          leases: { members: 5, resources: ["coordination.k8s.io/leases"] },
        },
      },
    });
    const after = await up(stack);
    say(`5 + 3 hosts: up ${seconds(before.durationMs)} s; growth to 17 + 11 hosts: ${seconds(after.durationMs)} s`);
  } finally {
    await stack.run("destroy", "--yes");
    stack.remove();
  }
}

void main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
