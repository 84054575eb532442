/** Comments in a pull request: one for each mark, made once and updated in place. */
import { type GitHub, markOf, type Repository } from "./github";

export interface Thread extends Repository {
  readonly issue_number: number;
}

/**
 * @param bodies by mark, which is their first line
 * @param outdated what becomes of our other comments, by their mark; undefined: leave it
 * @returns what was done, a line each
 */
export async function placeComments(
  client: GitHub,
  thread: Thread,
  bodies: ReadonlyMap<string, string>,
  outdated: (mark: string) => string | undefined,
): Promise<string[]> {
  const known = await ourComments(client, thread);
  const wanted = new Map(bodies);
  for (const mark of known.keys()) {
    const body = wanted.get(mark) ?? outdated(mark);
    if (body !== undefined) wanted.set(mark, body);
  }
  const done: string[] = [];
  for (const [mark, body] of wanted) {
    const [first, ...more] = known.get(mark) ?? [];
    if (first === undefined) {
      const path = "POST /repos/{owner}/{repo}/issues/{issue_number}/comments";
      done.push(`made ${(await client.request(path, { ...thread, body })).data.html_url}`);
      continue;
    }
    const path = "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}";
    done.push(`updated ${(await client.request(path, { ...thread, comment_id: first, body })).data.html_url}`);
    // A creation that was repeated after an error of GitHub's may have been carried out both times.
    for (const comment_id of more)
      await client.request("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}", { ...thread, comment_id });
  }
  return done;
}

/** Ids by mark, oldest first. */
async function ourComments(client: GitHub, thread: Thread): Promise<ReadonlyMap<string, readonly number[]>> {
  const all = await client.paginate("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
    ...thread,
    per_page: 100,
  });
  const found = new Map<string, number[]>();
  for (const comment of all) {
    const mark = markOf(comment);
    if (mark !== undefined) found.set(mark, [...(found.get(mark) ?? []), comment.id]);
  }
  return found;
}
