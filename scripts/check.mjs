// `npm run check`: every check runs, then the failed ones are named (as kind's verify-all.sh does).
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { pythonFiles, shellFiles } from "./host-programs.mjs";

const shell = shellFiles();
const python = pythonFiles();
const workflows = readdirSync(".github/workflows").map((name) => resolve(".github/workflows", name));
// Where a program finds its package on a host.
process.env.MYPYPATH = "components/machine/files/usr/local/lib/kilonode";
const checks = [
  ["format and lint", "npx", ["biome", "check", "."]],
  ["types", "npx", ["tsc", "-p", ".", "--noEmit"]],
  ["shellcheck", "shellcheck", ["-x", ...shell]],
  ["shfmt", "shfmt", ["-d", "-i", "2", "-ci", ...shell]],
  // With shellcheck for the commands in them.
  ["workflows", "go", ["-C", "scripts/go-tools", "tool", "actionlint", ...workflows]],
  ["workflows' security", process.execPath, ["scripts/zizmor/run.mjs"]],
  [
    "python",
    "python3",
    [
      "-W",
      "error",
      "-c",
      "import pathlib, sys\nfor path in sys.argv[1:]: compile(pathlib.Path(path).read_text(), path, 'exec')",
      ...python,
    ],
  ],
  // A program without an ending is a module of its own name: one run can check them all.
  [
    "python types",
    "mypy",
    [
      "--strict",
      "--scripts-are-modules",
      "--python-version",
      "3.9",
      "--cache-dir",
      "node_modules/.cache/mypy",
      ...python,
    ],
  ],
];

const failed = [];
for (const [name, command, args] of checks) {
  const started = Date.now();
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (error?.code === "ENOENT") console.error(`${command} is not installed; on Debian: apt-get install ${command}`);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exit(1);
}
