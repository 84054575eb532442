/** What this machine cannot do for a lab, as the lab's own script tells it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { labPrefix } from "../../components/platform/lab/prepare";
import { projectDir } from "../stack/project";
import type { Degradation } from "./status-types";

interface LabStatus {
  readonly degradations: readonly { readonly feature: string; readonly effect: string }[];
}

export async function labDegradations(stack: string): Promise<Degradation[]> {
  // Only root can look; the hosts tell the rest.
  if (process.getuid?.() !== 0) return [];
  const script = join(projectDir, "components/platform/lab/lab-status");
  const env = { ...process.env, PREFIX: labPrefix(stack) };
  try {
    // Exit 1 says that a host is dead, which the hosts' own answers show.
    const { stdout } = await promisify(execFile)(script, ["--json"], { env, timeout: 10_000 }).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? "" }),
    );
    return (JSON.parse(stdout) as LabStatus).degradations.map(({ feature, effect }) => ({
      what: feature,
      effect,
      hosts: [],
    }));
  } catch {
    return [
      {
        what: "lab",
        effect: "the lab on this machine cannot be looked at (components/platform/lab/lab-status)",
        hosts: [],
      },
    ];
  }
}
