/** One image: crane puts the layer of our programs on an empty image and says how it starts. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Arch } from "../../config/releases";
import { type Image, type ImageName, imageReference } from "../../config/releases/images";
import { ToolchainError } from "../errors";
import { type RunOptions, run } from "../run";
import { type Program, writeArchive, writeLayer } from "./layer";

export interface ImageInput {
  readonly name: ImageName;
  readonly image: Image;
  readonly version: string;
  /** When the version was published, UTC. */
  readonly released: string;
  readonly arch: Arch;
  readonly programs: readonly Program[];
}

/** What crane is told of an image, beside its layer. */
export function settings({ arch, image, name, version }: Omit<ImageInput, "programs" | "released">): string[] {
  const { folder, programs, user } = image;
  return [
    `--set-platform=linux/${arch}`,
    `--entrypoint=${join(folder, programs[0])}`,
    // Where a pod's command is looked for.
    `--env=PATH=${folder}`,
    `--user=${user}`,
    "--workdir=/",
    `--label=org.opencontainers.image.title=${name}`,
    `--label=org.opencontainers.image.version=${version}`,
  ];
}

/**
 * Makes it as an archive of OCI's image layout, which container runtimes import as it is. `workDir` is empty, and the image's own.
 * @param registry address of crane's own
 * @returns the digest of its manifest, by which it is pulled
 */
export async function buildImage(
  input: ImageInput,
  crane: string,
  registry: string,
  output: string,
  { env, signal, workDir }: Omit<RunOptions, "cwd"> & { readonly workDir: string },
): Promise<string> {
  // Neither an operator's credentials nor their proxy have a part in this.
  const options = { cwd: workDir, env: { ...env, DOCKER_CONFIG: workDir, NO_PROXY: "127.0.0.1" }, signal };
  const ask = async (...args: string[]) => {
    const result = await run(crane, args, options);
    if (result.status === 0) return result.stdout.trim();
    throw failed(input, `crane ${args[0]}: ${result.stderr.trim().slice(-2000)}`);
  };
  const [layer, layout] = [join(workDir, "layer.tar"), join(workDir, "layout")];
  await writeLayer(input.image, input.programs, input.released, layer, options);
  const tag = `${registry}/${input.name}:layer`;
  // From here on by digest: whoever else pushes to that address changes nothing.
  const appended = await ask("append", "--oci-empty-base", "--new_layer", layer, "--new_tag", tag);
  const made = await ask("mutate", ...settings(input), appended);
  const digest = /@(sha256:[0-9a-f]{64})$/.exec(made)?.[1];
  if (digest === undefined)
    throw failed(input, `crane said ${JSON.stringify(made.slice(0, 200))}, which ends in no digest`);
  await mkdir(layout);
  await ask("pull", "--format=oci", made, layout);
  await nameIt(layout, digest, input);
  await writeArchive(layout, input.released, output, options);
  return digest;
}

/** Says in the layout how the image is called: a runtime that imports it gives it that name. */
async function nameIt(layout: string, digest: string, input: ImageInput): Promise<void> {
  const file = join(layout, "index.json");
  const index = JSON.parse(await readFile(file, "utf8")) as { manifests: { digest: string }[] };
  const [manifest, ...others] = index.manifests;
  if (manifest?.digest !== digest || others.length > 0)
    throw failed(
      input,
      `the layout has ${index.manifests.map((one) => one.digest).join(", ") || "nothing"}, not ${digest}`,
    );
  const reference = imageReference(input.name, input.version);
  const annotations = {
    "io.containerd.image.name": reference,
    "org.opencontainers.image.ref.name": `v${input.version}`,
  };
  await writeFile(file, `${JSON.stringify({ ...index, manifests: [{ ...manifest, annotations }] })}\n`);
}

function failed({ name, version }: ImageInput, got: string): ToolchainError {
  return new ToolchainError("build", {
    what: `the image of ${name} ${version} could not be made`,
    got,
    todo: "run the same command again; what is finished is kept",
  });
}
