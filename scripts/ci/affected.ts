/** For a pull request: the stacks whose preview it may change, for the jobs that make them. Usage: affected.ts BASE HEAD */
import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { stackNames } from "../../cli/stack/project";
import { affectedStacks, withCredentials } from "./affected-stacks";

const [base = "", head = ""] = process.argv.slice(2);
const changed = execFileSync("git", ["diff", "--name-only", "--no-renames", "-z", `${base}...${head}`, "--"], {
  encoding: "utf8",
  maxBuffer: 2 ** 28,
});
const stacks = affectedStacks(changed.split("\0").filter(Boolean), stackNames());
const { real, rehearsed } = withCredentials(stacks, process.env.STACKS_WITH_CREDENTIALS);
console.log(`with credentials: ${real.join(", ") || "none"}; rehearsed: ${rehearsed.join(", ") || "none"}`);
const outputs = { real, rehearsed };
for (const [name, value] of Object.entries(outputs))
  appendFileSync(process.env.GITHUB_OUTPUT ?? "/dev/stdout", `${name}=${JSON.stringify(value)}\n`);
