import type { Reporter, TestCase, TestModule } from "vitest/node";

/** Ends a run with "N passed, N failed, N skipped", each skip with its reason. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
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

function reason(test: TestCase): string {
  const result = test.result();
  return (result.state === "skipped" && result.note) || "see its name";
}
