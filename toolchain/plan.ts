import { type Arch, defaultBinaries, defaultReleases, type Releases } from "../config/releases";
import { defaultCacheDir, layout } from "./cache";
import { type Catalogue, catalogueOf, type Entry, hostArch, select } from "./catalogue";
import { type Compilers, compileRecipe, findCompilers } from "./compile";
import { hasPin, type Pins, releaseHow, releaseRecipe, requirePins } from "./download";
import { ToolchainError } from "./errors";
import { sha256OfText } from "./hash";
import type { Progress } from "./progress";

/** `gomod` compiles from the Go module proxy, `release` downloads; `auto` is gomod where a fitting Go is installed, release otherwise. */
export const sources = ["gomod", "release", "auto"] as const;
export type Source = (typeof sources)[number];

export interface ToolchainOptions {
  /** Default: what a cluster runs unless its configuration says otherwise. */
  readonly releases?: Releases | undefined;
  /** Default: all that a whole cluster runs (`defaultBinaries`). */
  readonly binaries?: readonly string[] | undefined;
  /** Default: auto. */
  readonly source?: Source | undefined;
  /** Architecture of the hosts that will run them. Default: that of this machine. */
  readonly arch?: Arch | undefined;
  /** Default: `$KILONODE_CACHE_DIR`, or `kilonode` below `$XDG_CACHE_HOME` (~/.cache). */
  readonly cacheDir?: string | undefined;
  /** Sums for the `release` source, by binary name, beside those of config/releases. */
  readonly sha256?: Pins | undefined;
  readonly onProgress?: ((event: Progress) => void) | undefined;
  /** Aborting ends compilers and downloads; what is finished stays. */
  readonly signal?: AbortSignal | undefined;
  /** For tests: other binaries than ours, and another environment. */
  readonly catalogue?: Catalogue | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** How one binary is made, and where its record is kept. */
export interface Plan {
  readonly entry: Entry;
  readonly recipe: Readonly<Record<string, string>>;
  readonly recipeDir: string;
  /** What the record must say of how it was made; undefined where the recipe already says it all. */
  readonly how: string | undefined;
  /** What compiles it; undefined for a download. */
  readonly compilers: Compilers | undefined;
}

export interface Context {
  readonly plans: readonly Plan[];
  readonly arch: Arch;
  readonly cacheDir: string;
  readonly pins: Pins;
  readonly tell: (event: Progress) => void;
  readonly child: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal | undefined };
}

export async function prepare(options: ToolchainOptions): Promise<Context> {
  const entries = select(
    options.catalogue ?? catalogueOf(options.releases ?? defaultReleases),
    options.binaries ?? defaultBinaries,
  );
  const env = options.env ?? process.env;
  const arch = options.arch ?? hostArch();
  const cacheDir = options.cacheDir ?? defaultCacheDir(env);
  const pins = options.sha256 ?? {};
  const child = { env, signal: options.signal };
  const chosen = await chooseCompilers(entries, options.source ?? "auto", arch, pins, child);
  const plans = await Promise.all(
    entries.map(async (entry): Promise<Plan> => {
      const compilers = chosen.get(entry.name);
      const recipe = compilers ? await compileRecipe(entry, arch, compilers) : releaseRecipe(entry, arch);
      const digest = sha256OfText(JSON.stringify(recipe)).slice(0, 16);
      const recipeDir = layout.recipe(cacheDir, `${entry.product}-${entry.release.version}-${digest}`);
      return { entry, recipe, recipeDir, how: compilers ? undefined : releaseHow(entry, arch, pins), compilers };
    }),
  );
  return { plans, arch, cacheDir, pins, tell: options.onProgress ?? (() => undefined), child };
}

/** What compiles each of them, by name; none at all means: download. */
async function chooseCompilers(
  entries: readonly Entry[],
  source: Source,
  arch: Arch,
  pins: Pins,
  child: Context["child"],
): Promise<Map<string, Compilers>> {
  if (source === "release") {
    requirePins(entries, arch, pins);
    return new Map();
  }
  // Programs of one folder have one Go, unless one of them takes a C compiler as well.
  const kindOf = (entry: Entry) => `${entry.moduleDir} ${entry.c ? entry.name : ""}`;
  const oneOfEach = [...new Map(entries.map((entry) => [kindOf(entry), entry])).values()];
  try {
    const found = await Promise.all(
      oneOfEach.map(async (entry) => [kindOf(entry), await findCompilers(entry, arch, child)] as const),
    );
    const ofKind = new Map(found);
    return new Map(entries.flatMap((entry) => [[entry.name, ofKind.get(kindOf(entry))!] as const]));
  } catch (error) {
    const lacking = error instanceof ToolchainError && (error.kind === "go" || error.kind === "compiler");
    const mayDownload = source === "auto" && lacking;
    if (mayDownload && entries.every((entry) => hasPin(entry, arch, pins))) return new Map();
    throw error;
  }
}
