/**
 * An issue for each thing that is looked at regularly: open while something is wrong, updated in place, closed when it is well again.
 * Usage: issue.ts WHAT STACK RESULT FILE, for instance: issue.ts drift prod-a 1 drift.md
 */
import { existsSync, readFileSync } from "node:fs";
import { gitHub, markOf, needed, ourselves } from "./github";

const [what = "", stack = "", result = "", file = ""] = process.argv.slice(2);
const isWell = result === "0" || result === "success";

async function main(): Promise<void> {
  const client = gitHub();
  const { repository } = client;
  const mark = `<!-- kilonode ${what} ${stack} -->`;
  const body = bodyOf(mark);
  const open = await client.paginate("GET /repos/{owner}/{repo}/issues", {
    ...repository,
    state: "open",
    creator: ourselves,
    per_page: 100,
  });
  const known = open.find((issue) => markOf(issue) === mark);
  if (!known && isWell) return;
  if (!known) {
    const title = `${stack}: ${what}`;
    const { data } = await client.request("POST /repos/{owner}/{repo}/issues", { ...repository, title, body });
    console.log(`opened ${data.html_url}`);
    return;
  }
  await client.request("PATCH /repos/{owner}/{repo}/issues/{issue_number}", {
    ...repository,
    issue_number: known.number,
    body,
    ...(isWell && { state: "closed", state_reason: "completed" }),
  });
  console.log(`${isWell ? "closed" : "updated"} ${known.html_url}`);
}

/** A command that broke on the way has said nothing. */
function bodyOf(mark: string): string {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (text.startsWith(`${mark}\n`)) return text;
  return `${mark}\n${text || `It ended with ${result} and said nothing: see ${runUrl()}.\n`}`;
}

function runUrl(): string {
  const [server, repository, run] = ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"].map(needed);
  return `${server}/${repository}/actions/runs/${run}`;
}

void main();
