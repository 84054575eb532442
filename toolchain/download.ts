import { createWriteStream, existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { Arch } from "../config/releases";
import { downloadOf, type Entry } from "./catalogue";
import { interrupted, systemCode, ToolchainError } from "./errors";
import { sha256OfFile } from "./hash";
import { run } from "./run";

/** Sums given by the configuration (`toolchain.sha256`), by binary name; they win over those of config/releases. */
export type Pins = Readonly<Record<string, string>>;

/** The sum the download must have. There is no way round it: what cannot be checked is not run. */
export function pinOf(entry: Entry, arch: Arch, pins: Pins): string {
  requirePins([entry], arch, pins);
  return givenPin(entry, arch, pins) ?? "";
}

export function hasPin(entry: Entry, arch: Arch, pins: Pins): boolean {
  return entry.download.url !== undefined && /^[0-9a-f]{64}$/.test(givenPin(entry, arch, pins) ?? "");
}

function givenPin(entry: Entry, arch: Arch, pins: Pins): string | undefined {
  return pins[entry.name] ?? entry.download.sha256[arch];
}

/** Refuses binaries without a pinned sum, all of them at once, with the addresses the sums are wanted for. */
export function requirePins(entries: readonly Entry[], arch: Arch, pins: Pins): void {
  const without = entries.filter((entry) => !hasPin(entry, arch, pins));
  if (without.length === 0) return;
  const got = without.map((entry) => {
    const url = downloadOf(entry, arch)?.url;
    if (url === undefined) return `${entry.name} ${entry.release.version}: nobody publishes it by itself`;
    return `${entry.name} ${entry.release.version}: ${givenPin(entry, arch, pins) ?? "no sum"} for ${url}`;
  });
  const names = without.map((entry) => entry.name);
  throw new ToolchainError("pin", {
    what: `no pinned sum for the ${arch} release of ${names.join(", ")}: not downloaded`,
    got: got.join("\n           "),
    allowed: "a sha256 (64 lower-case hexadecimal digits) of the file at that address",
    todo:
      "take the sums from a source you trust and set them as `toolchain.sha256` in the configuration, or on the command line with " +
      `--sha256 ${names[0]}=<sum>; or compile with --source gomod`,
  });
}

export function releaseRecipe(entry: Entry, arch: Arch): Record<string, string> {
  // Without the sum: each manifest entry says which one it was checked with, and a new pin concerns only its own binary.
  return { source: "release", arch, version: entry.release.version };
}

/** How a downloaded binary came about. Compared with the manifest's, so that a changed pin is downloaded again. */
export function releaseHow(entry: Entry, arch: Arch, pins: Pins): string {
  const { url, member } = addressOf(entry, arch);
  return `release: ${url}${member ? `#${member}` : ""} sha256 ${pinOf(entry, arch, pins)}`;
}

/** Of a binary that has a pinned sum, and so an address. */
function addressOf(entry: Entry, arch: Arch): { url: string; member: string | undefined } {
  const address = downloadOf(entry, arch);
  if (!address) throw new Error(`${entry.name} has no download`);
  return address;
}

export interface FetchOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads one binary to `output`, checking the sum before anything is unpacked. An archive stays in `workDir` under its sum for the next
 * binary out of it (etcd's three programs are one download).
 */
export async function download(
  entry: Entry,
  arch: Arch,
  pins: Pins,
  output: string,
  workDir: string,
  options: FetchOptions,
): Promise<string> {
  const pin = pinOf(entry, arch, pins);
  const { url, member } = addressOf(entry, arch);
  const file = join(workDir, `download-${pin}`);
  if (!existsSync(file)) await save(entry, url, file, options.signal);
  const sha256 = await sha256OfFile(file);
  if (sha256 !== pin) {
    throw new ToolchainError("pin", {
      what: `the download of ${entry.name} ${entry.release.version} is not what is pinned; it was thrown away`,
      got: `sha256 ${sha256} from ${url}`,
      allowed: `sha256 ${pin}`,
      todo: "try again in case the download was cut; if it stays so, do not use it and check the pinned sum with the publisher",
    });
  }
  await rename(await unpacked(entry, { url, member, file, dir: workDir }, options), output);
  return releaseHow(entry, arch, pins);
}

async function save(entry: Entry, url: string, file: string, signal: AbortSignal | undefined): Promise<void> {
  const failed = (got: string) =>
    new ToolchainError("network", {
      what: `the release of ${entry.name} ${entry.release.version} could not be downloaded`,
      got: `${got} (${url})`,
      allowed: "an answer of 200 from that address",
      todo: "check the network and try again, or compile it with --source gomod",
    });
  try {
    const response = await fetch(url, { signal: signal ?? null });
    if (!response.ok || !response.body) throw failed(`HTTP ${response.status}`);
    await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(file));
  } catch (error) {
    if (signal?.aborted) throw interrupted();
    if (error instanceof ToolchainError || systemCode(error) === "ENOSPC" || systemCode(error) === "EDQUOT")
      throw error;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw failed(cause instanceof Error ? cause.message : String(cause));
  }
}

/** @returns the binary in a download: a member of an archive, what is compressed, or the download itself */
async function unpacked(
  entry: Entry,
  { dir, file, member, url }: { url: string; member: string | undefined; file: string; dir: string },
  options: FetchOptions,
): Promise<string> {
  const extract = ["tar", "-xzf", file, "-C", dir, "--no-same-owner", member ?? ""] as const;
  // Without an ending of its own the file gets another one.
  const decompress = ["bunzip2", "--keep", "--force", file] as const;
  if (!member && !url.endsWith(".bz2")) return file;
  const [program, ...words] = member ? extract : decompress;
  const result = await run(program, words, { ...options, cwd: dir });
  if (result.status === 0) return member ? join(dir, member) : `${file}.out`;
  if (/no space left|quota exceeded/i.test(result.stderr)) {
    throw new ToolchainError("disk", { what: `no space left on the disk while unpacking ${entry.name}` });
  }
  throw new ToolchainError("build", {
    what: `the archive of ${entry.name} could not be unpacked`,
    got: result.stderr.trim(),
  });
}
