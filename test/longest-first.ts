import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take minutes, longest first: begun last, one of them would run alone at the end. All others come behind them. */
export const longest = [
  "test/lab/cluster.test.ts",
  "test/lab/restore.test.ts",
  "test/lab/keys.test.ts",
  "test/lab/machines.test.ts",
  "test/lab/defrag.test.ts",
  "test/lab/backups.test.ts",
  "test/lab/rollout-etcd.test.ts",
  "test/lab/aws.test.ts",
  "test/lab/kept.test.ts",
  "test/lab/upgrade.test.ts",
  "test/lab/faults.test.ts",
  "test/lab/repair.test.ts",
  "test/lab/expired.test.ts",
  "test/lab/diagnosis.test.ts",
  "test/platform/folders.test.ts",
  "test/engine/aws-lifecycle-crash.test.ts",
  "test/engine/aws-lifecycle.test.ts",
  "test/engine/cli-run.test.ts",
  "test/engine/cli-output.test.ts",
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const index = longest.indexOf(relative(this.ctx.config.root, moduleId));
      return index < 0 ? longest.length : index;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}
