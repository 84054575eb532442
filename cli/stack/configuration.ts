/** Reads and checks a stack's configuration before any engine starts: all errors at once, nothing touched. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { isMap, parseDocument } from "yaml";
import { plan } from "../../components/plan/plan";
import type { ArtifactSums, ClusterPlan } from "../../components/plan/types";
import type { ClusterSpec } from "../../config/cluster";
import { ConfigurationError, readSpec } from "../../config/read";
import { binariesOf, defaultReleases, type Releases, releasesOf } from "../../config/releases";
import { projectDir, stackFile } from "./project";

export interface CheckedStack {
  readonly stack: string;
  readonly spec: ClusterSpec;
  /** With sums that only say when they are known: nothing of the machine was looked at. */
  readonly plan: ClusterPlan;
}

/** What a stack file may hold beside `config`: Pulumi's own keys. */
const topLevelKeys = ["config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"];
/** Configuration of Pulumi itself and of the providers that the program uses. */
const otherNamespaces = ["pulumi", "command", "tls", "random", "kubernetes", "aws"];
const ours = "kilonode";

/** @throws ConfigurationError with every problem, CliError for a stack that does not exist */
export function checkedStack(stack: string, stacksDir?: string): CheckedStack {
  const file = stackFile(stack, stacksDir);
  const { values, problems } = readStackFile(readFileSync(file, "utf8"), relative(projectDir, file));
  if (values === undefined) throw new ConfigurationError(stack, problems);
  const found = [...problems];
  try {
    const spec = readSpec(stack, values);
    const planned = plan(spec, placeholderSums(releasesOf(spec)));
    if (found.length === 0) return { stack, spec, plan: planned };
  } catch (error) {
    found.push(...problemsOf(error));
  }
  throw new ConfigurationError(stack, found);
}

/** Errors that list problems of the configuration (ConfigurationError, FlagError, ScaleError); anything else is a bug. */
function problemsOf(error: unknown): readonly string[] {
  if (error instanceof Error && "problems" in error && Array.isArray(error.problems)) return error.problems as string[];
  throw error;
}

interface StackFileContent {
  /** Without the project's name in front; absent when the file cannot be read as configuration at all. */
  readonly values?: Readonly<Record<string, unknown>>;
  readonly problems: readonly string[];
}

export function readStackFile(text: string, file: string): StackFileContent {
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    return { problems: document.errors.map((error) => `${file}: ${error.message.trim().replace(/:\n[\s\S]*$/, "")}`) };
  }
  if (document.contents !== null && !isMap(document.contents)) {
    return { problems: [`${file}: holds no keys; it needs "config:" with the keys below it`] };
  }
  const top = (document.toJS() ?? {}) as Record<string, unknown>;
  const problems = Object.keys(top)
    .filter((key) => !topLevelKeys.includes(key))
    .map(
      (key) =>
        `${file}: "${key}" at the top level is unknown; allowed are ${topLevelKeys.join(", ")}; knobs go below config:`,
    );
  const { config = {} } = top;
  if (config !== null && (typeof config !== "object" || Array.isArray(config))) {
    return { problems: [...problems, `${file}: config is ${JSON.stringify(config)}; it must be keys and values`] };
  }
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config ?? {})) {
    const [namespace, name] = key.includes(":")
      ? [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)]
      : [ours, key];
    if (namespace === ours) values[name] = value;
    else if (!otherNamespaces.includes(namespace)) {
      problems.push(`${file}: "${key}": nothing reads "${namespace}:"; the project's keys begin with "${ours}:"`);
    }
  }
  return { values, problems };
}

export const unknownSum = "known once it has been built";

export function placeholderSums(releases: Releases = defaultReleases): ArtifactSums {
  return Object.fromEntries(
    binariesOf(releases).map(({ name, release }) => [name, { version: release.version, sha256: unknownSum }]),
  );
}
