/** Makes images of our own binaries, and says by which digest each is pulled; kept in the cache as the binaries are. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { binariesOf, defaultReleases, type Release } from "../../config/releases";
import { type Image, type ImageName, imageNames, images } from "../../config/releases/images";
import {
  faultOf,
  layout,
  type Made,
  readManifest,
  readVerified,
  record,
  store,
  type Verified,
  withWorkDir,
} from "../cache";
import { hostArch } from "../catalogue";
import { checkToolchain, ensureToolchain, isSound, type Tool } from "../ensure";
import { ToolchainError } from "../errors";
import { sha256OfText } from "../hash";
import { type Holder, withLock } from "../lock";
import { type Context, prepare, type ToolchainOptions } from "../plan";
import type { Step } from "../progress";
import { buildImage, type ImageInput, settings } from "./build";
import { layerRecipe } from "./layer";
import { withRegistry } from "./registry";

export interface ImageOptions extends Omit<ToolchainOptions, "binaries" | "catalogue"> {
  /** Default: all that there are. */
  readonly images?: readonly string[] | undefined;
}

export interface MadeImage {
  readonly name: ImageName;
  readonly version: string;
  /** "sha256:..." of its manifest: what it is pulled by. */
  readonly digest: string;
  /** Of the archive. */
  readonly sha256: string;
  /** An archive of OCI's image layout. */
  readonly path: string;
}

/** An image that is not there to be used, with the reason in words. */
export interface LackingImage {
  readonly name: ImageName;
  readonly version: string;
  readonly fault: string;
}

export function isMade(image: MadeImage | LackingImage): image is MadeImage {
  return !("fault" in image);
}

/** Makes sure that these images, and the binaries in them, are in the cache, whole and unchanged. Makes only what is missing or damaged. */
export async function ensureImages(options: ImageOptions = {}): Promise<MadeImage[]> {
  const names = select(options.images);
  const tools = await ensureToolchain({ ...options, binaries: programsOf(names) });
  const [crane] = await ensureToolchain({ ...options, ...itself });
  const context = await prepare({ ...options, ...itself });
  const plans = names.map((name) => planOf(name, tools, crane!, options));
  const found = await checkAll(plans, context.cacheDir);
  return found.every(isFound) ? found.map(({ image }) => image) : makeAll(context, plans, crane!.path);
}

/**
 * Looks only. An image is not made yet, too, when a binary in it is not.
 * @param believe true: what was once hashed and looks unchanged is not hashed again. For a preview.
 */
export async function checkImages(options: ImageOptions = {}, believe = false): Promise<(MadeImage | LackingImage)[]> {
  const names = select(options.images);
  const tools = (await checkToolchain({ ...options, binaries: programsOf(names) }, believe)).filter(isSound);
  const [crane] = (await checkToolchain({ ...options, ...itself }, believe)).filter(isSound);
  const { cacheDir } = await prepare({ ...options, ...itself });
  const verified = believe ? await readVerified(cacheDir) : undefined;
  return Promise.all(
    names.map(async (name): Promise<MadeImage | LackingImage> => {
      const whole = images[name].programs.every((program) => tools.some((tool) => tool.name === program));
      if (!crane || !whole) return { name, version: releaseOf(name, options).version, fault: "not made yet" };
      const found = await check(planOf(name, tools, crane, options), cacheDir, verified);
      return isFound(found) ? found.image : { name, version: found.plan.input.version, fault: found.fault };
    }),
  );
}

/** What makes them runs on this machine, whatever hosts have. */
const itself = { arch: undefined, binaries: ["crane"] };

/** How one image is made, and where its record is kept. */
interface ImagePlan {
  readonly input: ImageInput;
  readonly recipe: Readonly<Record<string, string>>;
  readonly recipeName: string;
}

interface Found {
  readonly plan: ImagePlan;
  readonly image: MadeImage;
}

interface Lacking {
  readonly plan: ImagePlan;
  readonly fault: string;
  readonly before: Made | undefined;
}

const isFound = (one: Found | Lacking): one is Found => "image" in one;
/** Of the archive, in the artifact store. */
const artifactOf = (name: ImageName) => `${name}.image.tar`;

function select(wanted: readonly string[] | undefined): ImageName[] {
  const unknown = (wanted ?? []).filter((name) => !(imageNames as readonly string[]).includes(name));
  if (unknown.length > 0 || wanted?.length === 0) {
    throw new ToolchainError("arguments", {
      what: unknown.length > 1 ? "unknown images" : unknown.length === 1 ? "unknown image" : "no image named",
      got: unknown.map((name) => JSON.stringify(name)).join(", ") || "an empty list",
      allowed: imageNames.join(", "),
      todo: "name one or more of the allowed ones, separated by commas",
    });
  }
  return imageNames.filter((name) => wanted?.includes(name) ?? true);
}

