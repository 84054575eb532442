/** Reads and checks a stack's configuration before any engine starts: all errors at once, nothing touched. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { relative } from "node:path";
import { type Document, isMap, LineCounter, parseDocument, visit } from "yaml";
import { type CheckedCluster, checkedCluster } from "../../components/check";
import { type Platforms, platforms } from "../../components/platform/registry";
import { ConfigurationError } from "../../config/read";
import { type Severities, severitiesKey, severityProblems } from "../../policy/severities";
import { projectDir, stackFile } from "./project";

export interface CheckedStack extends CheckedCluster {
  /** That the stack's file gives rules of the policy pack. */
  readonly severities: Severities;
}

/** What a stack file may hold beside `config`: Pulumi's own keys. */
const topLevelKeys = ["config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt"];
/** Configuration of Pulumi itself and of the providers that the program uses. */
const otherNamespaces = ["pulumi", "command", "tls", "random", "kubernetes", "aws"];
const ours = "kilonode";

/** @throws ConfigurationError with every problem, UserError for a stack that does not exist */
export function checkedStack(stack: string, stacksDir?: string, all: Platforms = platforms): CheckedStack {
  const file = stackFile(stack, stacksDir);
  const { values, severities, problems } = readStackFile(readFileSync(file, "utf8"), relative(projectDir, file));
  if (values === undefined) throw new ConfigurationError(stack, problems);
  let found = problems;
  try {
    const checked = checkedCluster(stack, values, all);
    if (found.length === 0) return { ...checked, severities: severities ?? {} };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // Those of the file in front of those of its values.
    found = [...problems, ...error.problems];
  }
  throw new ConfigurationError(stack, found);
}

/** Writes one value of the configuration; everything else in the file stays as it is, comments too. */
export function writeKey(stack: string, [key = "", ...path]: readonly string[], value: unknown): void {
  changeFile(stack, (document) =>
    document.setIn(["config", `${ours}:${key}`, ...path], document.createNode(value, { flow: true })),
  );
}

/** Takes one value out of the configuration. */
export function removeKey(stack: string, [key = "", ...path]: readonly string[]): void {
  changeFile(stack, (document) => void document.deleteIn(["config", `${ours}:${key}`, ...path]));
}

function changeFile(stack: string, change: (document: Document) => void): void {
  const file = stackFile(stack);
  const document = parseDocument(readFileSync(file, "utf8"));
  change(document);
  writeFileSync(`${file}.new`, document.toString({ lineWidth: 0 }));
  renameSync(`${file}.new`, file);
}

interface StackFileContent {
  /** Without the project's name in front; absent when the file cannot be read as configuration at all. */
  readonly values?: Readonly<Record<string, unknown>>;
  readonly severities?: Severities;
  readonly problems: readonly string[];
}

export function readStackFile(text: string, file: string): StackFileContent {
  // As Pulumi reads it: with merge keys.
  const lines = new LineCounter();
  const document = parseDocument(text, { merge: true, lineCounter: lines });
  const unreadable = [
    // Without the excerpt of the file that follows.
    ...document.errors.map(({ message }) => message.trim().replace(/:\n[\s\S]*$/, "")),
    ...aliasProblems(document, lines),
  ];
  if (unreadable.length > 0) return { problems: unreadable.map((problem) => `${file}: ${problem}`) };
  if (document.contents !== null && !isMap(document.contents)) {
    return { problems: [`${file}: holds no keys; it needs "config:" with the keys below it`] };
  }
  let top: Record<string, unknown>;
  try {
    top = (document.toJS() ?? {}) as Record<string, unknown>;
  } catch (error) {
    return { problems: [`${file}: ${(error as Error).message}`] };
  }
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
  const values = new Map<string, unknown>();
  let severities: Severities | undefined;
  for (const [key, value] of Object.entries(config ?? {})) {
    const [namespace, name] = key.includes(":")
      ? [key.slice(0, key.indexOf(":")), key.slice(key.indexOf(":") + 1)]
      : [ours, key];
    if (namespace === ours) {
      const encrypted = encryptedIn(value, name);
      problems.push(...encrypted);
      // Its default stands in for it.
      if (encrypted.length === 0) values.set(name, value);
    } else if (key === severitiesKey) {
      problems.push(...severityProblems(value));
      severities = value as Severities;
    } else if (!otherNamespaces.includes(namespace)) {
      problems.push(
        `${file}: "${key}": nothing reads it; the project's keys begin with "${ours}:", and ${severitiesKey} is that of its policy pack`,
      );
    }
  }
  return { values: Object.fromEntries(values), ...(severities && { severities }), problems };
}

/** Aliases that stand for nothing that can be read: the YAML library says so only when the value is wanted, and not where. */
function aliasProblems(document: Document, lines: LineCounter): string[] {
  const problems: string[] = [];
  visit(document, {
    Alias(_, alias, path) {
      const target = alias.resolve(document);
      if (target !== undefined && !path.includes(target)) return;
      const { line, col } = lines.linePos(alias.range?.[0] ?? 0);
      const what = target === undefined ? "names no anchor above it" : "stands within the value that it names";
      problems.push(`*${alias.source} ${what} at line ${line}, column ${col}; write the value itself there`);
    },
  });
  return problems;
}

/** Where `pulumi config set --secret` has written a value. */
function encryptedIn(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [];
  if ("secure" in value) {
    return [`${path}: is encrypted, and no knob is a secret; set it anew with \`pulumi config set\` without --secret`];
  }
  return Object.entries(value).flatMap(([name, item]) => encryptedIn(item, `${path}.${name}`));
}
