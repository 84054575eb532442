import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Holder, withLock } from "../../toolchain/lock";
import { tempDir } from "./fixture";

function writeLock(path: string, holder: Partial<Holder>): void {
  writeFileSync(path, JSON.stringify({ pid: process.pid, started: "1", host: hostname(), nonce: "other", ...holder }));
}

function deadPid(): number {
  return spawnSync("true").pid;
}

test("the lock is gone afterwards, also after a failure", async () => {
  const path = join(tempDir(), "lock");
  expect(await withLock(path, {}, async () => existsSync(path))).toBe(true);
  await expect(withLock(path, {}, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(existsSync(path)).toBe(false);
});

test.each<[string, (path: string) => void]>([
  ["a dead process", (path) => writeLock(path, { pid: deadPid() })],
  ["an earlier process with our id", (path) => writeLock(path, { started: "1" })],
  ["nobody, for it was cut short", (path) => writeFileSync(path, '{"pid": 1')],
])("a lock of %s is taken over", async (_, leave) => {
  const dir = tempDir();
  leave(join(dir, "lock"));
  expect(await withLock(join(dir, "lock"), {}, async () => "done")).toBe("done");
  expect(readdirSync(dir)).toEqual([]);
});

test("many that find the same stale lock work one after another", async () => {
  const dir = tempDir();
  const path = join(dir, "lock");
  writeLock(path, { pid: deadPid() });
  writeLock(`${path}.takeover`, { pid: deadPid(), nonce: "taker that died" });
  let inside = 0;
  const most = await Promise.all(
    Array.from({ length: 4 }, () =>
      withLock(path, {}, async () => {
        inside += 1;
        const seen = inside;
        // Longer than a waiting one sleeps between two looks.
        await sleep(250);
        inside -= 1;
        return seen;
      }),
    ),
  );
  expect(most).toEqual(Array(4).fill(1));
  expect(readdirSync(dir)).toEqual([]);
});

test("a lock of another machine is waited for, the wait is told, and can be broken off", async () => {
  const path = join(tempDir(), "lock");
  writeLock(path, { pid: deadPid(), host: "elsewhere" });
  const abort = new AbortController();
  const told: string[] = [];
  const onWait = (holder: Holder, seconds: number) => {
    told.push(`${holder.host} ${seconds}`);
    abort.abort();
  };
  await expect(withLock(path, { onWait, signal: abort.signal }, async () => "done")).rejects.toThrow(/^interrupted/);
  expect(told).toEqual(["elsewhere 1"]);
});
