/**
 * Images of our own binaries, made by the real crane: twice, in different folders, by users with another umask, time zone and language,
 * and they are the same. Without crane in the cache a test run of a submission does without them: compiling it takes a minute.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ImageName, imageNames, imageReference, images } from "../../config/releases/images";
import { defaultCacheDir } from "../../toolchain/cache";
import { checkToolchain, ensureToolchain, isSound } from "../../toolchain/ensure";
import { ensureImages, type MadeImage } from "../../toolchain/images/ensure";
import { withRegistry } from "../../toolchain/images/registry";
import { everything, nightly } from "../support/nightly";

/** At night all of them; pause takes a C compiler. */
const wanted: readonly ImageName[] = everything ? imageNames : ["kube-scheduler", "etcd"];
/** Half a minute each where the machine has nothing else to do. */
const buildMs = 900_000;
const programs = [...wanted.flatMap((name) => [...images[name].programs]), "crane"];

describe("images of our own binaries", () => {
  const folder = mkdtempSync(join(tmpdir(), "kilonode-images-"));
  let lacking: string | undefined;
  let crane = "";
  let sums: readonly string[] = [];
  let first: readonly MadeImage[] = [];

  beforeAll(async () => {
    if (everything) await ensureToolchain({ binaries: programs });
    const tools = await checkToolchain({ binaries: programs });
    const missing = tools.filter((tool) => !isSound(tool)).map(({ name }) => name);
    if (missing.length > 0) {
      lacking = `not in the cache: ${missing.join(", ")}; make them with: node --import tsx toolchain/main.ts ensure --binaries ${missing.join(",")}`;
      return;
    }
    sums = tools.filter(isSound).map(({ sha256 }) => sha256);
    crane = tools.filter(isSound).find(({ name }) => name === "crane")?.path ?? "";
    first = await build(sums, join(folder, "first"), 0o022);
  }, buildMs);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test(
    "are the same, byte by byte, from another folder, at another time, by a user with another umask",
    async (context) => {
      if (lacking) return context.skip(lacking);
      const second = await build(sums, join(folder, "another", "second"), 0o077, {
        TZ: "Asia/Tokyo",
        LC_ALL: "C.UTF-8",
      });
      const known = ({ digest, name, sha256 }: MadeImage) => ({ name, digest, sha256 });
      expect(second.map(known)).toEqual(first.map(known));
      expect(first).toHaveLength(wanted.length);
      for (const [index, { path }] of second.entries()) expect(path).not.toBe(first[index]?.path);
    },
    buildMs,
  );

  test("hold one layer with their programs alone, and run as a user without rights on the right platform", (context) => {
    if (lacking) return context.skip(lacking);
    for (const image of first) {
      const { config, layers, layout } = contentOf(image, folder);
      const { folder: at, programs: inside, user } = images[image.name];
      expect(config).toMatchObject({
        os: "linux",
        architecture: process.arch === "x64" ? "amd64" : "arm64",
        config: { User: user, Entrypoint: [join(at, inside[0])], Env: [`PATH=${at}`] },
      });
      expect(layers).toHaveLength(1);
      const names = execFileSync("tar", ["-tzf", join(layout, "blobs/sha256", layers[0] ?? "")], { encoding: "utf8" });
      const files = names.split("\n").filter((name) => name !== "" && !name.endsWith("/"));
      expect(files.sort()).toEqual(inside.map((name) => join(at, name).slice(1)).sort());
    }
  });

  test("run as that user where there is nothing else", (context) => {
    if (lacking) return context.skip(lacking);
    if (process.getuid?.() !== 0) return context.skip("only root can change the root of a process");
    for (const image of first) {
      const { config, layers, layout } = contentOf(image, folder);
      const root = mkdtempSync(join(folder, "root-"));
      chmodSync(root, 0o755);
      execFileSync("tar", ["-xzf", join(layout, "blobs/sha256", layers[0] ?? ""), "-C", root]);
      const [entrypoint = ""] = config.config.Entrypoint;
      const version = image.name === "pause" ? "-v" : "--version";
      const said = execFileSync("chroot", [`--userspec=${config.config.User}`, root, entrypoint, version], {
        encoding: "utf8",
      });
      expect(said).toContain(image.version);
    }
  });

  test("are had by their digest from a registry that they were pushed to, and another one is not", async (context) => {
    if (lacking) return context.skip(lacking);
    const [image] = first as [MadeImage];
    const { layout } = contentOf(image, folder);
    const options = { cwd: folder, env: { ...process.env, DOCKER_CONFIG: folder } };
    await withRegistry(crane, join(folder, "registry"), options, async (address) => {
      const ask = (...args: string[]) =>
        execFileSync(crane, args, { ...options, encoding: "utf8", stdio: "pipe" }).trim();
      const repository = `${address}/${image.name}`;
      ask("push", layout, `${repository}:v${image.version}`);
      expect(ask("digest", `${repository}:v${image.version}`)).toBe(image.digest);
      expect(ask("validate", "--remote", `${repository}@${image.digest}`)).toMatch(/^PASS/);
      expect(() => ask("manifest", `${repository}@sha256:${"0".repeat(64)}`)).toThrow(/MANIFEST_UNKNOWN/);
    });
  });

  nightly("are imported by a real containerd as they are, under their names and digests", async (context) => {
    if (lacking) return context.skip(lacking);
    if (process.getuid?.() !== 0) return context.skip("containerd runs as root");
    const [containerd, ctr] = await ensureToolchain({ binaries: ["containerd", "ctr"] });
    await withContainerd(containerd?.path ?? "", join(folder, "containerd"), (socket) => {
      const ask = (...args: string[]) =>
        execFileSync(ctr?.path ?? "", ["--address", socket, "--namespace", "k8s.io", "images", ...args], {
          encoding: "utf8",
        });
      for (const { path } of first) ask("import", "--no-unpack", path);
      const known = ask("list").split("\n").slice(1).filter(Boolean);
      const [names, digests] = [0, 2].map((column) => known.map((line) => line.split(/\s+/)[column]));
      expect(names).toEqual(first.map(({ name, version }) => imageReference(name, version)).sort());
      expect([...(digests ?? [])].sort()).toEqual(first.map(({ digest }) => digest).sort());
    });
  });
});

