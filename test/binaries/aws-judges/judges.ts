/**
 * Three programs that know AWS and not us: cfn-lint (the form of every property, ranges, what fits what), checkov (what is safe) and
 * parliament (actions, resources and conditions of policies). They run without a network, and without an account.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { defaultCacheDir } from "../../../toolchain/cache";
import { withLock } from "../../../toolchain/lock";
import type { Template } from "./cloudformation";
import { policiesOf } from "./policies";

export type Judge = "cfn-lint" | "checkov" | "parliament";

export interface Finding {
  readonly judge: Judge;
  readonly rule: string;
  /** Logical id in the template. */
  readonly resource: string;
  readonly message: string;
}

const run = promisify(execFile);
const requirements = join(import.meta.dirname, "requirements.txt");

/** Folder of the programs, in a virtual environment of their own in the cache: installed once for each list of requirements. */
async function installed(): Promise<string> {
  const { stdout: version } = await run("python3", ["--version"]);
  const sum = createHash("sha256")
    .update(version)
    .update(await readFile(requirements));
  const folder = join(defaultCacheDir(process.env), "aws-judges", sum.digest("hex").slice(0, 16));
  await mkdir(dirname(folder), { recursive: true });
  await withLock(`${folder}.lock`, {}, async () => {
    const done = join(folder, "done");
    if (existsSync(done)) return;
    await rm(folder, { recursive: true, force: true });
    await run("python3", ["-m", "venv", folder]);
    const install = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--requirement", requirements];
    await run(join(folder, "bin/pip"), install);
    await writeFile(done, "");
  });
  return join(folder, "bin");
}

/** Where the programs are, and what they read. */
interface Court {
  readonly bin: string;
  readonly folder: string;
}

/** What the three say of each template, and of the policies in it. */
export async function judged(templates: ReadonlyMap<string, Template>): Promise<ReadonlyMap<string, Finding[]>> {
  const court = { bin: await installed(), folder: await mkdtemp(join(tmpdir(), "kilonode-judged-")) };
  try {
    const files = [...templates.keys()].map((name) => `${name}.json`);
    await mkdir(join(court.folder, policies));
    for (const [name, template] of templates) {
      await writeFile(join(court.folder, `${name}.json`), JSON.stringify(template));
      for (const [id, policy] of policiesOf(template))
        await writeFile(join(court.folder, policies, `${name}.${id}.json`), JSON.stringify(policy));
    }
    const found = (await Promise.all([cfnLint(court, files), checkov(court, files), parliament(court)])).flat();
    return new Map([...templates.keys()].map((name) => [name, found.filter(({ template }) => template === name)]));
  } finally {
    await rm(court.folder, { recursive: true });
  }
}

const policies = "policies";
type Found = Finding & { readonly template: string };

async function cfnLint(court: Court, files: readonly string[]): Promise<Found[]> {
  const out = await output(court, "cfn-lint", ["--format", "json", "--include-checks", "I", "--", ...files]);
  const matches = JSON.parse(out) as readonly {
    readonly Filename: string;
    readonly Location: { readonly Path: readonly (string | number)[] | null };
    readonly Message: string;
    readonly Rule: { readonly Id: string };
  }[];
  return matches.map(({ Filename, Location, Message, Rule }) => ({
    judge: "cfn-lint",
    rule: Rule.Id,
    template: basename(Filename, ".json"),
    resource: String(Location.Path?.[1] ?? ""),
    message: `${Location.Path?.slice(2).join(".")}: ${Message}`,
  }));
}

async function checkov(court: Court, files: readonly string[]): Promise<Found[]> {
  const asked = ["--framework", "cloudformation", "--skip-download", "--output", "json", "--compact", "--quiet"];
  const out = await output(court, "checkov", [...asked, ...files.flatMap((file) => ["--file", file])]);
  const reports = [JSON.parse(out)].flat() as readonly {
    readonly results: {
      readonly failed_checks: readonly {
        readonly check_id: string;
        readonly check_name: string;
        readonly file_path: string;
        readonly resource: string;
      }[];
      readonly parsing_errors?: readonly string[];
    };
  }[];
  return reports.flatMap(({ results }) => [
    ...(results.parsing_errors ?? []).map(
      (file): Found => ({
        judge: "checkov",
        rule: "parsing",
        template: basename(file, ".json"),
        resource: "",
        message: "checkov could not read it",
      }),
    ),
    ...results.failed_checks.map(
      ({ check_id, check_name, file_path, resource }): Found => ({
        judge: "checkov",
        rule: check_id,
        template: basename(file_path, ".json"),
        resource: resource.split(".").at(-1) ?? "",
        message: check_name,
      }),
    ),
  ]);
}

async function parliament(court: Court): Promise<Found[]> {
  const out = await output(court, "parliament", ["--directory", policies, "--json"]);
  return out
    .split("\n")
    .filter(Boolean)
    .flatMap((line) => {
      const { issue, title, detail, location } = JSON.parse(line) as {
        readonly issue: string;
        readonly title: string;
        readonly detail: unknown;
        readonly location: { readonly filepath: string };
      };
      const [template = "", resource = ""] = basename(location.filepath, ".json").split(".");
      // One of each action, where it names several: an excuse is for some of them.
      const details: readonly unknown[] = Array.isArray(detail) ? detail : [detail];
      return details.map((one): Found => {
        const message = `${textOf(one)}: ${title}`;
        return { judge: "parliament", rule: issue, template, resource, message };
      });
    });
}

const textOf = (detail: unknown) =>
  typeof detail === "string"
    ? detail
    : String((detail as { readonly action?: string }).action ?? JSON.stringify(detail));

/** A judge that finds something ends with a status of its own; one that fails says why. */
function output({ bin, folder }: Court, judge: Judge, args: readonly string[]): Promise<string> {
  // Neither settings nor credentials of whoever runs this.
  const env = { PATH: process.env.PATH, HOME: folder, LOG_LEVEL: "ERROR", PYTHONWARNINGS: "ignore" };
  return new Promise((resolve, reject) => {
    const child = execFile(
      join(bin, judge),
      args,
      { cwd: folder, env, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) => {
        if (stderr.trim() !== "" || (error && stdout.trim() === ""))
          reject(new Error(`${judge} failed: ${error?.message ?? ""}\n${stderr}`));
        else resolve(stdout);
      },
    );
    child.stdin?.end();
  });
}
