/** Whatever a gate advises can be followed: a section of a page that exists, or a subcommand that exists. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { etcdAdvice, restoreAdvice } from "../../components/rollout/etcd/advice";
import { gateAdvice } from "../../components/rollout/gate/advice";
import { causeAdvice, hostAdvice } from "../../components/rollout/hosts/advice";
import { mastersAdvice } from "../../components/rollout/masters/advice";

const advice = { causeAdvice, etcdAdvice, gateAdvice, hostAdvice, mastersAdvice, restoreAdvice };
const all = Object.entries(advice).flatMap(([module, texts]) =>
  Object.entries(texts).map(([name, text]) => [`${module}.${name}`, text] as const),
);
const commands = [...readFileSync("cli/main.ts", "utf8").matchAll(/^ {2}\["([a-z]+)", "/gm)].map(([, name]) => name);

/** As GitHub makes them. */
function anchors(page: string): string[] {
  return [...readFileSync(page, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );
}

const subcommands = (text: string) => [...text.matchAll(/\bkilonode ([a-z]+)/g)].map(([, name]) => name);

describe("advice", () => {
  it.each(all)("%s names a section or a subcommand, and each that it names exists", (_name, text) => {
    const sections = [...text.matchAll(/(docs\/[a-z/]+\.md)#([a-z0-9-]+)/g)];
    expect(sections.length + subcommands(text).length).toBeGreaterThan(0);
    for (const [, page = "", anchor] of sections) expect(anchors(page)).toContain(anchor);
    for (const name of subcommands(text)) expect(commands).toContain(name);
  });

  it("is written in these modules only", () => {
    const grep = ["grep", "-nE", "advice: *[\"'`]", "--", "components/rollout"];
    const found = () => execFileSync("git", grep, { encoding: "utf8" });
    // Exit 1: there is none.
    expect(found).toThrow(expect.objectContaining({ status: 1 }));
  });
});

describe("docs/operations.md", () => {
  const page = readFileSync("docs/operations.md", "utf8");

  it("is the page of exactly the sections that advice leads to, and of what is done with nothing wrong", () => {
    const atRest = ["backups", "a-database-with-much-free-space"];
    const advised = all.flatMap(([, text]) => [...text.matchAll(/operations\.md#([a-z0-9-]+)/g)].map(([, one]) => one));
    expect(anchors("docs/operations.md").slice(1).sort()).toEqual([...new Set([...advised, ...atRest])].sort());
  });

  it("names subcommands, programs and sections that exist", () => {
    for (const name of subcommands(page.replaceAll("/kilonode", "/"))) expect(commands).toContain(name);
    for (const [path] of page.matchAll(/\/usr\/local\/lib\/kilonode\/[a-z-]+/g))
      expect([path, existsSync(`components/machine/files${path}`)]).toEqual([path, true]);
    for (const [path] of page.matchAll(/components\/platform\/[a-z/-]+/g))
      expect([path, existsSync(path)]).toEqual([path, true]);
    for (const [, anchor] of page.matchAll(/\]\(#([a-z0-9-]+)\)/g))
      expect(anchors("docs/operations.md")).toContain(anchor);
  });
});
