/** The workflows' scripts as jobs run them, against a GitHub on the loopback address. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { badGateway, FakeGitHub, secondaryLimit } from "../support/github";

const run = promisify(execFile);
const sha = "0123456789abcdef0123456789abcdef01234567";
const bot = "github-actions[bot]";
const mark = "<!-- kilonode preview prod-a -->";

let github: FakeGitHub;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "kilonode-workflows-"));
  github = new FakeGitHub();
  await github.start();
});
afterEach(() => {
  github.stop();
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** @returns what the script has printed */
async function script(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const environment = { PATH: process.env.PATH, HOME: folder, ...github.environment, ...env };
  const words = ["--import", "tsx", resolve("scripts/ci", name), ...args];
  return (await run(process.execPath, words, { env: environment })).stdout;
}

interface From {
  readonly owner?: string;
  readonly repositoryId?: number;
  readonly sha?: string;
  readonly conclusion?: string;
}

/** After a run of the pull request whose branch is `change`, by default of the repository itself. */
function comment(previews: Readonly<Record<string, string>>, from: From = {}): Promise<string> {
  const { conclusion = "success", owner = "acme", repositoryId = 1 } = from;
  const workflow_run = {
    event: "pull_request",
    conclusion,
    head_branch: "change",
    head_sha: from.sha ?? sha,
    head_repository: { id: repositoryId, owner: { login: owner } },
    html_url: "https://github.example/runs/77",
    repository: { id: 1 },
    pull_requests: [],
  };
  mkdirSync(join(folder, "previews"), { recursive: true });
  for (const [stack, text] of Object.entries(previews)) file(`previews/preview-${stack}/comment.md`, text);
  const event = file("event.json", JSON.stringify({ action: "completed", workflow_run }));
  return script("comment.ts", [join(folder, "previews")], { GITHUB_EVENT_PATH: event });
}

const ours = { number: 7, state: "open", from: "acme:change", repositoryId: 1, sha } as const;
const bodies = (number = 7) => (github.comments.get(number) ?? []).map(({ login, body }) => [login, body]);

