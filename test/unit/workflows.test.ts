/** What the workflows' scripts compute, and what ties the workflows to the rest of the repository. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { parse } from "yaml";
import { stackNames } from "../../cli/stack/project";
import { affectedStacks, withCredentials } from "../../scripts/ci/affected-stacks";
import { commentBody, isPreviewMark, previewMark } from "../../scripts/ci/comment-body";

describe("the stacks that a change has an effect on", () => {
  const stacks = ["lab", "prod-a", "prod-b", "test"];

  it.each([
    ["nothing", [], []],
    ["a stack's own file", ["stacks/Pulumi.prod-a.yaml"], ["prod-a"]],
    [
      "those of two, beside text and tests",
      ["stacks/Pulumi.test.yaml", "docs/aws.md", "test/unit/a.test.ts", "stacks/Pulumi.lab.yaml"],
      ["lab", "test"],
    ],
    ["one that is gone", ["stacks/Pulumi.old.yaml"], []],
    ["the program", ["components/etcd/plan.ts"], stacks],
    ["a file on hosts, whatever it is called", ["components/machine/files/etc/sysctl.d/90-kilonode.conf"], stacks],
    ["the stacks' entry", ["stacks/index.ts"], stacks],
    ["flags", ["config/scale/model.ts", "stacks/Pulumi.prod-a.yaml"], stacks],
    ["packages", ["package-lock.json"], stacks],
    ["something that nobody has thought of", ["new/thing"], stacks],
    [
      "text, tests, workflows, scripts, benchmarks",
      [
        "README.md",
        "components/README.md",
        "docs/changes.ts",
        "test/lab/a.test.ts",
        ".github/workflows/check.yaml",
        "scripts/check.mjs",
        "bench/lab-up.ts",
        "LICENSE",
      ],
      [],
    ],
  ] as const)("%s", (_, paths, expected) => {
    expect(affectedStacks(paths, stacks)).toEqual(expected);
  });

  it("are all of the repository's for the lock file, and its own for each file", () => {
    expect(affectedStacks(["package-lock.json"], stackNames())).toEqual(stackNames());
    for (const stack of stackNames())
      expect(affectedStacks([`stacks/Pulumi.${stack}.yaml`], stackNames())).toEqual([stack]);
  });

  it("are asked with credentials where the list names them, and never for an empty one", () => {
    expect(withCredentials(["lab", "prod-a"], '["prod-a", "prod-b"]')).toEqual({
      real: ["prod-a"],
      rehearsed: ["lab"],
    });
    for (const none of ["", undefined, "[]"])
      expect(withCredentials(["lab", "prod-a"], none)).toEqual({ real: [], rehearsed: ["lab", "prod-a"] });
    expect(() => withCredentials([], '{"prod-a": 1}')).toThrow('must be a list like ["prod-a"]');
  });
});

describe("a comment from a fork", () => {
  const of = (text: string) => commentBody("prod-a", text, false, "https://github.example/run");
  const text = `${previewMark("prod-a")}\n> [!CAUTION]\n\`\`\`diff\n- a\n+ b\n\`\`\`\n@acme/owners ![](https://x.example/a.png)\n`;

  it("is its text in a fence of one backtick more than any in it", () => {
    expect(of(text)).toBe(
      [
        "<!-- kilonode preview prod-a -->",
        "Preview of `prod-a`, made by [a run](https://github.example/run) of code from a fork. It is shown as that run has written it:",
        "",
        "````diff",
        "> [!CAUTION]",
        "```diff",
        "- a",
        "+ b",
        "```",
        "@acme/owners ![](https://x.example/a.png)",
        "",
        "````",
        "",
      ].join("\n"),
    );
  });

  // https://spec.commonmark.org/0.31.2/#fenced-code-blocks: a fence ends with a line of at least as many backticks and nothing else.
  it("never leaves its fence, is never too long, and bears its own mark alone", () => {
    const piece = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "`",
        "```",
        "\n",
        "\n```\n",
        "\r",
        "\r````\r",
        "\u2028",
        "\u202e",
        "<!-- kilonode preview lab -->\n",
        "~~~",
        " ",
      ),
      fc.nat(70_000).map((length) => "`".repeat(length)),
      fc.nat(70_000).map((length) => "x\u{1f600}".repeat(length / 3)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const body = of(pieces.join(""));
        const lines = body.split(/\r\n|\r|\n/);
        const [ticks = ""] = /^`{3,9}(?=diff$)/.exec(lines[3] ?? "") ?? [];
        const ends = lines.flatMap((line, at) => (new RegExp(`^ {0,3}${ticks}\`*[ \t]*$`).test(line) ? [at] : []));
        expect(ticks).not.toBe("");
        // The last line is the end of the line before it.
        expect(ends).toEqual([lines.length - 2]);
        expect(body.length).toBeLessThanOrEqual(65_536);
        expect(lines[0]).toBe(previewMark("prod-a"));
        // No half of a character.
        expect(Buffer.from(body).toString()).toBe(body);
      }),
      { numRuns: 300 },
    );
  });
});

test("a comment of the repository's own is Markdown as it is, up to the limit", () => {
  const of = (text: string) => commentBody("lab", text, true, "https://github.example/run");
  const text = `${previewMark("lab")}\n# One line\n\n- @me\n`;
  expect(of(text)).toBe(text);
  const long = of(`${text}${"é\u{1f600}".repeat(40_000)}`);
  expect(long.length).toBeLessThanOrEqual(65_536);
  expect(long.length).toBeGreaterThan(65_530);
  expect(long.endsWith("(cut: the whole text is in the log of the run)")).toBe(true);
  expect(isPreviewMark(long.split("\n")[0] ?? "")).toBe(true);
});

describe("the workflows", () => {
  const folders = [".github/workflows", ".github/actions/install", ".github/actions/account"];
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => `${folder}/${name}`));
  const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));

  it("name the commit and the version of every action", () => {
    const used = [...texts.values()].flatMap((text) => text.split("\n").filter((line) => /\buses:/.test(line)));
    const pinned = /uses: (\.\/\.github\/actions\/[a-z]+|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/;
    expect(used.filter((line) => !pinned.test(line))).toEqual([]);
    expect(used.length).toBeGreaterThan(20);
  });

  it("run scripts that there are, which may be run", () => {
    const scripts = [...texts.values()].flatMap((text) => text.match(/\bscripts\/ci\/[\w.-]+|\.ci\/run\b/g) ?? []);
    expect(new Set(scripts)).toEqual(
      new Set([
        ".ci/run",
        ...["affected.ts", "comment.ts", "destroy.sh", "issue.ts", "report.sh"].map((name) => `scripts/ci/${name}`),
      ]),
    );
    for (const script of scripts.filter((name) => !name.endsWith(".ts")))
      expect(statSync(script).mode & 0o111).toBe(0o111);
  });

  it("install the Pulumi CLI of the SDK's version", () => {
    const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as {
      dependencies: Record<string, string>;
    };
    expect(texts.get(".github/actions/account/action.yaml")).toContain(
      `pulumi-version: ${dependencies["@pulumi/pulumi"]}\n`,
    );
  });

  it("have no right unless a job asks for it, and write nowhere where code of a pull request runs", () => {
    const rights = [...texts].flatMap(([file, text]) => {
      const { jobs, permissions } = parse(text) as Workflow;
      if (!file.startsWith(".github/workflows/")) return [];
      expect(permissions, file).toEqual({});
      return Object.entries(jobs).map(
        ([name, job]) => [`${file.slice(18, -5)} ${name}`, written(job.permissions)] as const,
      );
    });
    expect(Object.fromEntries(rights)).toEqual({
      "check all": [],
      "comment comment": ["pull-requests"],
      "defragment defragment": ["id-token", "issues"],
      "deploy preview": ["id-token"],
      "deploy up": ["id-token"],
      "nightly create": ["id-token"],
      "nightly destroy": ["id-token"],
      "nightly report": ["issues"],
      "preview affected": [],
      "preview real": ["id-token"],
      "preview rehearsed": [],
      "watch look": ["id-token", "issues"],
    });
  });
});

interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, { readonly permissions: Readonly<Record<string, string>> }>>;
}

const written = (permissions: Readonly<Record<string, string>>) =>
  Object.entries(permissions).flatMap(([right, access]) => (access === "write" ? [right] : []));
