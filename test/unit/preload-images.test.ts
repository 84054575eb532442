/** The program that preloads images, with a runtime that is none. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";

const dir = mkdtempSync(join(tmpdir(), "kilonode-preload-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const program = "components/machine/files/usr/local/lib/kilonode/preload-images";
const calls = () => readFileSync(join(dir, "calls"), "utf8").split("\n").filter(Boolean);

/** Fails for images whose name has "absent"; would eat the list if it were given its standard input. */
const fake = (name: string) =>
  writeFileSync(
    join(dir, name),
    `#!/bin/sh\ncat >/dev/null\necho "${name} $*" >>${dir}/calls\ncase "$*" in *absent*) exit 1 ;; *unpinned*) [ ${name} = crictl ] ;; esac\n`,
    { mode: 0o755 },
  );
fake("crictl");
fake("ctr");
beforeEach(() => writeFileSync(join(dir, "calls"), ""));

function run(images: readonly string[], ...options: string[]) {
  writeFileSync(join(dir, "list"), `# comment\n\n${images.join("\n")}`);
  const { status, stderr } = spawnSync(program, [...options, join(dir, "list")], {
    encoding: "utf8",
    env: { PATH: `${dir}:${process.env.PATH}` },
  });
  return { status, stderr };
}

describe("preload-images", () => {
  it("pulls each image of its list, the last one without a line break too", () => {
    expect(run(["a.example/one:1", "a.example/two:2"])).toEqual({ status: 0, stderr: "" });
    expect(calls()).toEqual(["crictl pull a.example/one:1", "crictl pull a.example/two:2"]);
  });

  it("pins what it has pulled where it is asked to", () => {
    expect(run(["a.example/one:1"], "--pin").status).toBe(0);
    expect(calls()[1]).toBe("ctr --namespace k8s.io images label a.example/one:1 io.cri-containerd.pinned=pinned");
  });

  it("goes on behind one that cannot be had, and names those", () => {
    expect(run(["a.example/absent:1", "a.example/one:1", "a.example/unpinned:1"], "--pin")).toEqual({
      status: 1,
      stderr:
        "preload-images: could not be had: a.example/absent:1\npreload-images: could not be had: a.example/unpinned:1 (pulled, not pinned)\n",
    });
    expect(calls()).toContain("crictl pull a.example/one:1");
  });

  it("says how it is used when it gets no list", () => {
    expect(spawnSync(program, ["--pin"], { encoding: "utf8" })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("usage: preload-images"),
    });
  });
});
