/**
 * npm run bench:authorities [-- --small] [--from COMMIT]
 *
 * The full-size lab of an older version, whose etcd shards shared their authorities, gets an authority for each by `up` alone; then every
 * authority gets another key. Clients write through the load balancer all the time: requests that failed, acknowledged writes that were lost.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterPlan } from "../components/plan/types";
import { machineLine } from "./lib/machine";
import { project, TestStack, timed } from "./lib/stack";
import { reportLine, whileWriting } from "./lib/writer";

const base = process.argv.includes("--small") ? "lab-small" : "lab";
const commit = process.argv.includes("--from") ? process.argv[process.argv.indexOf("--from") + 1]! : "f38edf1";
const say = (line: string) => console.log(line);

/** @returns the folder of the project as it was then */
function oldProject(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const archive = execFileSync("git", ["archive", commit], { cwd: project, maxBuffer: 2 ** 28 });
  execFileSync("tar", ["--extract", "--directory", folder], { input: archive });
  symlinkSync(join(project, "node_modules"), join(folder, "node_modules"));
  return folder;
}

const kubeconfigOf = async (stack: TestStack) => (await stack.run("kubeconfig")).stdout;

/** @param kubeconfig of the step before: whoever has one changes it when all has changed */
async function changed(stack: TestStack, what: string, kubeconfig: string): Promise<void> {
  const work = async () => say(`${what}: up ${(await timed(stack, "up")).seconds} s`);
  await whileWriting(kubeconfig, "default", work, (report) => {
    const [first] = report.failed;
    say(`  ${reportLine(report)}${first === undefined ? "" : ` (${first})`}`);
    if (report.lost.length > 0) process.exitCode = 1;
  });
}

async function main(): Promise<void> {
  say(`machine: ${machineLine()}`);
  const stack = new TestStack("authorities", base);
  const scratch = mkdtempSync(join(tmpdir(), "kilonode-authorities-"));
  try {
    stack.from = oldProject(join(scratch, commit));
    copyFileSync(stack.file, join(stack.from, "stacks/Pulumi.authorities.yaml"));
    say(`${commit}: up ${(await timed(stack, "up")).seconds} s`);
    const old = await kubeconfigOf(stack);
    stack.from = project;
    await changed(stack, "authorities for each shard", old);
    const { authorities: names } = await stack.json<Pick<ClusterPlan, "authorities">>("plan");
    for (const numbers of [[1, 2], [2, 1], [2]]) {
      const kubeconfig = await kubeconfigOf(stack);
      stack.configure({ keys: { authorities: Object.fromEntries(names.map((name) => [name, numbers])) } });
      await changed(stack, `keys ${numbers.join(", ")} of ${names.length} authorities`, kubeconfig);
    }
    say(`nothing to change: up ${(await timed(stack, "up", "--expect-no-changes")).seconds} s`);
  } finally {
    await stack.run("destroy", "--yes");
    stack.remove();
    rmSync(scratch, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
