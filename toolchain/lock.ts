import { randomUUID } from "node:crypto";
import { link, readFile, rename, rm, unlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { interrupted, systemCode } from "./errors";

/** Who holds a lock. The start time tells a process from a later one with the same id. */
export interface Holder {
  readonly pid: number;
  readonly started: string | undefined;
  readonly host: string;
  readonly nonce: string;
}

export interface LockOptions {
  /** Called once for each second of waiting, with the holder that is waited for. */
  readonly onWait?: ((holder: Holder, seconds: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const pollMs = 100;

/**
 * Runs `work` while holding the lock file at `path`. A lock whose process is gone is taken over; one of another machine (a cache on a shared
 * disk) cannot be judged from here and is waited for.
 *
 * The file appears whole or not at all: it is written aside and linked into place, and link(2) fails where the name exists.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const me: Holder = { pid: process.pid, started: await startTime(process.pid), host: hostname(), nonce: randomUUID() };
  await acquire(path, me, options);
  try {
    return await work();
  } finally {
    const holder = await holderOf(path);
    if (holder !== "gone" && holder?.nonce === me.nonce) await unlink(path);
  }
}

async function acquire(path: string, me: Holder, options: LockOptions): Promise<void> {
  const begin = Date.now();
  let told = 0;
  while (!(await tryLink(path, me))) {
    const holder = await holderOf(path);
    if (holder === "gone") continue;
    if (await isStale(holder)) {
      if (await takeOver(path, holder, me, options)) return;
      continue;
    }
    if (options.signal?.aborted) throw interrupted();
    const seconds = Math.floor((Date.now() - begin) / 1000);
    if (holder && seconds > told) {
      told = seconds;
      options.onWait?.(holder, seconds);
    }
    await sleep(pollMs);
  }
}

/**
 * Replaces a stale lock by our own. Two processes may see the same stale lock; a second lock, taken in the same way, lets one of them at a
 * time look again and replace it. (Removing the stale file instead would let the slower one remove the lock of the faster.)
 */
async function takeOver(path: string, stale: Holder | undefined, me: Holder, options: LockOptions): Promise<boolean> {
  return withLock(`${path}.takeover`, options, async () => {
    const now = await holderOf(path);
    if (now === "gone" || now?.nonce !== stale?.nonce) return false;
    await writeFile(asideOf(path, me), textOf(me));
    await rename(asideOf(path, me), path);
    return true;
  });
}

async function tryLink(path: string, me: Holder): Promise<boolean> {
  const aside = asideOf(path, me);
  try {
    await writeFile(aside, textOf(me));
    await link(aside, path);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

const asideOf = (path: string, me: Holder) => `${path}.${me.nonce}`;
const textOf = (me: Holder) => `${JSON.stringify(me)}\n`;

/** The holder, "gone" where there is no lock, or undefined where the file says nothing (a machine that lost power while writing it). */
async function holderOf(path: string): Promise<Holder | "gone" | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, "utf8")) as Partial<Holder> | null;
    if (typeof holder?.pid !== "number" || typeof holder.nonce !== "string" || typeof holder.host !== "string")
      return undefined;
    return { pid: holder.pid, started: holder.started, host: holder.host, nonce: holder.nonce };
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "gone";
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function isStale(holder: Holder | undefined): Promise<boolean> {
  if (!holder) return true;
  if (holder.host !== hostname()) return false;
  return !isAlive(holder.pid) || (await startTime(holder.pid)) !== holder.started;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/**
 * Field 22 of /proc/<pid>/stat, in clock ticks since boot (fields are counted after the name, which may hold spaces). Undefined where there is
 * no /proc, and for a process that has ended but was not yet collected by its parent.
 */
async function startTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
