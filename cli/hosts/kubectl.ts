/** Runs kubectl against a cluster. */
import { spawn } from "node:child_process";
import { UserError } from "../../config/errors";
import { checkToolchain } from "../../toolchain/ensure";
import { onPath } from "../run/engine";
import type { RunningCluster } from "./cluster";
import { writeKubeconfig } from "./kubeconfig";

export async function runKubectl({ checked, kubeconfig }: RunningCluster, args: readonly string[]): Promise<number> {
  const program = await findKubectl(checked.spec.toolchain);
  const env = { ...process.env, KUBECONFIG: writeKubeconfig(checked.stack, kubeconfig) };
  const child = spawn(program, args, { stdio: "inherit", env });
  // Ctrl-C reaches kubectl too, which ends by itself.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return await new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (code) => resolve(code ?? 1));
  });
}

async function findKubectl(toolchain: RunningCluster["checked"]["spec"]["toolchain"]): Promise<string> {
  const { source, sha256 } = toolchain;
  const [tool] = await checkToolchain({ binaries: ["kubectl"], source, sha256 }).catch(() => []);
  const found = tool && "path" in tool ? tool.path : onPath("kubectl", process.env);
  if (found) return found;
  throw new UserError(
    "there is no kubectl in the toolchain's cache and none on PATH; make it with: node --import tsx toolchain/main.ts ensure --binaries kubectl",
  );
}
