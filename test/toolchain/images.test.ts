/** Images as they are made, with stand-ins for Go and crane; test/binaries/images.test.ts makes real ones. */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { binaries, defaultReleases } from "../../config/releases";
import { imageNames, imageReference, images } from "../../config/releases/images";
import { readArguments } from "../../toolchain/arguments";
import { sha256OfFile } from "../../toolchain/hash";
import { checkImages, ensureImages, type MadeImage } from "../../toolchain/images/ensure";
import { writeLayer } from "../../toolchain/images/layer";
import type { Progress } from "../../toolchain/progress";
import { fakeGoEnv, startMain, tempDir } from "./fixture";

/** @param umask of who makes the layer, @param time of the file in it */
async function layerOf(umask: number, time: number, folder: "/usr/local/bin" | "/" = "/usr/local/bin") {
  const dir = tempDir();
  const before = process.umask(umask);
  try {
    writeFileSync(join(dir, "program"), "the same bytes");
    chmodSync(join(dir, "program"), 0o500);
    utimesSync(join(dir, "program"), time, time);
    // Only root can give it away; whoever else makes a layer is not root anyway.
    if (process.getuid?.() === 0) chownSync(join(dir, "program"), 1234, 1234);
    const env = { ...process.env, TAR_OPTIONS: "--mode=0777", TZ: umask ? "Asia/Tokyo" : "UTC" };
    const names = umask ? ["two", "one", "three", "four"] : ["one", "three", "four", "two"];
    const programs = names.map((name) => ({ name, path: join(dir, "program") }));
    await writeLayer({ folder }, programs, "2026-10-27T12:01:04Z", join(dir, "layer.tar"), { cwd: dir, env });
    return join(dir, "layer.tar");
  } finally {
    process.umask(before);
  }
}

const program = "-rwxr-xr-x 0/0              14 2026-10-27 12:01:04";
const list = (file: string) =>
  execFileSync("tar", ["--list", "--verbose", "--utc", "--full-time", "--numeric-owner", "--file", file], {
    encoding: "utf8",
  });

describe("a layer", () => {
  test("is the same bytes from another folder, at another time, by a user with another umask, options and time zone", async () => {
    const [one, other] = [await layerOf(0o022, 1), await layerOf(0o077, 1_900_000_000)];
    expect(await sha256OfFile(other)).toBe(await sha256OfFile(one));
  });

  test("has the program and the folders on the way to it, all of them root's: no shell, no list of users", async () => {
    expect(list(await layerOf(0o077, 1))).toBe(
      [
        "drwxr-xr-x 0/0               0 2026-10-27 12:01:04 usr/",
        "drwxr-xr-x 0/0               0 2026-10-27 12:01:04 usr/local/",
        "drwxr-xr-x 0/0               0 2026-10-27 12:01:04 usr/local/bin/",
        ...["four", "one", "three", "two"].map((name) => `${program} usr/local/bin/${name}`),
        "",
      ].join("\n"),
    );
    expect(list(await layerOf(0o022, 1, "/"))).toContain(`${program} one\n`);
  });
});

test("every image runs a program of ours as a user without rights, and has a name where nothing can answer by accident", () => {
  for (const name of imageNames) {
    const { programs, user } = images[name];
    for (const program of programs) expect(Object.keys(binaries)).toContain(program);
    expect(user).toMatch(/^[1-9]\d{4}:[1-9]\d{4}$/);
  }
  expect(imageReference("etcd", "3.7.3")).toBe("images.kilonode.internal/etcd:v3.7.3");
  expect(imageReference("etcd", "3.7.3", "sha256:12")).toBe("images.kilonode.internal/etcd:v3.7.3@sha256:12");
});

function setup(env: Record<string, string> = {}) {
  const cacheDir = join(tempDir(), "cache");
  const events: Progress[] = [];
  const onProgress = (event: Progress) => void events.push(event);
  const options = { source: "gomod", cacheDir, env: fakeGoEnv(env), onProgress } as const;
  return { cacheDir, events, options: { ...options, images: ["etcd", "kube-scheduler"] } };
}

