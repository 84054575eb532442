import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fakeGoEnv, startMain, tempDir } from "./fixture";

const args = (dir: string) => [
  "ensure",
  "--json",
  "--source",
  "gomod",
  "--binaries",
  "etcd,etcdctl",
  "--cache-dir",
  join(dir, "cache"),
];

async function until(condition: () => boolean): Promise<void> {
  const begin = Date.now();
  while (!condition()) {
    if (Date.now() - begin > 60_000) throw new Error("waited 60 s in vain");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Starts `ensure` with a Go that stays half-way, and waits until it is there. */
async function startHalfWay(dir: string) {
  const log = join(dir, "builds");
  // An unusual number, so that this sleep can be told from any other on the machine.
  const sleep = `987.${process.pid}`;
  const started = startMain(args(dir), fakeGoEnv({ FAKE_GO_LOG: log, FAKE_GO_SLEEP: sleep }));
  await until(() => existsSync(log));
  const sleepers = () =>
    execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line === `sleep ${sleep}`).length;
  await until(() => sleepers() === 1);
  return { ...started, sleepers };
}

test("a killed build leaves nothing that is taken for good; the next run takes its lock over and goes on", async () => {
  const dir = tempDir();
  const { child, ended, sleepers } = await startHalfWay(dir);
  child.kill("SIGKILL");
  expect((await ended).signal).toBe("SIGKILL");
  expect(readdirSync(join(dir, "cache"))).toEqual(["toolchain"]);
  expect(readdirSync(join(dir, "cache/toolchain")).sort()).toEqual(["lock", expect.stringMatching(/^work-\d+$/)]);

  const again = await startMain(args(dir), fakeGoEnv()).ended;
  expect(again).toMatchObject({ status: 0 });
  const tools = JSON.parse(again.stdout) as { path: string }[];
  for (const { path } of tools) expect(readFileSync(path, "utf8")).toContain("the other half");
  expect(readdirSync(join(dir, "cache/toolchain"))).toEqual([expect.stringMatching(/^etcd-/)]);
  // Nothing can run after SIGKILL, so the orphan is ours to end.
  if (sleepers() > 0)
    execFileSync("sh", ["-c", `kill $(ps -eo pid,args | awk '$2=="sleep" && $3=="987.${process.pid}" {print $1}')`]);
});

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s ends the compiler too, releases the lock and says how to go on",
  async (signal) => {
    const dir = tempDir();
    const { child, ended, sleepers } = await startHalfWay(dir);
    child.kill(signal);
    const end = await ended;
    expect(end.signal).toBe(signal);
    expect(end.stdout).toBe("");
    expect(end.stderr).toContain(
      "error: interrupted; binaries that were finished are kept\n  do:      run the same command again",
    );
    expect(sleepers()).toBe(0);
    expect(readdirSync(join(dir, "cache/toolchain"))).toEqual([]);
  },
);

test("two processes at the same time build each binary once and print the same", async () => {
  const dir = tempDir();
  const env = fakeGoEnv({ FAKE_GO_LOG: join(dir, "builds"), FAKE_GO_SLEEP: "0.5" });
  const [one, two] = await Promise.all([startMain(args(dir), env).ended, startMain(args(dir), env).ended]);
  expect(one.status).toBe(0);
  expect(two.stdout).toBe(one.stdout);
  expect(readFileSync(join(dir, "builds"), "utf8").trim().split("\n")).toHaveLength(2);
});
