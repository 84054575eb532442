/**
 * npm run bench:restore [-- --small] [--objects N]
 *
 * A shard with 100,000 objects goes back to a backup: how long each step takes, how long clients are without the API, and whether those
 * who remember what is gone (an informer, the controller manager) end where the backup was.
 */
import type { TakenShard } from "../cli/etcd/backup/backup";
import type { RestoreReport } from "../cli/etcd/restore/run";
import { Informer } from "./lib/informer";
import { machineLine } from "./lib/machine";
import { ApiPauses, create, objectsOfMain } from "./lib/objects";
import { finished, TestStack, timed } from "./lib/stack";

const given = process.argv.indexOf("--objects");
const objects = given < 0 ? 100_000 : Number(process.argv[given + 1]);
const base = process.argv.includes("--small") ? "lab-small" : "lab";
const pods = 200;
const namespaces = Array.from({ length: 10 }, (_, index) => `filled-${index}`);
const say = (line: string) => console.log(line);

/** As other programs see them that ask once and again. */
async function until(what: string, holds: () => Promise<boolean>): Promise<string> {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  for (; !(await holds()); await new Promise((resolve) => setTimeout(resolve, 1000)))
    if (performance.now() - began > 600_000) throw new Error(`${what}: not within 600 s`);
  return seconds();
}

async function main(): Promise<void> {
  say(`machine: ${machineLine()}`);
  const stack = new TestStack("restoring", base);
  try {
    stack.configure({ etcd: { backup: {} } });
    say(`up: ${(await timed(stack, "up")).seconds} s`);
    await measured(stack);
  } finally {
    await stack.run("destroy", "--yes");
    stack.remove();
  }
}

async function measured(stack: TestStack): Promise<void> {
  const kubeconfig = (await stack.run("kubeconfig")).stdout;
  const kubectl = (...words: string[]) => timed(stack, "kubectl", ...words);
  for (const namespace of namespaces) await kubectl("create", "namespace", namespace);
  const began = performance.now();
  for (const namespace of namespaces) await create(kubeconfig, namespace, objects / namespaces.length, "kept");
  say(`${objects} ConfigMaps: ${((performance.now() - began) / 1000).toFixed(0)} s`);
  await kubectl("create", "deployment", "kept", "--image=none", `--replicas=${pods}`);
  await kubectl("rollout", "status", "deployment/kept", "--timeout=600s");

  const before = await objectsOfMain(stack);
  const backup = await timed(stack, "etcd backup", "--shard", "main", "--json");
  const [taken] = JSON.parse(backup.stdout) as TakenShard[];
  say(
    `backup: ${backup.seconds} s; database ${before.mib} MiB, ${before.keys} keys; revision ${taken?.taken?.revision}`,
  );

  const [namespace = ""] = namespaces;
  const informer = new Informer(kubeconfig, `/api/v1/namespaces/${namespace}/configmaps`);
  await create(kubeconfig, namespace, 1000, "later");
  await kubectl("delete", "deployment", "kept");
  await kubectl("create", "deployment", "later", "--image=none", `--replicas=${pods}`);
  await kubectl("rollout", "status", "deployment/later", "--timeout=600s");
  await until("the informer", async () => informer.names.has("later-999"));

  const pauses = new ApiPauses(kubeconfig);
  const ran = await finished(stack.start("etcd restore", ["--shard", "main", "--yes", "--json"]));
  if (ran.code !== 0) throw new Error(`restore: exit ${ran.code}\n${ran.stdout}\n${ran.stderr}`);
  const report = JSON.parse(ran.stdout) as RestoreReport;
  const steps = report.steps.map(({ what, seconds }) => `${what} ${seconds}`).join(", ");
  say(`restore: at revision ${report.revision}; downtime ${report.downtimeSeconds} s; steps, seconds: ${steps}`);
  say(`clients were without the API for ${(await pauses.stop()).toFixed(1)} s at most`);

  const kept = (name: string) => name.startsWith("kept-") || name === "kube-root-ca.crt";
  const informed = await until("the informer", async () => [...informer.names].every(kept));
  await informer.stop();
  say(`the informer has ${informer.names.size} objects, ${informer.lists} lists; ${informed} s after`);
  const converged = await until("the deployments", async () => {
    const { stdout } = await stack.run("kubectl", "get", "deployments,pods", "-o", "name");
    const names = stdout.trim().split("\n");
    return (
      names.filter((name) => name.startsWith("pod/kept-")).length === pods &&
      !names.some((name) => name.includes("/later"))
    );
  });
  const after = await objectsOfMain(stack);
  say(`the controller manager has ${pods} pods of the old deployment, none of the new one; ${converged} s after`);
  say(`ConfigMaps: ${before.configMaps} before, ${after.configMaps} after`);
  if (before.configMaps !== after.configMaps) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
