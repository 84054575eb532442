import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Arch } from "../config/releases";
import type { Entry } from "./catalogue";
import { systemCode, ToolchainError } from "./errors";
import { sha256OfText } from "./hash";
import { run } from "./run";

export interface Go {
  /** As `go version` says it, for example "go1.26.8". */
  readonly version: string;
  readonly experiment: string;
  readonly proxy: string;
}

export interface GoOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Everything that changes what the compiler writes, besides the sources. With `-trimpath` and a fixed date the result is the same bytes on
 * every machine with the same Go; the settings of the user's environment (GOFLAGS, go.work, CPU level) must not change it either.
 */
export function goEnvironment(arch: Arch): Record<string, string> {
  return {
    CGO_ENABLED: "0",
    GOOS: "linux",
    GOARCH: arch,
    GOAMD64: "v1",
    GOARM64: "v8.0",
    GOFIPS140: "off",
    GOFLAGS: "-mod=readonly",
    GOWORK: "off",
  };
}

export function buildArguments(entry: Entry): string[] {
  const { tags, variables } = entry.release;
  const set = Object.entries(variables).map(([name, value]) => `-X=${name}=${value}`);
  // With parts in C: still one static file, whose addresses differ in each process.
  const link = entry.c ? ["-linkmode=external", "-extldflags=-static-pie"] : [];
  return [
    "build",
    "-trimpath",
    "-buildvcs=false",
    ...(entry.c ? ["-buildmode=pie"] : []),
    `-tags=${[...tags, ...(entry.tags ?? [])].join(",")}`,
    `-ldflags=${["-s", "-w", ...set, ...link].join(" ")}`,
  ];
}

/** The Go that would compile this product's module, or undefined where Go is not installed. */
export async function findGo(entry: Entry, options: GoOptions): Promise<Go | undefined> {
  const result = await run("go", ["env", "-json", "GOVERSION", "GOEXPERIMENT", "GOPROXY"], {
    cwd: entry.moduleDir,
    env: { ...options.env, GOWORK: "off" },
    signal: options.signal,
  }).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "EACCES") return undefined;
    throw error;
  });
  if (!result) return undefined;
  if (result.status !== 0) throw explain(entry, result.stderr, "?");
  const found = JSON.parse(result.stdout) as Record<string, string>;
  return { version: found.GOVERSION ?? "", experiment: found.GOEXPERIMENT ?? "", proxy: found.GOPROXY ?? "" };
}

export function goIsMissing(entry: Entry): ToolchainError {
  return new ToolchainError("go", {
    what: `Go is not installed, and ${entry.name} ${entry.release.version} is to be compiled`,
    got: "no `go` on PATH",
    allowed: "the Go that toolchain/*/*/go.mod asks for, or newer",
    todo: "install Go (https://go.dev/dl), or use the official downloads with --source release",
  });
}

/** What a recipe of source `gomod` is made of. Go's patch level too: its standard library is part of each binary, with its security fixes. */
export async function goRecipe(
  entry: Entry,
  go: Go,
  environment: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const sumOf = async (name: string) => sha256OfText(await readFile(join(entry.moduleDir, name), "utf8"));
  return {
    source: "gomod",
    go: go.version,
    experiment: go.experiment,
    environment: Object.entries(environment)
      .map((pair) => pair.join("="))
      .join(" "),
    arguments: buildArguments(entry).join(" "),
    "go.mod": await sumOf("go.mod"),
    "go.sum": await sumOf("go.sum"),
  };
}

/** Compiles one binary to `output`. Go's own scratch folders go to `workDir`, so that they are removed with it, also after a kill. */
export async function goBuild(
  entry: Entry,
  go: Go,
  environment: Readonly<Record<string, string>>,
  output: string,
  workDir: string,
  options: GoOptions,
): Promise<string> {
  const args = buildArguments(entry);
  // Lower priority: half a dozen minutes of compiling should not freeze the machine of whoever waits for it.
  const result = await run("nice", ["-n", "5", "go", ...args, "-o", output, entry.goPackage], {
    cwd: entry.moduleDir,
    env: { ...options.env, ...environment, GOTMPDIR: workDir },
    signal: options.signal,
  });
  if (result.status !== 0) throw explain(entry, result.stderr, go.proxy);
  return `${go.version}: go ${args.join(" ")} ${entry.goPackage}`;
}

/** Turns what Go printed into an error that says what to do. The patterns are Go's own wording; anything else is passed on as it is. */
export function explain(entry: Entry, stderr: string, proxy: string): ToolchainError {
  const name = `${entry.name} ${entry.release.version}`;
  const lines = stderr.trim().split("\n");
  const last = lines.slice(-15).join("\n           ");
  const old = /requires go >= (\S+) \(running go (\S+?)[;)]/.exec(stderr);
  if (old) {
    return new ToolchainError("go", {
      what: `Go is too old to compile ${name}`,
      got: `go ${old[2]}`,
      allowed: `go ${old[1]} or newer`,
      todo: "install a newer Go (https://go.dev/dl), or let Go fetch it itself with GOTOOLCHAIN=auto, or use --source release",
    });
  }
  if (/no space left on device|disk quota exceeded/i.test(stderr)) {
    const got = lines.find((one) => /no space left|quota exceeded/i.test(one))?.trim();
    return new ToolchainError("disk", {
      what: `no space left on the disk while compiling ${name}`,
      ...(got && { got }),
    });
  }
  const line = (pattern: RegExp) => lines.find((one) => pattern.test(one))?.trim();
  const security = line(/SECURITY ERROR|checksum mismatch/);
  if (security) {
    return new ToolchainError("build", {
      what: `the source of ${name} is not what toolchain/${entry.product}/${entry.release.version}/go.sum pins`,
      got: security,
      allowed: "exactly the pinned modules",
      todo: "do not go on; find out which proxy (GOPROXY) served it, and clean its copy with `go clean -modcache`",
    });
  }
  const network = line(
    /dial tcp|no such host|connection re(fused|set)|i\/o timeout|TLS handshake|x509:|module lookup disabled|: [45]\d\d [A-Z]/,
  );
  if (network) {
    return new ToolchainError("network", {
      what: `the Go module proxy did not give the source of ${name}`,
      got: `${network} (GOPROXY=${proxy})`,
      allowed: "a Go module proxy that can be reached, or a module cache that already holds the source",
      todo: "check the network, or name another proxy with GOPROXY; finished binaries are kept",
    });
  }
  return new ToolchainError("build", { what: `Go could not compile ${name}`, got: last });
}
