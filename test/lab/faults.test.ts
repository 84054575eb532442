/** A small cluster under faults while clients record what they see: nothing that was acknowledged is lost, and no answer is stale. */
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Fault } from "../../bench/faults/fault";
import { apiServerFrozen, leaderFrozen } from "../../bench/faults/frozen";
import { memberCutOff } from "../../bench/faults/network";
import { runFault } from "../../bench/faults/run";
import { isWrite, type Operation, shared } from "../../bench/lib/history";
import { Lab } from "../../bench/lib/lab";
import { ensureChecker, judge } from "../../bench/lib/linearizability";
import { Recorder } from "../../bench/lib/recorder";
import { TestStack, timed } from "../../bench/lib/stack";
import { nightly } from "../support/nightly";
import { inLab, onRoot } from "./support/lab";

const stack = new TestStack("frozen");
const clean = () => execFileSync("components/platform/lab/lab-clean", ["--prefix", "kn-frozen"], { stdio: "inherit" });
let lab: Lab;

inLab("a cluster under a fault", () => {
  beforeAll(async () => {
    clean();
    await ensureChecker();
    await timed(stack, "up");
    lab = await Lab.of(stack);
  });
  afterAll(async () => {
    await stack.run("destroy", "--yes");
    clean();
    stack.remove();
  });

  async function holdsUnder(fault: Fault): Promise<void> {
    const report = await runFault(lab, fault);
    const { acknowledged, after, during, lost, text, verdict, wrong } = report;
    console.log(`${fault.name}: ${JSON.stringify({ acknowledged, during, after, hit: report.hit })}`);
    expect({ lost, text, verdict, wrong }).toEqual({
      lost: [],
      text: expect.stringMatching(/^linearizable: \d+ operations on \d+ keys/),
      verdict: "linearizable",
      wrong: [],
    });
    expect(acknowledged).toBeGreaterThan(500);
    // While it lasts, and not because it ends.
    expect(during.quietAfterSeconds).toBeDefined();
  }
  const titleOf = ({ name, what }: Fault) => `${name}: ${what}`;
  it(titleOf(leaderFrozen), () => holdsUnder(leaderFrozen));
  for (const fault of [memberCutOff, apiServerFrozen]) nightly(titleOf(fault), () => holdsUnder(fault));

  it("would be found out by a single stale read, and by a single lost write, in what clients have seen", async () => {
    const recorder = new Recorder((await stack.run("kubeconfig")).stdout);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const operations = await recorder.stop();
    expect((await judge(operations)).verdict).toBe("linearizable");
    const [old, next] = twoOfOneKey(operations);
    const stale: Operation = { ...old, worker: 99, kind: "get", call: next.return + 1, return: next.return + 2 };
    const found = await judge([...operations, stale]);
    expect(found.verdict).toBe("not linearizable");
    expect(found.text).toMatch(new RegExp(`^> .* worker 99: get ${old.value} ok version ${old.version}$`, "m"));
    expect((await judge(operations.filter((one) => one !== next))).verdict).toBe("not linearizable");
  });
});

it.runIf(onRoot)("the wall clock of a running program can be put ahead, and right again", async () => {
  const child = spawn("python3", ["-uc", "import time\nfor _ in open(0): print(time.time())"]);
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ahead = async () => {
    child.stdin.write("\n");
    return Math.round(Number((await answers.next()).value) - Date.now() / 1000);
  };
  const skew = (seconds: number) => execFileSync("bench/faults/skew-clock", [String(child.pid), String(seconds)]);
  expect(await ahead()).toBeCloseTo(0, -1);
  skew(3600);
  expect(await ahead()).toBeCloseTo(3600, -1);
  skew(-86_400);
  expect(await ahead()).toBeCloseTo(-86_400, -1);
  skew(0);
  expect(await ahead()).toBeCloseTo(0, -1);
  child.kill();
});

/** Two writes of a shared key, of which the second follows the first, with a value that somebody has read. */
function twoOfOneKey(operations: readonly Operation[]): [Operation, Operation] {
  const writes = operations.filter((one) => isWrite(one) && one.result === "ok" && one.key?.startsWith(shared));
  for (const next of writes.filter(({ kind }) => kind === "update")) {
    const old = writes.find(({ key, version }) => key === next.key && version === next.ifVersion);
    const read = operations.some(({ kind, value }) => kind === "get" && value === next.value);
    if (old && read) return [old, next];
  }
  throw new Error("no update of a shared key was read");
}
