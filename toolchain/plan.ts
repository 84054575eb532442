import { type Arch, defaultBinaries, defaultReleases, type Releases } from "../config/releases";
import { defaultCacheDir, layout } from "./cache";
import { type Catalogue, catalogueOf, type Entry, hostArch, select } from "./catalogue";
import { hasPin, type Pins, releaseHow, releaseRecipe, requirePins } from "./download";
import { ToolchainError } from "./errors";
import { findGo, type Go, goIsMissing, goRecipe } from "./go";
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
  /** The Go that compiles it; undefined for a download. */
  readonly go: Go | undefined;
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
  const gos = await chooseGo(entries, options.source ?? "auto", arch, pins, child);
  const plans = await Promise.all(
    entries.map(async (entry): Promise<Plan> => {
      const go = gos.get(entry.moduleDir);
      const recipe = go ? await goRecipe(entry, arch, go) : releaseRecipe(entry, arch);
      const digest = sha256OfText(JSON.stringify(recipe)).slice(0, 16);
      const recipeDir = layout.recipe(cacheDir, `${entry.product}-${entry.release.version}-${digest}`);
      return { entry, recipe, recipeDir, how: go ? undefined : releaseHow(entry, arch, pins), go };
    }),
  );
  return { plans, arch, cacheDir, pins, tell: options.onProgress ?? (() => undefined), child };
}

/** The Go for each module folder; none at all means: download. */
async function chooseGo(
  entries: readonly Entry[],
  source: Source,
  arch: Arch,
  pins: Pins,
  child: Context["child"],
): Promise<Map<string, Go>> {
  const gos = new Map<string, Go>();
  if (source === "release") {
    requirePins(entries, arch, pins);
    return gos;
  }
  const oneOfEach = [...new Map(entries.map((entry) => [entry.moduleDir, entry])).values()];
  try {
    await Promise.all(
      oneOfEach.map(async (entry) => {
        const go = await findGo(entry, child);
        if (!go) throw goIsMissing(entry);
        gos.set(entry.moduleDir, go);
      }),
    );
    return gos;
  } catch (error) {
    const mayDownload = source === "auto" && error instanceof ToolchainError && error.kind === "go";
    if (mayDownload && entries.every((entry) => hasPin(entry, arch, pins))) return new Map();
    throw error;
  }
}
