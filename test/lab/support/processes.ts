/** Which release of which program runs on which host of a lab, watched from outside: in the process list of this machine. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** A process that came to run on a host. */
export interface Started {
  readonly host: string;
  readonly program: string;
  readonly version: string;
  readonly pid: string;
}

export class ProcessWatch {
  /** In the order seen. What runs when the watch begins is part of it. */
  readonly started: Started[] = [];
  readonly #latest = new Map<string, Started>();
  readonly #timer: NodeJS.Timeout;

  /**
   * @param prefix of the lab
   * @param versions by the sum of a binary, which is part of its path on a host
   * @param look is called after each look with all that was seen last, programs that are just away too
   */
  constructor(
    private readonly prefix: string,
    private readonly versions: ReadonlyMap<string, string>,
    private readonly look: (latest: readonly Started[]) => void,
  ) {
    this.#see();
    this.#timer = setInterval(() => this.#see(), 100);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#see();
  }

  #see(): void {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      const seen = this.#processOf(pid);
      if (!seen) continue;
      const key = `${seen.host} ${seen.program}`;
      if (this.#latest.get(key)?.pid === seen.pid) continue;
      this.#latest.set(key, seen);
      this.started.push(seen);
    }
    this.look([...this.#latest.values()]);
  }

  /** A service's main program: another call of it, such as `--version`, is no part of the service's control group. */
  #processOf(pid: string): Started | undefined {
    try {
      const [, sum = "", program = ""] =
        /\/artifacts\/([0-9a-f]{64})\/([a-z-]+)$/.exec(readlinkSync(`/proc/${pid}/exe`)) ?? [];
      const version = this.versions.get(sum);
      if (version === undefined) return undefined;
      const groups = readFileSync(`/proc/${pid}/cgroup`, "utf8");
      const place = new RegExp(`/kilonode\\.${this.prefix}/([a-z0-9-]+)/.*/${program}\\.service$`, "m");
      const host = place.exec(groups)?.[1];
      return host === undefined ? undefined : { host, program, version, pid };
    } catch {
      // It has ended since, or is no process of a program file.
      return undefined;
    }
  }
}
