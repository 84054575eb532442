/** What `toolchain/main.ts` is told on its command line. */
import { parseArgs } from "node:util";
import {
  arches,
  binaries,
  defaultBinaries,
  defaultReleases,
  etcdVersions,
  kubernetesVersions,
} from "../config/releases";
import { imageNames } from "../config/releases/images";
import { hostArch, isArch } from "./catalogue";
import { ToolchainError } from "./errors";
import { type Source, sources, type ToolchainOptions } from "./plan";

export const usage = `The binaries of a cluster: compiled or downloaded once, checked by sha256 on every use.

usage: node --import tsx toolchain/main.ts <command> [options]

commands:
  ensure   make what is missing or damaged, then print every binary and where it is
  list     print the binaries that are known, in every release
  verify   check what is in the cache, make nothing
  images   make the images of our own binaries that are missing, then print every image with its digest and where it is

options:
  --kubernetes VERSION   ${kubernetesVersions.join(", ")} (default: ${defaultReleases.kubernetes})
  --etcd VERSION         ${etcdVersions.join(", ")} (default: ${defaultReleases.etcd})
  --binaries a,b         which binaries (default: ${defaultBinaries.join(",")})
  --images a,b           which images (default: ${imageNames.join(",")})
  --source SOURCE        ${sources.join(", ")} (default: auto, which is gomod where Go is installed)
  --arch ARCH            architecture of the hosts: ${arches.join(", ")} (default: this machine's)
  --cache-dir DIR        default: $KILONODE_CACHE_DIR, or kilonode below $XDG_CACHE_HOME (~/.cache)
  --sha256 NAME=SUM,...  sums of downloads that config/releases does not pin
  --json                 print JSON, the same bytes for the same binaries
  --help

Progress goes to the standard error. Exit status: 0 done, 1 failed, 2 wrong arguments.
`;

const commands = ["ensure", "list", "verify", "images"] as const;
export type Command = (typeof commands)[number];

export interface Arguments {
  readonly command: Command;
  readonly json: boolean;
  readonly options: ToolchainOptions;
  readonly images: readonly string[] | undefined;
}

/** Reads the command line; undefined means: print the help. */
export function readArguments(argv: readonly string[]): Arguments | undefined {
  const { values, positionals } = parseKnown(argv);
  if (values.help) return undefined;
  const [command, ...rest] = positionals;
  if (!isCommand(command) || rest.length > 0)
    throw wrong("the command is not one of ours", positionals.join(" ") || "none", commands.join(", "));
  if (values.binaries && command === "images")
    throw wrong(
      "--binaries is nothing that images takes",
      values.binaries.join(","),
      "--images, which says what is in each",
    );
  if (values.images && command !== "images")
    throw wrong(`--images is nothing that ${command} takes`, values.images.join(","), "the command images");
  const source = values.source ?? "auto";
  if (!isSource(source)) throw wrong("unknown source", source, sources.join(", "));
  const { kubernetes = defaultReleases.kubernetes, etcd = defaultReleases.etcd, arch = hostArch() } = values;
  if (!isArch(arch)) throw wrong("unknown architecture", arch, arches.join(", "));
  return {
    command,
    json: values.json ?? false,
    images: values.images?.flatMap(splitList),
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
        images: { type: "string", multiple: true },
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

function isCommand(text: string | undefined): text is Command {
  return (commands as readonly (string | undefined)[]).includes(text);
}

function isSource(text: string): text is Source {
  return (sources as readonly string[]).includes(text);
}

function wrong(what: string, got: string, allowed: string): ToolchainError {
  return new ToolchainError("arguments", { what, got, allowed, todo: "run with --help to see what there is" });
}
