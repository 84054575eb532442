/** Comments as the runs of a pull request have left them. Whoever wrote that code wrote these: nothing in them is believed. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const most = { stacks: 30, bytes: 1_000_000 };

export interface Artifact {
  readonly stack: string;
  readonly text: string;
}

/** @param say told of each that is left out */
export function artifactsIn(folder: string, say: (line: string) => void): Artifact[] {
  const named = readdirSync(folder).flatMap((name) => {
    const stack = /^preview-([A-Za-z0-9_.-]{1,100})$/.exec(name)?.[1];
    if (stack === undefined) say(`${JSON.stringify(name)} is no name of a preview`);
    return stack === undefined ? [] : [{ stack, file: join(folder, name, "comment.md") }];
  });
  for (const { stack } of named.slice(most.stacks)) say(`${stack}: there are more than ${most.stacks} previews`);
  return named.slice(0, most.stacks).flatMap(({ stack, file }) => {
    // A link could lead to any file of this machine.
    const found = lstatSync(file, { throwIfNoEntry: false });
    if (found?.isFile() && found.size <= most.bytes) return [{ stack, text: readFileSync(file, "utf8") }];
    say(`${stack}: ${found ? `no file of at most ${most.bytes} bytes` : "no comment.md"}`);
    return [];
  });
}