describe("comments", () => {
  test("one a stack is made, and found and updated in place after a hundred others", async () => {
    github.pulls.push(ours);
    expect(await comment({ "prod-a": `${mark}\nfirst\n` })).toBe("made https://github.example/texts/1001\n");
    for (let more = 0; more < 230; more++) github.says(7, "somebody", `${more}`);
    // In front of ours.
    github.comments.get(7)?.reverse();
    expect(await comment({ "prod-a": `${mark}\nsecond\n` })).toBe("updated https://github.example/texts/1001\n");
    const texts = bodies();
    expect(texts).toHaveLength(231);
    expect(texts[230]).toEqual([bot, `${mark}\nsecond\n`]);
    const writes = github.requests.filter((request) => !request.startsWith("GET"));
    expect(writes).toEqual([
      "POST /repos/acme/kilonode/issues/7/comments",
      "PATCH /repos/acme/kilonode/issues/comments/1001",
    ]);
    expect(
      github.requests.filter((request) => request.endsWith("GET /repos/acme/kilonode/issues/7/comments")),
    ).toHaveLength(4);
  });

  test("of somebody else with our mark is left alone", async () => {
    github.pulls.push(ours);
    github.says(7, "somebody", `${mark}\nnothing changes\n`);
    await comment({ "prod-a": `${mark}\ntrue\n` });
    expect(bodies()).toEqual([
      ["somebody", `${mark}\nnothing changes\n`],
      [bot, `${mark}\ntrue\n`],
    ]);
  });

  test("of a stack that the change has no effect on any more say so, when the run made all that there were to make", async () => {
    github.pulls.push(ours);
    github.says(7, bot, `${mark}\nold\n`);
    github.says(7, bot, "<!-- kilonode preview lab -->\nold\n");
    github.says(7, bot, "no mark\n");
    await comment({ "prod-a": `${mark}\nnew\n` }, { conclusion: "failure" });
    expect(bodies()[1]?.[1]).toBe("<!-- kilonode preview lab -->\nold\n");
    await comment({ "prod-a": `${mark}\nnew\n` });
    expect(bodies()).toEqual([
      [bot, `${mark}\nnew\n`],
      [bot, "<!-- kilonode preview lab -->\nThe change has no effect on this stack any more.\n"],
      [bot, "no mark\n"],
    ]);
  });

  test("from a fork go to the pull request that GitHub names, as text", async () => {
    const fork = { ...ours, number: 9, from: "stranger:change", repositoryId: 5 };
    github.pulls.push(
      ours,
      fork,
      { ...fork, number: 10, state: "closed" },
      { ...fork, number: 11, sha: "f".repeat(40) },
    );
    await comment({ "prod-a": `${mark}\n@acme/owners look\n` }, { owner: "stranger", repositoryId: 5 });
    expect([...github.comments.keys()]).toEqual([9]);
    expect(bodies(9)[0]?.[1]).toContain("of code from a fork");
    expect(bodies(9)[0]?.[1]).toContain("\n```diff\n@acme/owners look\n\n```\n");
  });

  test("of an older commit than the head, or of another repository under the same name, go nowhere", async () => {
    github.pulls.push(ours);
    expect(await comment({ "prod-a": "x" }, { sha: "e".repeat(40) })).toMatch(
      /^no open pull request has e{40} as its head\n/,
    );
    expect(await comment({ "prod-a": "x" }, { repositoryId: 5 })).toMatch(/^no open pull request has /);
    expect(github.comments.size).toBe(0);
  });

  test("from artifacts that are none of ours are left out", async () => {
    github.pulls.push(ours);
    file("previews/preview-a b/comment.md", "x");
    file("previews/other/comment.md", "x");
    file("previews/preview-lab/another.md", "x");
    file("previews/preview-large/comment.md", "x".repeat(1_000_001));
    mkdirSync(join(folder, "previews/preview-link"));
    symlinkSync("/etc/passwd", join(folder, "previews/preview-link/comment.md"));
    const said = await comment({ "prod-a": `${mark}\nx\n` });
    for (const words of [
      '"preview-a b" is no name of a preview',
      '"other" is no name of a preview',
      "lab: no comment.md",
      "large: no file of at most 1000000 bytes",
      "link: no file of at most 1000000 bytes",
    ])
      expect(said).toContain(`left out: ${words}\n`);
    expect(bodies()).toEqual([[bot, `${mark}\nx\n`]]);
  });

  test("are repeated after errors of GitHub's and as late as a limit says, and made once all the same", async () => {
    github.pulls.push(ours);
    // Done, and answered with an error: the repetition makes a second one, which the next run removes.
    github.faults.push(secondaryLimit(1), badGateway(true));
    const began = performance.now();
    await comment({ "prod-a": `${mark}\nfirst\n` });
    expect(performance.now() - began).toBeGreaterThan(1000);
    expect(bodies()).toHaveLength(2);
    await comment({ "prod-a": `${mark}\nsecond\n` });
    expect(bodies()).toEqual([[bot, `${mark}\nsecond\n`]]);
  });

  test("that GitHub refuses end the script, with what it said", async () => {
    github.pulls.push(ours);
    github.faults.push({ status: 403, message: "Resource not accessible by integration" });
    await expect(comment({ "prod-a": `${mark}\nx\n` })).rejects.toThrow("Resource not accessible by integration");
    expect(github.requests.filter((request) => request.startsWith("POST"))).toHaveLength(1);
  });
});

