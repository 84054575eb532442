/** Reads what a Pulumi project says: Pulumi.yaml and Pulumi.<stack>.yaml (sdk/go/common/workspace/project.go). */
import { existsSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { EngineError } from "../errors";
import { Crypter } from "../state/crypter";

const Config = z.record(z.string(), z.unknown());

const ProjectFile = z.looseObject({
  name: z.string(),
  main: z.string().optional(),
  stackConfigDir: z.string().optional(),
  runtime: z.union([
    z.string(),
    z.looseObject({
      name: z.string(),
      options: z.looseObject({ nodeargs: z.string().optional(), typescript: z.boolean().optional() }).optional(),
    }),
  ]),
  config: Config.optional(),
});

const StackFile = z.looseObject({
  encryptionsalt: z.string().optional(),
  config: Config.nullish(),
});

export interface Project {
  readonly name: string;
  readonly directory: string;
  /** Where the program runs, and its file or folder seen from there (`GetPwdMain` in pkg/engine/project.go). */
  readonly programDirectory: string;
  readonly entry: string;
  readonly nodeArgs: readonly string[];
  /** Compile with the SDK's ts-node; false when node arguments bring another compiler. */
  readonly typescript: boolean;
  readonly stackConfigDirectory: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Configuration as the program gets it: full keys, text values (structured ones as JSON). */
export interface StackConfig {
  readonly values: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
}

/** A value of the configuration given in memory; a secret as `{ secret: "..." }`. */
export type ConfigValue = string | number | boolean | { readonly secret: string } | { readonly object: unknown };

function readYaml<T>(file: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(parseYaml(file, readFileSync(file, "utf8")) ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path: at, message }) => `${at.join(".") || "all of it"}: ${message}`);
  throw new EngineError("project", `${file} does not say what a Pulumi project needs:`, problems);
}

function parseYaml(file: string, text: string): unknown {
  try {
    return parse(text, { merge: true });
  } catch (error) {
    throw new EngineError("project", `${file} is not YAML: ${(error as Error).message}`);
  }
}

export function readProject(directory: string): Project {
  const file = ["Pulumi.yaml", "Pulumi.yml"].map((name) => path.join(directory, name)).find((name) => existsSync(name));
  if (file === undefined)
    throw new EngineError("project", `there is no Pulumi.yaml in ${directory}; give the folder of a Pulumi project`);
  const project = readYaml(file, ProjectFile);
  const { name: runtime, options } =
    typeof project.runtime === "string" ? { name: project.runtime, options: undefined } : project.runtime;
  if (runtime !== "nodejs")
    throw new EngineError("project", `${file}: the runtime is "${runtime}"; the rehearsal engine runs "nodejs" only`);
  const root = path.resolve(directory);
  const main = path.resolve(root, project.main ?? ".");
  if (!existsSync(main)) throw new EngineError("project", `${file}: "main" names ${main}, which does not exist`);
  const isFolder = statSync(main).isDirectory();
  return {
    name: project.name,
    directory: root,
    programDirectory: isFolder ? main : path.dirname(main),
    entry: isFolder ? "." : path.basename(main),
    nodeArgs: splitArguments(options?.nodeargs ?? ""),
    typescript: options?.typescript ?? true,
    stackConfigDirectory: path.resolve(root, project.stackConfigDir ?? "."),
    config: project.config ?? {},
  };
}

function splitArguments(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

/** The stack's configuration with `overrides` on top; secrets of the file are decrypted with the passphrase. */
export function readConfig(
  project: Project,
  stack: string,
  passphrase: string | undefined,
  overrides: Readonly<Record<string, ConfigValue>> = {},
): StackConfig {
  const values: Record<string, string> = {};
  const secretKeys = new Set<string>();
  const key = (name: string): string => (name.includes(":") ? name : `${project.name}:${name}`);
  for (const [name, raw] of Object.entries(project.config)) {
    const value = projectDefault(raw);
    if (value !== undefined) values[key(name)] = asText(value);
  }
  const file = path.join(project.stackConfigDirectory, `Pulumi.${stack}.yaml`);
  const { encryptionsalt, config } = existsSync(file) ? readYaml(file, StackFile) : {};
  let crypter: Crypter | undefined;
  for (const [name, raw] of Object.entries(config ?? {})) {
    const value = decryptSecure(raw, (ciphertext) => {
      if (encryptionsalt === undefined)
        throw new EngineError("project", `${file}: "${name}" is encrypted, and there is no encryptionsalt`);
      crypter ??= new Crypter(passphrase, encryptionsalt, file);
      secretKeys.add(key(name));
      return crypter.decrypt(ciphertext);
    });
    values[key(name)] = asText(value);
  }
  for (const [name, value] of Object.entries(overrides)) {
    secretKeys.delete(key(name));
    if (typeof value === "object" && "secret" in value) secretKeys.add(key(name));
    values[key(name)] = asText(typeof value !== "object" ? value : "secret" in value ? value.secret : value.object);
  }
  return { values, secretKeys: [...secretKeys] };
}

/** In Pulumi.yaml a value stands alone or as `{ value }` or `{ default }` beside its type. */
function projectDefault(raw: unknown): unknown {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) return raw;
  const { value, default: fallback } = raw as { value?: unknown; default?: unknown };
  return value ?? fallback;
}

/** Replaces every `{ secure: ... }`, at any depth, by its text. */
function decryptSecure(raw: unknown, decrypt: (ciphertext: string) => string): unknown {
  if (typeof raw !== "object" || raw === null) return raw;
  if (Array.isArray(raw)) return raw.map((item) => decryptSecure(item, decrypt));
  const entries = Object.entries(raw);
  const [first] = entries;
  if (entries.length === 1 && first?.[0] === "secure" && typeof first[1] === "string") return decrypt(first[1]);
  return Object.fromEntries(entries.map(([name, value]) => [name, decryptSecure(value, decrypt)]));
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
