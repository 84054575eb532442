/** The one layer of an image, as a tar archive that is the same bytes wherever and whenever it is made. */
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { Image } from "../../config/releases/images";
import { ToolchainError } from "../errors";
import { type RunOptions, run } from "../run";

/**
 * Nothing of the machine, of its clock or of who runs it is in the archive: names in order, everything root's and readable, one time for all,
 * and the oldest format, which has no field for anything else.
 */
const archive = [
  "--create",
  "--format=ustar",
  "--sort=name",
  "--hard-dereference",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
  "--mode=u=rwX,go=rX",
] as const;

/** What of it changes the bytes. */
export const layerRecipe = archive.join(" ");

export interface Program {
  readonly name: string;
  readonly path: string;
}

/** Writes the layer to `output`. @param released UTC; the time of every file in it */
export async function writeLayer(
  { folder }: Pick<Image, "folder">,
  programs: readonly Program[],
  released: string,
  output: string,
  options: RunOptions,
): Promise<void> {
  const root = join(options.cwd, "root");
  await mkdir(join(root, folder), { recursive: true });
  for (const { name, path } of programs) await symlink(path, join(root, folder, name));
  const first = folder.split("/")[1] || programs.map(({ name }) => name).sort();
  await tar(
    ["--dereference", `--mtime=${released}`, "--file", output, "--directory", root, ...[first].flat()],
    options,
  );
}

/** Writes a folder's content as an archive, without the folder itself. */
export async function writeArchive(folder: string, released: string, output: string, options: RunOptions) {
  await tar([`--mtime=${released}`, "--file", output, "--directory", folder, "."], options);
}

async function tar(args: readonly string[], { cwd, env, signal }: RunOptions): Promise<void> {
  // An operator's own options, language or time zone have no say.
  const own = { ...env, TAR_OPTIONS: "", LC_ALL: "C", TZ: "UTC" };
  const result = await run("tar", [...archive, ...args], { cwd, env: own, signal });
  if (result.status === 0) return;
  if (/no space left|quota exceeded/i.test(result.stderr))
    throw new ToolchainError("disk", { what: "no space left on the disk while an image is made" });
  throw new ToolchainError("build", {
    what: "tar could not write the layer of an image",
    got: result.stderr.trim().slice(-2000),
    allowed: "GNU tar, 1.28 or newer",
    todo: "install it (on Debian: apt-get install tar)",
  });
}
