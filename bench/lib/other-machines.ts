/** What makes the machines of a lab's hosts other ones than planned: another SSH key, another root. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { project, type TestStack } from "./stack";

const store = join(process.env.STORE_DIR ?? "/var/lib/kilonode/store", "roots");

/** The project as another clone has it, with the stack's file. @returns its folder */
export function copyOfProject(target: string, stack: TestStack): string {
  const list = ["ls-files", "--cached", "--others", "--exclude-standard"];
  const files = execFileSync("git", list, { cwd: project, encoding: "utf8" }).trim().split("\n");
  for (const file of [...files, relative(project, stack.file)].filter((one) => existsSync(join(project, one)))) {
    mkdirSync(join(target, file, ".."), { recursive: true });
    copyFileSync(join(project, file), join(target, file));
  }
  symlinkSync(join(project, "node_modules"), join(target, "node_modules"));
  return target;
}

/** Another line in a file of the root is another root. It is not built, which takes a minute: all its other files are the same. */
export function changeRoot(copy: string): void {
  const file = join(copy, "components/platform/lab/root/etc/systemd/system.conf.d/kilonode.conf");
  writeFileSync(file, `${readFileSync(file, "utf8")}# Another line, another root.\n`);
  const target = join(store, rootOf(copy));
  if (!existsSync(target)) execFileSync("cp", ["--archive", "--link", join(store, rootOf(project)), target]);
}

function rootOf(copy: string): string {
  const printed = execFileSync(join(copy, "components/platform/lab/lab-root"), ["--print"], { encoding: "utf8" });
  return (JSON.parse(printed) as { root: string }).root;
}

/** As Pulumi's own `--replace` does: the next update makes another SSH key. */
export function replaceSshKey(stateFile: string): void {
  const state = JSON.parse(readFileSync(stateFile, "utf8")) as { deployment: { resources: StateResource[] } };
  const isKey = ({ type, urn }: StateResource) => type.startsWith("tls:") && urn.endsWith("PrivateKey::ssh");
  state.deployment.resources = state.deployment.resources.map((one) =>
    isKey(one) ? { ...one, inputs: { algorithm: "RSA" } } : one,
  );
  writeFileSync(stateFile, JSON.stringify(state));
}

interface StateResource {
  readonly urn: string;
  readonly type: string;
}
