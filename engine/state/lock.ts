/** One run at a time on a state file: a lock file that names the process, taken over when that process is gone. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { EngineError } from "../errors";

export interface Owner {
  pid: number;
  /** Start time of the process, as the kernel tells it: process ids are used again. */
  started: string;
  action: string;
  since: string;
}

function startedAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // Field 22, counted behind the name, which may hold spaces (proc_pid_stat(5)).
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function isAlive(owner: Owner): boolean {
  const started = startedAt(owner.pid);
  if (started !== undefined) return started === owner.started || owner.started === "";
  try {
    process.kill(owner.pid, 0);
    return process.platform !== "linux";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function read(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

/** Who works on the state at this moment. */
export function holder(stateFile: string): Owner | undefined {
  const owner = read(`${stateFile}.lock`);
  return owner !== undefined && isAlive(owner) ? owner : undefined;
}

/** Takes the lock or throws; the result gives it back. */
export function lock(stateFile: string, action: string): () => void {
  const file = `${stateFile}.lock`;
  const owner: Owner = {
    pid: process.pid,
    started: startedAt(process.pid) ?? "",
    action,
    since: new Date().toISOString(),
  };
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, `${JSON.stringify(owner)}\n`, { flag: "wx", mode: 0o600 });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const other = read(file);
    if (attempt >= 5 || (other !== undefined && isAlive(other))) {
      const who =
        other === undefined ? "another process" : `"${other.action}" of process ${other.pid}, since ${other.since}`;
      throw new EngineError(
        "locked",
        `${stateFile} is in use by ${who}; wait until it ends. If no such process runs, remove ${file} and run again`,
      );
    }
    // Renaming is what only one of several takers can do.
    const stale = `${file}.${process.pid}`;
    try {
      renameSync(file, stale);
      rmSync(stale, { force: true });
    } catch {
      // Another taker was first: try again.
    }
  }
}
