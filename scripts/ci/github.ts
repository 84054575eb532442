/** GitHub's API. Kept plugins turn pages, wait as long as a limit asks for, and repeat what failed on GitHub's side. */
import { Octokit } from "@octokit/core";
import { paginateRest } from "@octokit/plugin-paginate-rest";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";

const Client = Octokit.plugin(paginateRest, retry, throttling);
export type GitHub = InstanceType<typeof Client>;

export interface Repository {
  readonly owner: string;
  readonly repo: string;
}

/** Who writes with a job's own token. Nobody else can: a name in brackets is no user's. */
export const ourselves = "github-actions[bot]";

/** GitHub refuses longer bodies (422). */
export const longestBody = 65_536;

const tries = 4;

export function gitHub(): GitHub & { readonly repository: Repository } {
  const again = (_seconds: number, _request: object, _client: object, before: number) => before < tries - 1;
  const client = new Client({
    auth: needed("GITHUB_TOKEN"),
    baseUrl: needed("GITHUB_API_URL"),
    throttle: { onRateLimit: again, onSecondaryRateLimit: again },
    retry: { retries: tries - 1 },
  });
  const [owner = "", repo = ""] = needed("GITHUB_REPOSITORY").split("/");
  return Object.assign(client, { repository: { owner, repo } });
}

export function needed(name: string): string {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set; a job of GitHub Actions has it`);
}

/** @returns the first line of a text of ours, which nobody sees and by which it is found again; undefined for anybody else's, whatever it says */
export function markOf(text: {
  readonly body?: string | null | undefined;
  readonly user?: { readonly login: string } | null;
}): string | undefined {
  if (text.user?.login !== ourselves) return undefined;
  return /^<!-- kilonode [^\r\n]* -->(?=\r?\n|$)/.exec(text.body ?? "")?.[0];
}
