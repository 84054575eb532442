/** The arrows between the folders, and the one place for versions. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../config/releases";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file.endsWith(".ts") && !file.includes("conformance/"));

/** Imports of a file: paths within the repository, names of packages. */
function imports(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [...text.matchAll(/(?:from|require\(|import\()\s*"([^"]+)"/g)].map(([, name]) =>
    name?.startsWith(".") ? normalize(join(dirname(file), name)) : (name as string),
  );
}

const inside = (folder: string) => files.filter((file) => file.startsWith(`${folder}/`));
const offences = (of: readonly string[], allowed: (name: string) => boolean) =>
  of.flatMap((file) => imports(file).flatMap((name) => (allowed(name) ? [] : [`${file} imports ${name}`])));

describe("the arrows", () => {
  it("config imports zod and itself", () => {
    expect(offences(inside("config"), (name) => name === "zod" || name.startsWith("config/"))).toEqual([]);
  });

  it("the engine imports nothing of the project's", () => {
    expect(
      offences(inside("engine"), (name) => !/^(config|components|stacks|cli|policy|toolchain|bench|test)\//.test(name)),
    ).toEqual([]);
  });

  it("a plan imports no Pulumi", () => {
    const pure = [
      ...inside("config"),
      ...inside("components/machine"),
      ...files.filter((file) =>
        /^components\/(plan\/.*|.*\/(plan|flags|certificates|static-pods|kubeconfig|facts|knobs|timeouts))\.ts$/.test(
          file,
        ),
      ),
    ];
    expect(pure.length).toBeGreaterThan(20);
    expect(offences(pure, (name) => !name.startsWith("@pulumi/"))).toEqual([]);
  });

  it("components import neither stacks nor cli nor engine; nothing imports test", () => {
    expect(offences(inside("components"), (name) => !/^(stacks|cli|engine|bench)\//.test(name))).toEqual([]);
    const all = files.filter((file) => !file.startsWith("test/"));
    expect(offences(all, (name) => !name.startsWith("test/"))).toEqual([]);
  });

  it("nothing but the registry and the platform itself names a platform, the command included", () => {
    const names = readdirSync("components/platform", { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
    expect(names).toContain("lab");
    const allowed = (file: string) =>
      file === "components/platform/registry.ts" ||
      names.some((name) => file.startsWith(`components/platform/${name}/`));
    const asked = ["config", "components", "stacks", "cli", "engine", "toolchain"].flatMap(inside);
    const named = asked
      .filter((file) => !allowed(file))
      .flatMap((file) => names.filter((name) => namesPlatform(file, name)).map((name) => `${file} names ${name}`));
    expect(named).toEqual([]);
  });
});

/** By an import, or as a word of its own in quotes; not in a comment, and not in a text for users, where stacks are called like it. */
function namesPlatform(file: string, name: string): boolean {
  const code = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
  return new RegExp(`["'\`]${name}["'\`]|platform/${name}\\b|\\b${name}[A-Z]\\w*`).test(code);
}

describe("versions", () => {
  it("stand in config/releases and in no other source file", () => {
    const versions = Object.values(catalogue).flatMap((releases) => releases.map(({ version }) => version));
    const sources = files.filter((file) => !/^(config\/releases\/|test\/)/.test(file));
    const code = (file: string) => readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    const repeats = sources.flatMap((file) =>
      versions.filter((version) => code(file).includes(version)).map((version) => `${file}: ${version}`),
    );
    expect(repeats).toEqual([]);
  });
});
