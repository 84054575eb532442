// zizmor, which knows how workflows are attacked, installed once for each list of requirements, by its sum, and never in the system.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const requirements = join(import.meta.dirname, "requirements.txt");
const sum = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 16);
const folder = `node_modules/.cache/zizmor-${sum}`;
if (!existsSync(folder)) {
  const unfinished = `${folder}.${process.pid}`;
  const pip = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--requirement", requirements];
  try {
    execFileSync("python3", ["-m", "venv", unfinished], { stdio: "inherit" });
    execFileSync(join(unfinished, "bin/pip"), pip, { stdio: "inherit" });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}
// Without a network.
const args = ["--offline", "--no-progress", "--quiet", ".github"];
const { status } = spawnSync(join(folder, "bin/zizmor"), args, { stdio: "inherit" });
process.exit(status ?? 1);
