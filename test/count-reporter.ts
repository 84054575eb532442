import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Of files that a run names as the slowest: what to look at when it takes too long. */
const slowest = 12;

/** Ends a run with "N passed, N failed, N skipped", each skip with its reason, and before them the files that took the longest. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    for (const { relativeModuleId, seconds } of longest(modules)) console.log(`took ${seconds} s: ${relativeModuleId}`);
    const of = (state: string) => tests.filter((test) => test.result().state === state);
    const skipped = of("skipped");
    for (const test of skipped) console.log(`skipped: ${test.fullName}: ${reason(test)}`);
    // A file that could not be loaded has no tests that could fail.
    const broken = modules.filter(
      (module) =>
        module.state() === "failed" &&
        [...module.children.allTests()].every((test) => test.result().state !== "failed"),
    );
    for (const module of broken) console.log(`failed: ${module.relativeModuleId}`);
    console.log(
      `${of("passed").length} passed, ${of("failed").length + broken.length} failed, ${skipped.length} skipped`,
    );
  }
}

function longest(modules: readonly TestModule[]) {
  const timed = modules.map((module) => ({
    relativeModuleId: module.relativeModuleId,
    seconds: Math.round(module.diagnostic().duration / 1000),
  }));
  return timed.sort((a, b) => b.seconds - a.seconds).slice(0, slowest);
}

function reason(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" && result.note) || "see its name";
}
