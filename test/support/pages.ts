/** A page of the documentation as what a person does with it: blocks of shell, and the commands in them. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Section {
  readonly title: string;
  /** The text of each block of shell. */
  readonly blocks: readonly string[];
}

export function sectionsOf(page: string): readonly Section[] {
  const [, ...sections] = readFileSync(page, "utf8").split(/^## /m);
  return sections.map((text) => ({
    title: text.split("\n")[0] ?? "",
    blocks: [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block),
  }));
}

/** Blocks of a section, in their order. @throws when there is no such section, or none with a block */
export function commands(title: string, page = "docs/operations.md"): readonly string[] {
  const section = sectionsOf(page).find((one) => one.title === title);
  if (!section || section.blocks.length === 0) throw new Error(`${page} has no section "${title}" with commands`);
  return section.blocks;
}

/** The shell finds no program at all, and writes down what it was to start instead. One write a command: those of a pipe run side by side. */
const recording = `PATH=/nonexistent
command_not_found_handle() { local words; printf -v words '%s\\1' "$@"; printf '%s\\2' "$words" >>"$RECORD"; }
`;

/**
 * The words of each command in a block, as bash takes them: nothing of it is run. Programs of Kilonode's folder on a host are called by
 * their names.
 * @throws when it is no shell
 */
export function wordsOf(block: string): readonly (readonly string[])[] {
  const dir = mkdtempSync(join(tmpdir(), "kilonode-page-"));
  try {
    const record = join(dir, "record");
    writeFileSync(record, "");
    const script = recording + block.replaceAll("/usr/local/lib/kilonode/", "");
    const ran = spawnSync("bash", ["--noprofile", "--norc", "-uc", script], {
      cwd: dir,
      env: { RECORD: record },
      encoding: "utf8",
    });
    if (ran.status !== 0 || ran.stderr !== "") throw new Error(`bash does not take it: ${ran.stderr}\n${block}`);
    const lines = readFileSync(record, "utf8").split("\u0002").slice(0, -1);
    return lines.map((line) => line.split("\u0001").slice(0, -1));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
