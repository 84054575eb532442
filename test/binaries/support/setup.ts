/** Once before the tests: the binaries, made where they are missing. Once after them: what was checked, in one line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { minorOf, supportedEtcd, supportedKubernetes } from "../../../config/flags/versions";
import { defaultBinaries, defaultVersions } from "../../../config/versions";
import { defaultCacheDir, faultOf, layout, readManifest } from "../../../toolchain/cache";
import { ensureToolchain } from "../../../toolchain/ensure";
import { ToolchainError } from "../../../toolchain/errors";
import { type Checked, summaryOf } from "./summary";

/** The binaries of one version, or why there are none. */
export type Release =
  | { readonly version: string; readonly paths: Readonly<Record<string, string>> }
  | { readonly version: string; readonly missing: string };
export type Product = "kubernetes" | "etcd";

declare module "vitest" {
  interface ProvidedContext {
    /** One entry for each supported version. */
    releases: Readonly<Record<Product, readonly Release[]>>;
    /** File that takes a line of JSON for everything that a binary accepted. */
    checked: string;
  }
}

const needed: Readonly<Record<Product, readonly string[]>> = {
  etcd: ["etcd", "etcdctl"],
  kubernetes: defaultBinaries.filter((name) => name.startsWith("kube")),
};

export default async function setup(project: TestProject): Promise<() => void> {
  const made = await makeDefault();
  const releases: Record<Product, readonly Release[]> = {
    kubernetes: await Promise.all(supportedKubernetes.map((minor) => release("kubernetes", minor, made))),
    etcd: await Promise.all(supportedEtcd.map((minor) => release("etcd", minor, made))),
  };
  const folder = mkdtempSync(join(tmpdir(), "kilonode-checked-"));
  const checked = join(folder, "checked.jsonl");
  writeFileSync(checked, "");
  project.provide("releases", releases);
  project.provide("checked", checked);
  return () => {
    const lines = readFileSync(checked, "utf8").split("\n").filter(Boolean);
    const missing = Object.entries(releases).flatMap(([product, all]) =>
      all.filter((one) => "missing" in one).map(({ version }) => `${product} ${version}`),
    );
    console.log(
      summaryOf(
        lines.map((line) => JSON.parse(line) as Checked),
        missing,
      ),
    );
    rmSync(folder, { recursive: true });
  };
}

/** The binaries that a cluster runs by default: paths by name, or the reason why they cannot be made here. */
async function makeDefault(): Promise<Readonly<Record<string, string>> | string> {
  try {
    const tools = await ensureToolchain({
      binaries: defaultBinaries,
      onProgress: (event) => {
        if (event.kind === "start") console.log(`toolchain: ${event.action} ${event.name} ${event.version}`);
      },
    });
    return Object.fromEntries(tools.map(({ name, path }) => [name, path]));
  } catch (error) {
    // Neither Go nor a pinned download: a machine that cannot make them. Every other fault is one of the test run.
    if (error instanceof ToolchainError && (error.kind === "go" || error.kind === "pin"))
      return error.message.split("\n", 1)[0] ?? error.message;
    throw error;
  }
}

async function release(
  product: Product,
  minor: string,
  made: Readonly<Record<string, string>> | string,
): Promise<Release> {
  const version = defaultVersions[product];
  if (minorOf(version) === minor)
    return typeof made === "string" ? { version, missing: made } : { version, paths: made };
  return (
    (await cached(product, minor)) ?? {
      version: minor,
      missing: `no binaries of ${product} ${minor} in the cache; the toolchain makes ${version}`,
    }
  );
}

/** Another version that this machine's toolchain has made before, whole and unchanged. */
async function cached(product: Product, minor: string): Promise<Release | undefined> {
  const cacheDir = defaultCacheDir(process.env);
  const recipes = await readdir(layout.recipe(cacheDir, "")).catch(() => []);
  for (const recipe of recipes) {
    const version = new RegExp(`^${product}-(\\d+\\.\\d+\\.\\d+)-`).exec(recipe)?.[1];
    if (!version || minorOf(version) !== minor) continue;
    const binaries = (await readManifest(layout.recipe(cacheDir, recipe)))?.binaries ?? {};
    const paths: Record<string, string> = {};
    for (const name of needed[product]) {
      const one = binaries[name];
      const path = one && layout.artifact(cacheDir, one.sha256, name);
      if (path && !(await faultOf(path, one))) paths[name] = path;
    }
    if (needed[product].every((name) => paths[name])) return { version, paths };
  }
  return undefined;
}
