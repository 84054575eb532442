/** One fault under the recording clients, from before it until the cluster is well again. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asLines, lostWrites, type Operation, type Stretch, stretch } from "../lib/history";
import type { Lab } from "../lib/lab";
import { judge, type Verdict } from "../lib/linearizability";
import { Recorder } from "../lib/recorder";
import type { Aimed, Fault } from "./fault";

export interface FaultReport extends Verdict {
  readonly fault: string;
  readonly what: string;
  readonly ridesThrough: boolean;
  readonly hit: string;
  /** What `kilonode status` said at its end. */
  readonly noticed: readonly string[];
  readonly before: Stretch;
  readonly during: Stretch;
  /** From the healing on. */
  readonly after: Stretch;
  readonly heldSeconds: number;
  /** From the beginning of the healing until `kilonode status` finds nothing wrong; absent: it did not come to that. */
  readonly healthySeconds?: number;
  /** What is still wrong then. */
  readonly wrong: readonly string[];
  readonly acknowledged: number;
  /** Absent: at the end nobody could be asked. */
  readonly lost?: readonly string[];
  /** Where the history is kept, when it is worth reading. */
  readonly history?: string;
}

/** Before and after, so that there is something to compare with. */
const QUIET_SECONDS = 10;
const HEALTHY_WITHIN_MS = 600_000;

interface Times {
  readonly injected: number;
  readonly healed: number;
  readonly healthy: number;
}

type Seen = Pick<FaultReport, "noticed" | "wrong"> & Times;

const pause = (seconds: number) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000));

/** @throws when the cluster is not well before it */
export async function runFault(lab: Lab, fault: Fault): Promise<FaultReport> {
  // What the one before has left, or a machine that is too busy to be asked.
  const before = await lab.healthy(HEALTHY_WITHIN_MS);
  if (before.length > 0) throw new Error(`${fault.name} was not tried, the cluster is not well: ${before.join("; ")}`);
  const aimed = await fault.aim(lab);
  const recorder = new Recorder((await lab.stack.run("kubeconfig")).stdout);
  let seen: Seen;
  let operations: readonly Operation[];
  try {
    seen = await suffer(lab, fault.seconds, aimed, recorder);
  } finally {
    operations = await recorder.stop();
  }
  return report(fault, aimed.hit, seen, operations, await judge(operations));
}

async function suffer(lab: Lab, seconds: number, { heal, inject }: Aimed, recorder: Recorder): Promise<Seen> {
  await pause(QUIET_SECONDS);
  const injected = recorder.now();
  let noticed: readonly string[];
  let healed: number;
  try {
    await inject();
    await pause(seconds);
    noticed = await lab.noticed();
  } finally {
    healed = recorder.now();
    await heal();
  }
  const wrong = await lab.healthy(HEALTHY_WITHIN_MS);
  const healthy = recorder.now();
  await pause(QUIET_SECONDS);
  return { noticed, wrong, injected, healed, healthy };
}

function report(
  fault: Fault,
  hit: string,
  seen: Seen,
  operations: readonly Operation[],
  verdict: Verdict,
): FaultReport {
  const { injected, healed, healthy, ...told } = seen;
  const well = seen.wrong.length === 0;
  const lost = lostWrites(operations);
  const { name, what, ridesThrough } = fault;
  return {
    fault: name,
    what,
    ridesThrough,
    hit,
    ...told,
    before: stretch(operations, 0, injected),
    during: stretch(operations, injected, healed),
    after: stretch(operations, healed, Number.MAX_SAFE_INTEGER),
    heldSeconds: (healed - injected) / 1e6,
    ...(well && { healthySeconds: (healthy - healed) / 1e6 }),
    acknowledged: operations.filter(({ result }) => result === "ok").length,
    ...(lost && { lost }),
    ...verdict,
    ...((lost?.length !== 0 || verdict.verdict !== "linearizable") && { history: keep(operations) }),
  };
}

function keep(operations: readonly Operation[]): string {
  const file = join(mkdtempSync(join(tmpdir(), "kilonode-fault-")), "history.jsonl");
  writeFileSync(file, asLines(operations));
  return file;
}
