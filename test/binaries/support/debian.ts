/**
 * A program out of a package of another suite of Debian than this machine's: fetched by apt, which checks the package by the signed index of
 * the suite, and unpacked into the cache; nothing is installed. Which mirror: the machine's own.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

export interface DebianProgram {
  readonly suite: string;
  readonly package: string;
  /** Where it is in the package, without the first slash. */
  readonly program: string;
}

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "kilonode", "debian");
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** @returns its path, or why it cannot be had here */
export function debianProgram(wanted: DebianProgram): { readonly path: string } | { readonly missing: string } {
  const folder = join(cache, `${wanted.suite}-${wanted.package}`);
  const path = join(folder, wanted.program);
  if (existsSync(path)) return { path };
  const of = `${wanted.package} of Debian ${wanted.suite}`;
  const mirror = mirrorOf();
  if (mirror === undefined || !existsSync(keyring))
    return { missing: `${of} cannot be had: this machine's apt knows no mirror of Debian, or not its keys` };
  const work = mkdtempSync(join(tmpdir(), "kilonode-debian-"));
  try {
    const problem = fetched(wanted, mirror, work);
    if (problem !== undefined) return { missing: `${of} cannot be had: ${problem}` };
    mkdirSync(cache, { recursive: true });
    // Beside another run that fetched it too, the first one stays.
    if (!existsSync(folder)) renameOver(join(work, "root"), folder);
    return existsSync(path) ? { path } : { missing: `${of} has no ${wanted.program}` };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Of the machine's own sources: the first with Debian's packages, which has all suites. */
function mirrorOf(): string | undefined {
  const { stdout } = spawnSync(
    "apt-get",
    ["indextargets", "--format", "$(ORIGIN) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
    { encoding: "utf8" },
  );
  const lines = stdout?.split("\n").map((line) => line.split(" ")) ?? [];
  const found = lines.find(
    ([origin, component, uri]) => origin === "Debian" && component === "main" && uri && !/security/.test(uri),
  );
  return found?.[2];
}

function fetched({ suite, package: name }: DebianProgram, mirror: string, work: string): string | undefined {
  for (const folder of ["lists/partial", "archives/partial", "deb", "root"])
    mkdirSync(join(work, folder), { recursive: true, mode: 0o755 });
  writeFileSync(join(work, "sources.list"), `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const settings = {
    "Dir::Etc::sourcelist": join(work, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "Dir::State::lists": join(work, "lists"),
    "Dir::Cache": work,
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  const steps = [
    ["apt-get", ...options, "-qq", "update", "--error-on=any"],
    ["apt-get", ...options, "-qq", "download", name],
  ];
  for (const [program = "", ...words] of steps) {
    const { status, stderr, error } = spawnSync(program, words, {
      cwd: join(work, "deb"),
      encoding: "utf8",
      timeout: 240_000,
    });
    if (status !== 0) return error?.message ?? stderr.trim().split("\n").at(-1) ?? `${program} ended with ${status}`;
  }
  const [file] = readdirSync(join(work, "deb"));
  if (file === undefined) return "apt-get downloaded nothing";
  const unpacked = spawnSync("dpkg-deb", ["-x", join(work, "deb", file), join(work, "root")], { encoding: "utf8" });
  return unpacked.status === 0 ? undefined : unpacked.stderr.trim();
}

/** The cache may be on another file system than the temporary folder. */
function renameOver(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    const { status, stderr } = spawnSync("cp", ["-a", from, to], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  }
}
