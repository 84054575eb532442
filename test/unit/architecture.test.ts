/** The arrows between the folders, and the one place for versions. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../config/releases";

const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file.endsWith(".ts") && !file.includes("conformance/"));

/** The text of a file without comments of whole lines, which may name what they do not import. */
const uncommented = (file: string) => readFileSync(file, "utf8").replaceAll(/^\s*(\/\*[\s\S]*?\*\/|\/\/.*)/gm, "");

/** Imports of a file: paths within the repository, names of packages. */
function imports(file: string, text = uncommented(file)): string[] {
  return [...text.matchAll(/(?:from|require\(|import\(?)\s*"([^"]+)"/g)].map(([, name]) =>
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

  it("components import neither stacks nor cli nor engine nor policy; nothing imports test", () => {
    expect(offences(inside("components"), (name) => !/^(stacks|cli|engine|bench|policy)\//.test(name))).toEqual([]);
    const all = files.filter((file) => !file.startsWith("test/"));
    expect(offences(all, (name) => !name.startsWith("test/"))).toEqual([]);
  });

  it("the policy pack knows nothing of the program that it judges, but what instances there are", () => {
    const known = ["@pulumi/policy", "@pulumi/pulumi", "config/instances"];
    expect(inside("policy").length).toBeGreaterThan(15);
    expect(offences(inside("policy"), (name) => name.startsWith("policy/") || known.includes(name))).toEqual([]);
  });

  it("a provider of a cloud is imported by its platform alone, class by class: the whole of it takes long to load", () => {
    const importing = files.flatMap((file) =>
      imports(file).flatMap((name) => (name.startsWith("@pulumi/aws") ? [`${dirname(file)} ${name}`] : [])),
    );
    const platform = importing.filter((line) => /^components\/platform\/aws @pulumi\/aws\/./.test(line));
    expect(platform.length).toBeGreaterThan(20);
    expect(importing.filter((line) => !platform.includes(line) && !line.startsWith("test/"))).toEqual([]);
  });

  it("nothing but the registry and the platform itself names a platform, the command included", () => {
    const names = readdirSync("components/platform", { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
    expect(names).toContain("lab");
    // These name packages of Pulumi's, and a platform may be called like one.
    const packages = ["cli/stack/configuration.ts", "engine/providers/aws/"];
    const allowed = (file: string) =>
      file === "components/platform/registry.ts" ||
      packages.some((path) => file.startsWith(path)) ||
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

describe("a host's shell", () => {
  const production = ["config", "components", "stacks", "cli", "engine", "toolchain"].flatMap(inside);
  const having = (pattern: RegExp) => production.filter((file) => pattern.test(uncommented(file)));

  it("gets its text from one place, which takes words and quotes them", () => {
    expect(having(/\bsudo\b.*-n\b|replaceAll\("'"/)).toEqual([
      "components/access/privilege.ts",
      "cli/hosts/openssh.ts",
    ]);
    expect(having(/from "ssh2"|require\("ssh2"\)/).filter((file) => !file.startsWith("engine/"))).toEqual([
      "components/access/ssh.ts",
    ]);
    const commands = having(/new remote\.Command\(/);
    expect(commands).toEqual(["components/host/content.ts"]);
    expect(readFileSync(commands[0]!, "utf8")).toMatch(/ create: .*=> asRoot\(user, words\)\),\n/);
  });

  it("is started by itself for a text that is ours, or the operator's own", () => {
    const shells = having(/"(ba|da)?sh",|"-c"/);
    expect(shells.filter((file) => !file.startsWith("engine/"))).toEqual([
      // The loader and the runner of host programs; `kilonode ssh HOST -- COMMAND`; a program of the project.
      "components/host/delivery.ts",
      "cli/commands/ssh.ts",
      "cli/hosts/ask.ts",
    ]);
  });

  it("is no part of a command on this machine either: programs are started by words, or by a text that is always the same", () => {
    const started = production
      .filter((file) => !file.startsWith("engine/"))
      .flatMap((file) =>
        [...uncommented(file).matchAll(/import \{([^}]*)\} from "node:child_process"/g)].flatMap(([, names = ""]) =>
          names.split(",").map((name) => name.trim()),
        ),
      );
    const kinds = ["execFile", "execFileSync", "spawn", "spawnSync", "type ChildProcess"];
    expect(started.filter((name) => name !== "" && !kinds.includes(name))).toEqual([]);
    expect(having(/\bshell: true/)).toEqual([]);
    const holes = inside("components").flatMap((file) =>
      [...uncommented(file).matchAll(/\b(?:create|update|delete):[^\n]*?`([^`]*)`/g)].flatMap(([, text = ""]) =>
        [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, hole]) => hole),
      ),
    );
    expect(new Set(holes)).toEqual(new Set(["program", "scripts", "look.verb"]));
  });
});

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

/** The file that an import within the repository leads to. */
function target(name: string): string | undefined {
  return [`${name}.ts`, `${name}/index.ts`].find((file) => files.includes(file));
}

const targets = (file: string) => imports(file).flatMap((name) => target(name) ?? []);

/** What is loaded with the file: its imports without those of types alone. */
function loads(file: string): string[] {
  return imports(file, uncommented(file).replaceAll(/^(import|export) type [^;]*;|typeof import\([^)]*\)/gm, ""));
}

describe("the engine", () => {
  const rooms = ["values", "state", "provider", "run", "sdk", "providers", "policy", "steps", "program", "stack"];
  const roomOf = (file: string) => file.split("/")[1] ?? "";

  it("shows two faces, and nothing outside imports what is behind them", () => {
    const outside = files.filter((file) => !file.startsWith("engine/") && !file.startsWith("test/engine/"));
    const isInside = (name: string) => name.startsWith("engine/") && name !== "engine/rehearsal";
    expect(offences(outside, (name) => !isInside(name))).toEqual([]);
  });

  it("is quick to load by the first of them: no package, no gRPC, no SDK", () => {
    const packages = new Set<string>();
    const seen = new Set(["engine/index.ts"]);
    for (const file of seen) {
      for (const name of loads(file)) {
        const next = target(name);
        if (next === undefined) packages.add(name);
        else seen.add(next);
      }
    }
    expect([...packages].filter((name) => !name.startsWith("node:"))).toEqual([]);
    expect(seen).toContain("engine/state/store.ts");
  });

  it("consists of rooms, each of which knows only those before it", () => {
    const found = new Set(inside("engine").map(roomOf));
    expect([...found].filter((name) => !name.endsWith(".ts")).sort()).toEqual([...rooms].sort());
    const upward = inside("engine").flatMap((file) =>
      targets(file)
        .filter((to) => rooms.indexOf(roomOf(to)) > rooms.indexOf(roomOf(file)) && rooms.includes(roomOf(file)))
        .map((to) => `${file} imports ${to}`),
    );
    expect(upward).toEqual([]);
  });
});

describe("imports", () => {
  function circles(from: readonly string[], next: (file: string) => readonly string[]): string[] {
    const found: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]) => {
      if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(" -> "));
      if (done.has(file) || path.includes(file)) return;
      for (const to of next(file)) visit(to, [...path, file]);
      done.add(file);
    };
    for (const file of from) visit(file, []);
    return found;
  }

  it("go in no circle, not even of types", () => {
    expect(files.length).toBeGreaterThan(300);
    expect(circles(files, targets)).toEqual([]);
  });

  it("are found to go in a circle where they do", () => {
    const ring: Record<string, string[]> = { start: ["a"], a: ["b"], b: ["c", "a"], c: ["start"] };
    expect(circles(["start"], (file) => ring[file] ?? [])).toEqual(["start -> a -> b -> c -> start", "a -> b -> a"]);
  });

  it("are seen in every form", () => {
    const text = `import "./a"; import b from "./b"; import type { C } from "./c"; export * from "../d";
      const e = require("./e") as typeof import("./f");`;
    expect(imports("cli/here.ts", text)).toEqual(["cli/a", "cli/b", "cli/c", "d", "cli/e", "cli/f"]);
  });
});
