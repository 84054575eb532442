/** Disks of the leader that take nothing more, take it slowly, or do not answer. */
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { writeMuch } from "../lib/flood";
import type { Fault } from "./fault";

const mounts = { wal: "/var/lib/etcd-wal", database: "/var/lib/etcd/member/snap" } as const;

/** Filled from beside, and then by writes: etcd has the next segment of its log ahead, and room in its database. */
function full(volume: keyof typeof mounts, mebibytes: number): Fault {
  const mount = mounts[volume];
  const filler = `${mount}/filler`;
  const fill = `fallocate --length "$(df --output=avail --block-size=1 ${mount} | tail -n 1)" ${filler}`;
  return {
    name: `${volume}-full`,
    what: `the ${volume} volume of the leader of shard main is full`,
    seconds: 30,
    ridesThrough: true,
    async aim(lab) {
      const leader = await lab.leader();
      const inject = async () => {
        await lab.inside(leader, fill);
        await writeMuch(lab.stack, mebibytes);
      };
      return { hit: leader.name, inject, heal: () => lab.inside(leader, `rm -f ${filler}`) };
    },
  };
}

export const walFull = full("wal", 160);
export const databaseFull = full("database", 60);

/** Whoever writes there hangs, and cannot be killed; what only reads, or talks, goes on. */
export const diskHangs: Fault = {
  name: "disk-hangs",
  what: "the disk with the log of the leader of shard main does not answer",
  seconds: 60,
  ridesThrough: true,
  async aim(lab) {
    const leader = await lab.leader();
    const thaw = `fsfreeze --unfreeze ${mounts.wal}`;
    // It must end also when this program is killed: a host could not even be turned off.
    const later = `setsid sh -c 'sleep ${this.seconds + 120}; ${thaw}' >/dev/null 2>&1 </dev/null &`;
    return {
      hit: leader.name,
      inject: () => lab.inside(leader, `${later}\nfsfreeze --freeze ${mounts.wal}`),
      heal: () => lab.inside(leader, thaw),
    };
  },
};

/** Writes a second; a write of the log is two or three of them. */
const WRITES_A_SECOND = 10;
const throttle = "/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device";

export const slowDisk: Fault = {
  name: "slow-disk",
  what: `the WAL volume of the leader of shard main takes ${WRITES_A_SECOND} writes a second`,
  seconds: 60,
  ridesThrough: true,
  async aim(lab) {
    const leader = await lab.leader();
    const args = ["--noheadings", "--output", "NAME", "--associated", lab.image(leader, "wal")];
    const device = execFileSync("losetup", args, { encoding: "utf8" }).trim();
    const number = readFileSync(`/sys/block/${basename(device)}/dev`, "utf8").trim();
    let callOff = () => {};
    const inject = async () => {
      callOff = releaseLater(number, this.seconds + 120);
      writeFileSync(throttle, `${number} ${WRITES_A_SECOND}`);
    };
    const heal = async () => {
      writeFileSync(throttle, `${number} 0`);
      callOff();
    };
    return { hit: leader.name, inject, heal };
  },
};

/** The limit is the machine's: it must go also when this program is killed. @returns what calls that off */
function releaseLater(device: string, seconds: number): () => void {
  const script = 'sleep "$1"; echo "$2 0" >"$3"';
  const words = ["-c", script, "release", String(seconds), device, throttle];
  const { pid } = spawn("sh", words, { detached: true, stdio: "ignore" });
  return () => void (pid && process.kill(-pid, "SIGKILL"));
}
