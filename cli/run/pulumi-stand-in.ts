/**
 * The project and a backend of its own in a temporary folder: a stack that Pulumi does not know can be previewed in it, and what
 * Pulumi makes for that, the stack itself and the salt in its file, goes with the folder.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parse, stringify } from "yaml";
import { projectDir, stackFile } from "../stack/project";

export interface StandIn {
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The folder goes when this process ends. */
export function standInProject(stack: string): StandIn {
  const dir = mkdtempSync(join(tmpdir(), "kilonode-stand-in-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const project = parse(readFileSync(join(projectDir, "Pulumi.yaml"), "utf8")) as { main: string };
  const own = { ...project, main: join(projectDir, project.main), stackConfigDir: "." };
  writeFileSync(join(dir, "Pulumi.yaml"), stringify(own));
  const file = stackFile(stack);
  copyFileSync(file, join(dir, basename(file)));
  const [backend, home] = [join(dir, "backend"), join(dir, "home")];
  for (const folder of [backend, home]) mkdirSync(folder);
  const plugins = join(process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "plugins");
  if (existsSync(plugins)) symlinkSync(plugins, join(home, "plugins"));
  return { dir, env: { PULUMI_BACKEND_URL: `file://${backend}`, PULUMI_HOME: home } };
}
