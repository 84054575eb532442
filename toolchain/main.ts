import { inspect } from "node:util";
import { print } from "../cli/output";
import { exitCodes, UserError } from "../config/errors";
import { defaultBinaries, etcdVersions, kubernetesVersions, type Releases } from "../config/releases";
import { type Arguments, readArguments, usage } from "./arguments";
import { catalogueOf } from "./catalogue";
import { checkToolchain, ensureToolchain, isSound } from "./ensure";
import { systemCode } from "./errors";
import { ensureImages } from "./images/ensure";
import { progressTo } from "./progress";

async function perform({ command, images, json, options }: Arguments, signal: AbortSignal): Promise<boolean> {
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
  const make = { ...options, signal, onProgress };
  print(show(command === "images" ? await ensureImages({ ...make, images }) : await ensureToolchain(make)));
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
