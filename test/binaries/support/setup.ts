/** Once before the tests: the binaries, made where they are missing. Once after them: what was checked, in one line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import {
  defaultBinaries,
  defaultReleases,
  etcdVersions,
  kubernetesVersions,
  type Releases,
} from "../../../config/releases";
import { checkToolchain, ensureToolchain, isSound } from "../../../toolchain/ensure";
import { ToolchainError } from "../../../toolchain/errors";
import { type Checked, summaryOf } from "./summary";

/** The binaries of one release, or why there are none. */
export type ReleaseHere =
  | { readonly version: string; readonly paths: Readonly<Record<string, string>> }
  | { readonly version: string; readonly missing: string };
export type Product = keyof Releases;

declare module "vitest" {
  interface ProvidedContext {
    /** One entry for each release of the catalogue. */
    releases: Readonly<Record<Product, readonly ReleaseHere[]>>;
    /** File that takes a line of JSON for everything that a binary accepted. */
    checked: string;
  }
}

const needed: Readonly<Record<Product, readonly string[]>> = {
  etcd: ["etcd", "etcdctl"],
  kubernetes: defaultBinaries.filter((name) => name.startsWith("kube")),
};

export default async function setup(project: TestProject): Promise<() => void> {
  const problem = await makeDefault();
  const releases = {
    kubernetes: await Promise.all(kubernetesVersions.map((version) => releaseHere("kubernetes", version, problem))),
    etcd: await Promise.all(etcdVersions.map((version) => releaseHere("etcd", version, problem))),
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

/** Makes the binaries that a cluster runs by default; answers with the reason where they cannot be made here. */
async function makeDefault(): Promise<string | undefined> {
  try {
    await ensureToolchain({
      binaries: defaultBinaries,
      onProgress: (event) => {
        if (event.kind === "start") console.log(`toolchain: ${event.action} ${event.name} ${event.version}`);
      },
    });
    return undefined;
  } catch (error) {
    // Neither Go nor a pinned download: a machine that cannot make them. Every other fault is one of the test run.
    if (error instanceof ToolchainError && (error.kind === "go" || error.kind === "pin"))
      return error.message.split("\n", 1)[0] ?? error.message;
    throw error;
  }
}

/**
 * A release that this machine's toolchain has made, whole and unchanged. Any but the default one is not made here: compiling it takes
 * minutes, and whoever wants it tested makes it with the command that the reason names.
 * @param problem why this machine can make no binaries at all
 */
async function releaseHere(product: Product, version: string, problem: string | undefined): Promise<ReleaseHere> {
  if (problem) return { version, missing: problem };
  const found = await checkToolchain({
    releases: { ...defaultReleases, [product]: version },
    binaries: needed[product],
  });
  const lacking = found.filter((tool) => !isSound(tool)).map(({ name }) => name);
  if (lacking.length === 0)
    return { version, paths: Object.fromEntries(found.filter(isSound).map(({ name, path }) => [name, path])) };
  const command = `node --import tsx toolchain/main.ts ensure --${product} ${version} --binaries ${lacking.join(",")}`;
  return { version, missing: `not in the cache: ${lacking.join(", ")}; make them with: ${command}` };
}