describe("ensureImages", () => {
  test("makes the binaries, then the images that are missing, and nothing the second time", async () => {
    const { cacheDir, events, options } = setup();
    const lacking = { fault: "not made yet" };
    expect(await checkImages(options)).toEqual([
      { ...lacking, name: "kube-scheduler", version: defaultReleases.kubernetes },
      { ...lacking, name: "etcd", version: defaultReleases.etcd },
    ]);
    const made = await ensureImages(options);
    expect(made.map(({ name, version }) => `${name} ${version}`)).toEqual([
      `kube-scheduler ${defaultReleases.kubernetes}`,
      `etcd ${defaultReleases.etcd}`,
    ]);
    for (const { digest, name, path, sha256 } of made) {
      expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(path).toBe(join(cacheDir, "artifacts", sha256, `${name}.image.tar`));
      expect(await sha256OfFile(path)).toBe(sha256);
      expect(statSync(path).mode & 0o777).toBe(0o555);
    }
    const started = events.flatMap((event) => (event.kind === "start" ? [`${event.action} ${event.name}`] : []));
    expect(started).toEqual([
      "compile etcd",
      "compile etcdctl",
      "compile etcdutl",
      "compile kube-scheduler",
      "compile crane",
      "image kube-scheduler",
      "image etcd",
    ]);
    events.length = 0;
    expect(await ensureImages(options)).toEqual(made);
    expect(await checkImages(options, true)).toEqual(made);
    expect(events).toEqual([]);
  });

  test("gives the archive the name of the image, by which a runtime knows it after an import", async () => {
    const [scheduler] = (await ensureImages(setup().options)) as [MadeImage];
    const read = (file: string) => execFileSync("tar", ["-xOf", scheduler.path, file], { encoding: "utf8" });
    expect(JSON.parse(read("./index.json")).manifests).toEqual([
      {
        digest: scheduler.digest,
        size: 7,
        annotations: {
          "io.containerd.image.name": imageReference("kube-scheduler", scheduler.version),
          "org.opencontainers.image.ref.name": `v${scheduler.version}`,
        },
      },
    ]);
  });

  test("another binary is another image; the first one is found again", async () => {
    const { options } = setup();
    const by = (version: string) => ensureImages({ ...options, env: fakeGoEnv({ FAKE_GO_VERSION: version }) });
    const [old, patched] = [await by("go1.26.8"), await by("go1.26.9")];
    expect(new Set([...old, ...patched].map(({ digest }) => digest)).size).toBe(4);
    expect(await by("go1.26.8")).toEqual(old);
  });

  test("one for another architecture has its own settings, and is made by this machine's crane", async () => {
    const { options } = setup();
    const [amd64] = await ensureImages({ ...options, arch: "amd64" });
    const [arm64] = await ensureImages({ ...options, arch: "arm64" });
    expect(arm64?.digest).not.toBe(amd64?.digest);
  });

  test("a damaged one is said to be so and made again, with the same digest", async () => {
    const { events, options } = setup();
    const made = await ensureImages(options);
    chmodSync(made[1]!.path, 0o644);
    truncateSync(made[1]!.path, 100);
    expect(await checkImages(options)).toMatchObject([{}, { fault: expect.stringContaining("damaged: 100 bytes") }]);
    events.length = 0;
    expect(await ensureImages(options)).toEqual(made);
    expect(events[0]).toMatchObject({ kind: "fault", name: "image of etcd" });
  });

  test.each([
    ["append", { FAKE_CRANE_FAIL: "append" }, /^the image of kube-scheduler .* could not be made\n.*no append today/],
    ["mutate", { FAKE_CRANE_FAIL: "mutate" }, /crane mutate: Error: no mutate today/],
    ["another image", { FAKE_CRANE_OTHER: "1" }, /the layout has sha256:0, not sha256:[0-9a-f]{64}/],
    ["no registry", { FAKE_CRANE_SILENT: "1" }, /^crane's registry did not start\n.*permission denied/],
  ])("what fails is told, and nothing is left: %s", async (_, env, message) => {
    const { cacheDir, options } = setup(env);
    await expect(ensureImages(options)).rejects.toThrow(message);
    expect(readdirSync(join(cacheDir, "toolchain")).filter((name) => /^(image|work|lock)/.test(name))).toEqual([]);
  });

  test("unknown images are all named, with those that there are", async () => {
    await expect(ensureImages({ images: ["etcd", "shell", "busybox"] })).rejects.toThrow(
      /^unknown images\n {2}got: {5}"shell", "busybox"\n {2}allowed: kube-apiserver, .*pause\n/,
    );
  });
});

test("the command prints them as JSON for programs", async () => {
  const made = await startMain(
    ["images", "--source", "gomod", "--images", "etcd", "--json", "--cache-dir", join(tempDir(), "cache")],
    fakeGoEnv(),
  ).ended;
  expect(made).toMatchObject({ status: 0, stderr: expect.stringContaining("[1/1] etcd 3.7.3: making its image\n") });
  const [image] = JSON.parse(made.stdout) as [MadeImage];
  expect(Object.keys(image)).toEqual(["name", "version", "digest", "sha256", "path"]);
  expect(image.digest).toMatch(/^sha256:/);
});

test("the command takes images where it makes them, and binaries where it makes those", () => {
  expect(readArguments(["images", "--images", "etcd,pause"])).toMatchObject({
    command: "images",
    images: ["etcd", "pause"],
  });
  expect(() => readArguments(["images", "--binaries", "etcd"])).toThrow(/^--binaries is nothing that images takes\n/);
  expect(() => readArguments(["ensure", "--images", "etcd"])).toThrow(/^--images is nothing that ensure takes\n/);
});
