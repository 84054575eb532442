/** After a run that made previews: puts each in a comment of its pull request. Usage: comment.ts FOLDER (of the run's artifacts) */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { artifactsIn } from "./artifacts";
import { commentBody, isPreviewMark, outdatedBody, previewMark } from "./comment-body";
import { placeComments } from "./comments";
import { gitHub, needed } from "./github";
import { isTrusted, pullRequestsOf, runSchema } from "./pull-requests";

async function main(folder: string): Promise<void> {
  const event: unknown = JSON.parse(readFileSync(needed("GITHUB_EVENT_PATH"), "utf8"));
  const { workflow_run: run } = z.object({ workflow_run: runSchema }).parse(event);
  const client = gitHub();
  const numbers = await pullRequestsOf(client, client.repository, run);
  if (numbers.length === 0) console.log(`no open pull request has ${run.head_sha} as its head`);
  const artifacts = artifactsIn(folder, (line) => console.log(`left out: ${line}`));
  const bodies = new Map(
    artifacts.map(({ stack, text }) => [previewMark(stack), commentBody(stack, text, isTrusted(run), run.html_url)]),
  );
  // Of a run that failed, a preview may be missing because it broke.
  const complete = run.conclusion === "success";
  const outdated = (mark: string) => (complete && isPreviewMark(mark) ? outdatedBody(mark) : undefined);
  for (const issue_number of numbers) {
    const done = await placeComments(client, { ...client.repository, issue_number }, bodies, outdated);
    console.log(done.join("\n"));
  }
}

void main(process.argv[2] ?? "");
