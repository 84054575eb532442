import { inspect, parseArgs } from "node:util";
import { print } from "../cli/output";
import { exitCodes, UserError } from "../config/errors";
import {
  arches,
  binaries,
  defaultBinaries,
  defaultReleases,
  etcdVersions,
  kubernetesVersions,
  type Releases,
} from "../config/releases";
import { catalogueOf, hostArch, isArch } from "./catalogue";
import { checkToolchain, ensureToolchain, isSound } from "./ensure";
import { systemCode, ToolchainError } from "./errors";
import { type Source, sources, type ToolchainOptions } from "./plan";
import { progressTo } from "./progress";

const usage = `The binaries of a cluster: compiled or downloaded once, checked by sha256 on every use.

usage: node --import tsx toolchain/main.ts <command> [options]

commands:
  ensure   make what is missing or damaged, then print every binary and where it is
  list     print the binaries that are known, in every release
  verify   check what is in the cache, make nothing

options:
  --kubernetes VERSION   ${kubernetesVersions.join(", ")} (default: ${defaultReleases.kubernetes})
  --etcd VERSION         ${etcdVersions.join(", ")} (default: ${defaultReleases.etcd})
  --binaries a,b         which binaries (default: ${defaultBinaries.join(",")})
  --source SOURCE        ${sources.join(", ")} (default: auto, which is gomod where Go is installed)
  --arch ARCH            architecture of the hosts: ${arches.join(", ")} (default: this machine's)
  --cache-dir DIR        default: $KILONODE_CACHE_DIR, or kilonode below $XDG_CACHE_HOME (~/.cache)
  --sha256 NAME=SUM,...  sums of downloads that config/releases does not pin
  --json                 print JSON, the same bytes for the same binaries
  --help

Progress goes to the standard error. Exit status: 0 done, 1 failed, 2 wrong arguments.
`;

type Command = "ensure" | "list" | "verify";

interface Arguments {
  readonly command: Command;
  readonly json: boolean;
  readonly options: ToolchainOptions;
}

/** Reads the command line; undefined means: print the help. */
function readArguments(argv: readonly string[]): Arguments | undefined {
  const { values, positionals } = parseKnown(argv);
  if (values.help) return undefined;
  const [command, ...rest] = positionals;
  if ((command !== "ensure" && command !== "list" && command !== "verify") || rest.length > 0) {
    throw wrong("the command is not one of ours", positionals.join(" ") || "none", "ensure, list, verify");
  }
  const source = values.source ?? "auto";
  if (!isSource(source)) throw wrong("unknown source", source, sources.join(", "));
  const { kubernetes = defaultReleases.kubernetes, etcd = defaultReleases.etcd, arch = hostArch() } = values;
  if (!isArch(arch)) throw wrong("unknown architecture", arch, arches.join(", "));
  return {
    command,
    json: values.json ?? false,
    options: {
      releases: { kubernetes, etcd },
      binaries: values.binaries?.flatMap(splitList),
      source,
      arch,
      cacheDir: values["cache-dir"],
      sha256: Object.fromEntries((values.sha256 ?? []).flatMap(splitList).map(readPin)),
    },
  };
}

function parseKnown(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        kubernetes: { type: "string" },
        etcd: { type: "string" },
        binaries: { type: "string", multiple: true },
        source: { type: "string" },
        arch: { type: "string" },
        "cache-dir": { type: "string" },
        sha256: { type: "string", multiple: true },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error), argv.join(" "), "see --help");
  }
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);
}

function readPin(text: string): [string, string] {
  const pin = /^([^=]+)=([0-9a-f]{64})$/.exec(text);
  const name = pin?.[1] ?? "";
  if (!pin || !Object.hasOwn(binaries, name))
    throw wrong("--sha256 is not NAME=SUM", text, "a binary's name and 64 hexadecimal digits");
  return [name, pin[2] ?? ""];
}

function isSource(text: string): text is Source {
  return (sources as readonly string[]).includes(text);
}

function wrong(what: string, got: string, allowed: string): ToolchainError {
  return new ToolchainError("arguments", { what, got, allowed, todo: "run with --help to see what there is" });
}

async function perform({ command, json, options }: Arguments, signal: AbortSignal): Promise<boolean> {
  const show = json ? asJson : columns;
  if (command === "list") {
    print(show(list()));
    return true;
  }
  if (command === "verify") {
    const tools = await checkToolchain({ ...options, signal });
    print(show(tools));
    return tools.every(isSound);
  }
  const onProgress = progressTo((line) => process.stderr.write(`${line}\n`));
  print(show(await ensureToolchain({ ...options, signal, onProgress })));
  return true;
}

/** Each binary in each of its versions, newest first. */
function list() {
  const releases = kubernetesVersions.flatMap((kubernetes) =>
    etcdVersions.map((etcd): Releases => ({ kubernetes, etcd })),
  );
  const entries = releases.reverse().flatMap(catalogueOf);
  const once = new Map(entries.map((entry) => [`${entry.name} ${entry.release.version}`, entry]));
  return [...once.values()].map((entry) => ({
    name: entry.name,
    version: entry.release.version,
    goPackage: entry.goPackage,
    pinnedRelease: Object.keys(entry.download.sha256).join(" ") || "none",
    default: (defaultBinaries as readonly string[]).includes(entry.name),
  }));
}

const asJson = (rows: readonly object[]) => `${JSON.stringify(rows, null, 2)}\n`;

/** Columns, for people. */
function columns(rows: readonly object[]): string {
  const cells = rows.map((row) => Object.values(row).map(String));
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length))) ?? [];
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return cells.map((row) => `${line(row).trimEnd()}\n`).join("");
}

async function main(): Promise<void> {
  const abort = new AbortController();
  let stoppedBy: NodeJS.Signals | undefined;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // A second Ctrl-C changes nothing: what is under way gets a few seconds to end, and is killed then.
    process.on(signal, () => {
      stoppedBy = signal;
      abort.abort();
    });
  }
  try {
    const parsed = readArguments(process.argv.slice(2));
    if (!parsed) print(usage);
    else if (!(await perform(parsed, abort.signal))) process.exitCode = 1;
  } catch (error) {
    // A system error says enough in its message (EACCES: permission denied, mkdir ...); anything else is a bug and shows where.
    const known = error instanceof UserError || systemCode(error) !== undefined;
    process.stderr.write(`${known && error instanceof Error ? `error: ${error.message}` : inspect(error)}\n`);
    process.exitCode = error instanceof UserError ? error.exitCode : exitCodes.failed;
  }
  // End by the signal itself, as whoever sent it expects (a shell stops its script only then).
  if (stoppedBy) {
    process.removeAllListeners(stoppedBy);
    process.kill(process.pid, stoppedBy);
  }
}

void main();
