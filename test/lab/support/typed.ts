/** Blocks of a page typed as a person would, with names of a test's stack in the place of the page's. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { finished, project, type Ran, type TestStack } from "../../../bench/lib/stack";

/** They ask before they go on, and nobody is there to answer. */
const asking = ["etcd compact", "etcd move", "etcd recover", "etcd restore", "replace"];

/** What of a block did not end with 0, by its first words. */
export interface Typed extends Ran {
  readonly failed: readonly string[];
}

/** The page's stack is `lab` or `prod`, and its lab is `kn-lab`. */
const inStack = (block: string, stack: string) =>
  block.replaceAll(/(?<=[ =]|kn-)(lab|prod)(?=[ \n]|-(?:backup|etcd|lb|master|nodes)\b|$)/g, stack);

/** On the operator's machine, line after line whatever the one before ended with. */
export async function typed(stack: TestStack, block: string): Promise<Typed> {
  const script = `
    kilonode() {
      case "$1 $2" in ${asking.map((words) => `"${words}"*`).join(" | ")}) set -- "$@" --yes ;; esac
      "$NODE" "$KILONODE" "$@"
    }
    sudo() { "$@"; }
    set -E
    trap 'echo "FAILED $BASH_COMMAND" >&2' ERR
    ${inStack(block, stack.name)}`;
  const child = spawn("bash", ["--noprofile", "--norc", "-uc", script], {
    cwd: project,
    env: { ...stack.env, NODE: process.execPath, KILONODE: join(project, "cli/kilonode.mjs") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ran = await finished(child);
  const failed = [...ran.stderr.matchAll(/^FAILED (?!"\$NODE")(.*)$/gm)].map(([, line = ""]) => line);
  return { ...ran, failed };
}

/** In the shell of a member's host. @param changes words of the page to those that are meant. @returns what it printed */
export function typedOn(
  stack: TestStack,
  host: string,
  block: string,
  changes: Readonly<Record<string, string>> = {},
): Promise<string> {
  const meant = Object.entries(changes).reduce((text, [word, other]) => text.replaceAll(word, other), block);
  return stack.ssh(host, `set -e; PATH=$PATH:/usr/local/lib/kilonode\n${inStack(meant, stack.name)}`);
}
