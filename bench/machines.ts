/**
 * npm run bench:machines [-- --small]
 *
 * The machines of all hosts of the full-size lab are changed while clients write through the load balancer: another SSH key, larger
 * volumes, another root. Requests that failed and acknowledged writes that were lost. The only load balancer is away once for another root.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machineLine } from "./lib/machine";
import { changeRoot, copyOfProject, replaceSshKey } from "./lib/other-machines";
import { project, TestStack, timed } from "./lib/stack";
import { reportLine, whileWriting } from "./lib/writer";

const base = process.argv.includes("--small") ? "lab-small" : "lab";
const say = (line: string) => console.log(line);

async function changed(stack: TestStack, what: string, namespace: string): Promise<void> {
  const { stdout: kubeconfig } = await stack.run("kubeconfig");
  let took = "";
  const work = async () => {
    took = `${(await timed(stack, "up")).seconds} s`;
  };
  await whileWriting(kubeconfig, namespace, work, (report) => {
    say(`${what}: ${took || "failed"}; ${reportLine(report)}`);
    if (report.lost.length > 0) process.exitCode = 1;
  });
}

async function main(): Promise<void> {
  say(`machine: ${machineLine()}`);
  const stack = new TestStack("machines", base);
  const scratch = mkdtempSync(join(tmpdir(), "kilonode-machines-"));
  try {
    say(`up: ${(await timed(stack, "up")).seconds} s`);
    stack.from = copyOfProject(join(scratch, "same"), stack);
    say(`another clone: ${(await timed(stack, "up", "--expect-no-changes")).seconds} s, nothing changed`);
    stack.from = project;
    replaceSshKey(stack.stateFile);
    await changed(stack, "another SSH key", "default");
    stack.configure({ etcd: { quotaGiB: 9 }, "policy:severities": { "etcd-quota": "advisory" } });
    await changed(stack, "larger volumes", "kube-public");
    stack.from = copyOfProject(join(scratch, "image"), stack);
    changeRoot(stack.from);
    await changed(stack, "another root", "kube-system");
    say(`nothing to change: ${(await timed(stack, "up", "--expect-no-changes")).seconds} s`);
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