describe("issues", () => {
  const drift = "<!-- kilonode drift prod-a -->";
  const look = (result: string, text?: string) => {
    const report = text === undefined ? join(folder, "none.md") : file("drift.md", text);
    return script("issue.ts", ["drift", "prod-a", result, report]);
  };

  test("open with what is wrong, are updated in place, and closed when it is well again", async () => {
    await look("0", `${drift}\nnothing differs\n`);
    expect(github.issues).toEqual([]);
    github.issues.push({ id: 1, login: "somebody", title: "x", body: `${drift}\n`, state: "open" });
    expect(await look("1", `${drift}\n1 host\n`)).toMatch(/^opened /);
    expect(await look("failure", `${drift}\n2 hosts\n`)).toMatch(/^updated /);
    expect(github.issues.slice(1)).toMatchObject([
      { title: "prod-a: drift", body: `${drift}\n2 hosts\n`, state: "open" },
    ]);
    expect(await look("success", `${drift}\nnothing differs\n`)).toMatch(/^closed /);
    expect(github.issues.map(({ state }) => state)).toEqual(["open", "closed"]);
    await look("1", `${drift}\nagain\n`);
    expect(github.issues.map(({ state }) => state)).toEqual(["open", "closed", "open"]);
  });

  test("say so when nothing was said", async () => {
    await look("failure");
    expect(github.issues[0]?.body).toBe(
      `${drift}\nIt ended with failure and said nothing: see https://github.example/acme/kilonode/actions/runs/77.\n`,
    );
  });
});

describe("what a job runs", () => {
  /** A repository with a command of its own in the place of kilonode. */
  function project(command: string): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
    file("cli/kilonode.mjs", command);
    const env = {
      PATH: process.env.PATH,
      ...github.environment,
      GITHUB_STEP_SUMMARY: join(folder, "summary.md"),
      PAUSE_SECONDS: "0",
    };
    return { cwd: folder, env };
  }
  const ended = (name: string, args: readonly string[], options: ReturnType<typeof project>) =>
    run(resolve("scripts/ci", name), args, options).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );

  test.each([0, 1, 2])("a report's text is kept and summed up, and its exit code %i is the job's", async (code) => {
    const made = project(`console.log(process.argv.slice(2).join(" ")); process.exit(${code});`);
    expect(await ended("report.sh", ["drift.md", "drift", "prod-a", "--engine", "pulumi"], made)).toEqual({
      code,
      stdout: "",
    });
    const text =
      "drift prod-a --engine pulumi --markdown --log-url https://github.example/acme/kilonode/actions/runs/77\n";
    const { stdout } = await run("cat", ["drift.md", "summary.md"], made);
    expect(stdout).toBe(text.repeat(2));
  });

  test("a report that says nothing leaves none", async () => {
    const made = project("process.exit(2);");
    expect((await ended("report.sh", ["drift.md", "drift", "prod-a"], made)).code).toBe(2);
    expect((await run("ls", made)).stdout).toBe("cli\n");
  });

  test.each([
    ["at once", "0", 0, 1],
    ["the third time", "1,1,0", 0, 3],
    ["never", "1,3,1", 1, 3],
    ["not at all when it is asked wrongly", "2", 2, 1],
  ] as const)("a stack is destroyed %s", async (_, codes, code, tries) => {
    const made = project(`
import { appendFileSync, readFileSync } from "node:fs";
const args = process.argv.slice(2).join(" ");
appendFileSync("log", args + "\\n");
const tries = readFileSync("log", "utf8").split("\\n").filter((line) => line.startsWith("destroy")).length;
process.exit(args.startsWith("destroy") ? Number("${codes}".split(",")[tries - 1]) : 1);`);
    expect((await ended("destroy.sh", ["test", "--engine", "pulumi"], made)).code).toBe(code);
    expect((await run("cat", ["log"], made)).stdout).toBe(
      "state unlock test --engine pulumi\ndestroy test --engine pulumi\n".repeat(tries),
    );
  });

  test("the stacks of a change are written for the jobs after it", async () => {
    const output = join(folder, "output");
    await script("affected.ts", ["HEAD", "HEAD"], { GITHUB_OUTPUT: output, STACKS_WITH_CREDENTIALS: '["prod-a"]' });
    expect((await run("cat", [output])).stdout).toBe("real=[]\nrehearsed=[]\n");
  });
});
