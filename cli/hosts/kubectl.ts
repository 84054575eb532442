/** Runs kubectl against a cluster. */
import { spawn } from "node:child_process";
import type { ClusterSpec } from "../../config/cluster";
import { UserError } from "../../config/errors";
import { releasesOf } from "../../config/releases";
import { checkToolchain } from "../../toolchain/ensure";
import { onPath } from "../run/on-path";
import type { RunningCluster } from "./cluster";
import { writeKubeconfig } from "./kubeconfig";

export async function runKubectl({ checked, kubeconfig }: RunningCluster, args: readonly string[]): Promise<number> {
  const program = await findKubectl(checked.spec);
  const env = { ...process.env, KUBECONFIG: writeKubeconfig(checked.stack, "operator", kubeconfig) };
  const child = spawn(program, args, { stdio: "inherit", env });
  // Ctrl-C reaches kubectl too, which ends by itself.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return await new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (code) => resolve(code ?? 1));
  });
}

async function findKubectl(spec: ClusterSpec): Promise<string> {
  const { source, sha256 } = spec.toolchain;
  const releases = releasesOf(spec);
  const [tool] = await checkToolchain({ releases, binaries: ["kubectl"], source, sha256 }).catch(() => []);
  const found = tool && "path" in tool ? tool.path : onPath("kubectl", process.env);
  if (found) return found;
  throw new UserError(
    `there is no kubectl ${releases.kubernetes} in the toolchain's cache and none on PATH; make it with: node --import tsx toolchain/main.ts ensure --kubernetes ${releases.kubernetes} --binaries kubectl`,
  );
}
