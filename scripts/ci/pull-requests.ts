/** The pull requests that a run was of. */
import { z } from "zod";
import type { GitHub, Repository } from "./github";

/** What GitHub says of the run, in the event: nothing of it comes from the run itself. */
export const runSchema = z.object({
  conclusion: z.string().nullable(),
  event: z.string(),
  head_branch: z.string(),
  head_sha: z.string().regex(/^[0-9a-f]{40}$/),
  head_repository: z.object({ id: z.number(), owner: z.object({ login: z.string() }) }),
  html_url: z.url(),
  repository: z.object({ id: z.number() }),
});
export type WorkflowRun = z.infer<typeof runSchema>;

/**
 * The event names none for a fork (https://github.com/github/docs/issues/22501), and a number in an artifact may be anybody's: so GitHub is
 * asked which open ones have this commit of this repository as their head. Empty: it is closed, or a later run is of its newer commit.
 */
export async function pullRequestsOf(client: GitHub, repository: Repository, run: WorkflowRun): Promise<number[]> {
  if (run.event !== "pull_request") return [];
  const open = await client.paginate("GET /repos/{owner}/{repo}/pulls", {
    ...repository,
    state: "open",
    head: `${run.head_repository.owner.login}:${run.head_branch}`,
    per_page: 100,
  });
  return open
    .filter(({ head }) => head.sha === run.head_sha && head.repo?.id === run.head_repository.id)
    .map(({ number }) => number);
}

/** Who can push to the repository may write comments anyhow. */
export const isTrusted = ({ head_repository: head, repository }: WorkflowRun) => head.id === repository.id;