/** A containerd with all that it has in one folder, and without what kubelets use. */
async function withContainerd(program: string, folder: string, work: (socket: string) => void): Promise<void> {
  mkdirSync(folder);
  const socket = join(folder, "containerd.sock");
  const without = [
    "cri.v1.images",
    "cri.v1.runtime",
    "grpc.v1.cri",
    "internal.v1.opt",
    "internal.v1.restart",
    "nri.v1.nri",
  ];
  writeFileSync(
    join(folder, "config.toml"),
    `version = 3
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = [${without.map((name) => `"io.containerd.${name}"`).join(", ")}]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
`,
  );
  const child = spawn(program, ["--config", join(folder, "config.toml")], { stdio: ["ignore", "ignore", "pipe"] });
  const closed = new Promise((resolve) => child.once("close", resolve));
  try {
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => reject(new Error(`containerd ended: ${said.slice(-2000)}`)));
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-20_000);
        if (said.includes("successfully booted")) resolve();
      });
    });
    work(socket);
  } finally {
    child.kill("SIGTERM");
    await closed;
  }
}

/** Makes the images in a cache of their own, which sees the binaries of the real one. @param sums of those binaries */
async function build(
  sums: readonly string[],
  cacheDir: string,
  umask: number,
  env: Record<string, string> = {},
): Promise<MadeImage[]> {
  const real = defaultCacheDir(process.env);
  for (const part of ["toolchain", "artifacts"]) mkdirSync(join(cacheDir, part), { recursive: true });
  for (const name of readdirSync(join(real, "toolchain")).filter((one) => /-[0-9a-f]{16}$/.test(one)))
    if (!name.startsWith("image-"))
      cpSync(join(real, "toolchain", name), join(cacheDir, "toolchain", name), { recursive: true });
  for (const sum of new Set(sums)) symlinkSync(join(real, "artifacts", sum), join(cacheDir, "artifacts", sum));
  const before = process.umask(umask);
  try {
    return await ensureImages({ images: wanted, cacheDir, env: { ...process.env, TMPDIR: cacheDir, ...env } });
  } finally {
    process.umask(before);
  }
}

interface Config {
  readonly os: string;
  readonly architecture: string;
  readonly config: { readonly User: string; readonly Entrypoint: readonly string[]; readonly Env: readonly string[] };
}

/** Unpacks an image's archive, once. */
function contentOf(image: MadeImage, folder: string) {
  const layout = join(folder, "layouts", image.name);
  if (!existsSync(layout)) {
    mkdirSync(layout, { recursive: true });
    execFileSync("tar", ["-xf", image.path, "-C", layout]);
  }
  const read = (digest: string) => JSON.parse(readFileSync(join(layout, "blobs", digest.replace(":", "/")), "utf8"));
  const manifest = read(image.digest) as { config: { digest: string }; layers: { digest: string }[] };
  return {
    layout,
    config: read(manifest.config.digest) as Config,
    layers: manifest.layers.map(({ digest }) => digest.replace("sha256:", "")),
  };
}