const programsOf = (names: readonly ImageName[]) => [...new Set(names.flatMap((name) => [...images[name].programs]))];

/** The image has the version of what it starts. */
function releaseOf(name: ImageName, { releases = defaultReleases }: ImageOptions): Release {
  const [program] = images[name].programs;
  const found = binariesOf(releases).find((binary) => binary.name === program);
  if (!found) throw new Error(`${program} is no binary`);
  return found.release;
}

/** Everything that changes the image is in its recipe, so that a changed one has another record. */
function planOf(name: ImageName, tools: readonly Tool[], crane: Tool, options: ImageOptions): ImagePlan {
  const image: Image = images[name];
  const programs = image.programs.map((program) => tools.find((tool) => tool.name === program)!);
  const { released, version } = releaseOf(name, options);
  const input = { name, image, version, released, arch: options.arch ?? hostArch(), programs };
  const recipe = {
    crane: crane.sha256,
    layer: layerRecipe,
    released,
    settings: settings(input).join(" "),
    ...Object.fromEntries(programs.map((program) => [`program ${program.name}`, program.sha256])),
  };
  return { input, recipe, recipeName: `image-${name}-${version}-${sha256OfText(JSON.stringify(recipe)).slice(0, 16)}` };
}

function checkAll(plans: readonly ImagePlan[], cacheDir: string): Promise<(Found | Lacking)[]> {
  return Promise.all(plans.map((plan) => check(plan, cacheDir)));
}

async function check(plan: ImagePlan, cacheDir: string, verified?: Verified): Promise<Found | Lacking> {
  const { name, version } = plan.input;
  const made = (await readManifest(layout.recipe(cacheDir, plan.recipeName)))?.binaries[artifactOf(name)];
  if (made?.digest === undefined) return { plan, fault: "not made yet", before: undefined };
  const path = layout.artifact(cacheDir, made.sha256, artifactOf(name));
  const fault = await faultOf(path, made, verified);
  if (fault) return { plan, fault, before: made };
  return { plan, image: { name, version, digest: made.digest, sha256: made.sha256, path } };
}

async function makeAll(context: Context, plans: readonly ImagePlan[], crane: string): Promise<MadeImage[]> {
  const { cacheDir, child, tell } = context;
  const onWait = (holder: Holder, seconds: number) => tell({ kind: "wait", holder, seconds });
  return withLock(layout.lock(cacheDir), { onWait, signal: child.signal }, async () => {
    // Whoever held the lock before may have made what was missing.
    const lacking = (await checkAll(plans, cacheDir)).filter((one): one is Lacking => !isFound(one));
    await withWorkDir(cacheDir, (workDir) =>
      withRegistry(crane, join(workDir, "registry"), { cwd: workDir, ...child }, async (registry) => {
        for (const [done, one] of lacking.entries()) {
          await make(context, one, { index: done + 1, total: lacking.length }, { crane, registry, workDir });
        }
      }),
    );
    return (await checkAll(plans, cacheDir)).map((one) => {
      if (isFound(one)) return one.image;
      throw new ToolchainError("build", {
        what: `the image of ${one.plan.input.name} was just made, but is ${one.fault}`,
        got: cacheDir,
      });
    });
  });
}

async function make(
  { cacheDir, child, tell }: Context,
  { before, fault, plan }: Lacking,
  position: { index: number; total: number },
  { crane, registry, workDir }: { crane: string; registry: string; workDir: string },
): Promise<void> {
  const { input, recipe, recipeName } = plan;
  const step: Step = { name: input.name, version: input.version, action: "image", ...position };
  if (before) tell({ kind: "fault", name: `image of ${step.name}`, version: step.version, fault });
  tell({ kind: "start", ...step });
  const begin = Date.now();
  const own = join(workDir, input.name);
  await mkdir(own);
  const output = join(workDir, artifactOf(input.name));
  const digest = await buildImage(input, crane, registry, output, { ...child, workDir: own });
  const stored = await store(cacheDir, output, artifactOf(input.name));
  const how = `crane append and mutate ${settings(input).join(" ")}`;
  await record(layout.recipe(cacheDir, recipeName), workDir, recipe, artifactOf(input.name), {
    ...stored,
    digest,
    how,
  });
  await rm(own, { recursive: true });
  tell({ kind: "done", ...step, seconds: Math.round((Date.now() - begin) / 1000), size: stored.size });
}
