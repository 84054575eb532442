/**
 * npm run bench:faults [-- --small] [--only NAME]... [--list] [--json]
 *
 * Faults of the lab's hosts, one after the other, while clients read and write through the load balancer and record what they see: how
 * long the cluster takes to serve again, which requests failed, which acknowledged writes were lost, and whether one copy of the data
 * explains every answer (porcupine). A cluster that does not get well is made again for the next fault. Exit 1: a write was lost, an
 * answer was wrong, or a cluster did not get well.
 */
import { parseArgs } from "node:util";
import type { Fault } from "./faults/fault";
import { faults } from "./faults/index";
import { type FaultReport, runFault } from "./faults/run";
import { faultLine, heading } from "./faults/table";
import { Lab } from "./lib/lab";
import { ensureChecker } from "./lib/linearizability";
import { machineLine } from "./lib/machine";
import { TestStack, timed } from "./lib/stack";

const { values } = parseArgs({
  options: {
    small: { type: "boolean" },
    only: { type: "string", multiple: true },
    list: { type: "boolean" },
    json: { type: "boolean" },
  },
});
/** While it runs: what is said goes beside the JSON, not into it. */
const say = (line: string) => (values.json ? console.error(line) : console.log(line));

/** Every shard survives the loss of a zone, on as few hosts as that takes. */
const shards = {
  main: { members: 3 },
  events: { members: 3, resources: ["/events"] },
  leases: { members: 3, resources: ["coordination.k8s.io/leases"] },
};

/** In the order in which they were asked for. */
function chosen(): readonly Fault[] {
  return values.only?.map(byName) ?? faults;
}

function byName(name: string): Fault {
  const fault = faults.find((one) => one.name === name);
  if (fault) return fault;
  throw new Error(`no fault is called ${name}; there are ${faults.map((one) => one.name).join(", ")}`);
}

const failed = ({ lost, verdict, wrong }: FaultReport) =>
  lost?.length !== 0 || wrong.length > 0 || verdict !== "linearizable";

async function main(): Promise<void> {
  const wanted = chosen();
  if (values.list) return console.log(wanted.map(({ name, what }) => `${name}: ${what}`).join("\n"));
  say(`machine: ${machineLine()}`);
  await ensureChecker();
  const stack = new TestStack("faults", values.small ? "lab-small" : "lab");
  if (values.small) stack.configure({ etcd: { shards } });
  const reports: FaultReport[] = [];
  /** Of faults that came to no report. */
  const broken: string[] = [];
  try {
    say(`up: ${(await timed(stack, "up")).seconds} s`);
    say(heading);
    for (const fault of wanted) {
      // One that cannot be brought about takes none of the others with it.
      const report = await runFault(await Lab.of(stack), fault).catch((error: Error) => error);
      if (report instanceof Error) {
        broken.push(fault.name);
        say(`${fault.name}: no report: ${report.message}`);
      } else {
        reports.push(report);
        for (const line of faultLine(report)) say(line);
      }
      if (report instanceof Error || report.wrong.length > 0) await timed(stack, "recreate", "--yes");
    }
  } finally {
    if (values.json) console.log(JSON.stringify(reports, null, 1));
    await stack.run("destroy", "--yes");
    stack.remove();
  }
  if (reports.some(failed) || broken.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
