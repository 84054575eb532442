// `npm test [-- vitest arguments]`: all projects, ending with the count of tests and the reason of each skip.
import { spawnSync } from "node:child_process";

const { status } = spawnSync(
  "npx",
  ["vitest", "run", "--reporter=default", "--reporter=./test/count-reporter.ts", ...process.argv.slice(2)],
  { stdio: "inherit" },
);
process.exit(status ?? 1);
