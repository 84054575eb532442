/** What a crash has left on this machine that is in no state: an `up` that was killed while it made its first resources. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { labPrefix } from "../../components/platform/lab/prepare";
import type { ClusterSpec } from "../../config/cluster";
import { projectDir } from "../stack/project";

/** After a complete destroy of an ephemeral lab: removes everything that still carries its prefix. */
export async function sweep(spec: ClusterSpec): Promise<void> {
  if (spec.platform !== "lab" || !spec.ephemeral || process.getuid?.() !== 0) return;
  await promisify(execFile)(join(projectDir, "components/platform/lab/lab-clean"), ["--prefix", labPrefix(spec.stack)]);
}
