/**
 * A run that is killed at a given moment, as by a power failure: arguments are the lab's folder, the version of the program,
 * and the step (counted from 1) before or after whose effect the process dies. Effects go to a file, one a line.
 */
import { appendFileSync } from "node:fs";
import path from "node:path";
import { Rehearsal } from "../../../engine/rehearsal";
import { Thing, World } from "./fake";

/** v1 has a, b, c. v2 updates a, replaces b (create first) and its dependent d, deletes c and makes e. */
export function program(version: string): () => Promise<undefined> {
  return async () => {
    const next = version === "v2";
    const a = new Thing("a", { value: version });
    const b = new Thing("b", { key: version }, { dependsOn: [a] });
    new Thing("d", { value: b.result, token: "t" }, { dependsOn: [b] });
    if (next) new Thing("e", {}, { dependsOn: [a] });
    else new Thing("c", {}, { dependsOn: [a] });
    return undefined;
  };
}

export function stackIn(folder: string, version: string, world: World): Rehearsal {
  world.around = chain(
    world.around,
    (call, when) => when === "before" && appendFileSync(path.join(folder, "effects"), `${call}\n`),
  );
  return new Rehearsal({
    projectDir: path.join(folder, "project"),
    stack: "dev",
    stateFile: path.join(folder, "state.json"),
    providers: () => world.provider(),
    program: program(version),
    parallel: 1,
  });
}

type Around = World["around"];

function chain(first: Around, second: (call: string, when: "before" | "after") => unknown): Around {
  return (call, when) => {
    first(call, when);
    second(call, when);
  };
}

async function main(folder: string, version: string, step: number, moment: string): Promise<void> {
  const world = new World(`${version}${step}${moment}`);
  let count = 0;
  world.around = (_call, when) => {
    if (when === "before") count++;
    if (when === moment && count === step) process.kill(process.pid, "SIGKILL");
  };
  await stackIn(folder, version, world).up();
}

const [script = "", folder, version = "", step, moment = ""] = process.argv.slice(1);
if (folder !== undefined && script.endsWith("crash.ts")) void main(folder, version, Number(step), moment);
