/** A member whose data is not what it has written, or not of now. The rest of the shard has everything. */
import { execFile } from "node:child_process";
import { renameSync } from "node:fs";
import { promisify } from "node:util";
import { writeMuch } from "../lib/flood";
import type { Lab } from "../lib/lab";
import { beginAnew, etcdCall, idOf } from "./anew";
import type { Aimed, Fault } from "./fault";

const volumes = ["wal", "database"] as const;

export const volumesSwapped: Fault = {
  name: "volumes-swapped",
  what: "a member of shard main gets its WAL volume as database and its database volume as WAL",
  seconds: 45,
  ridesThrough: true,
  async aim(lab) {
    const member = await lab.follower();
    const swap = async () => {
      await lab.powerOf("stop", [member]);
      const [wal, database] = volumes.map((volume) => lab.image(member, volume)) as [string, string];
      renameSync(wal, `${wal}.swapped`);
      renameSync(database, wal);
      renameSync(`${wal}.swapped`, database);
      await lab.powerOf("start", [member]);
    };
    return { hit: member.name, inject: swap, heal: swap };
  },
};

const marker = "kilonode-marker";
/** The file as its etcd has mapped it: what is written here, it reads. */
const flip = `python3 - <<'END'
from pathlib import Path
path = Path("/var/lib/etcd/member/snap/db")
text, word = path.read_bytes(), b"${marker}"
with path.open("r+b") as file:
    at = text.find(word)
    while at >= 0:
        file.seek(at)
        file.write(bytes([text[at] ^ 1]))
        at = text.find(word, at + 1)
END`;

async function flipped(lab: Lab, script: string): Promise<Aimed> {
  await lab.stack.run("kubectl", "create", "configmap", "marker", `--from-literal=text=${marker}`);
  const member = await lab.follower();
  return {
    hit: member.name,
    inject: () => lab.inside(member, script),
    heal: () => beginAnew(lab, member),
  };
}

export const bitFlippedAtRest: Fault = {
  name: "bit-flipped-at-rest",
  what: "a bit of the database of a member of shard main changes while it is down",
  seconds: 45,
  ridesThrough: true,
  aim: (lab) => flipped(lab, `systemctl stop etcd; ${flip}\nsystemctl start --no-block etcd`),
};

export const bitFlippedLive: Fault = {
  name: "bit-flipped-live",
  what: "a bit of the database of a member of shard main changes while it runs",
  // API servers compact every five minutes; then the leader compares the hashes within a minute.
  seconds: 420,
  ridesThrough: true,
  aim: (lab) => flipped(lab, flip),
};

export const removedMember: Fault = {
  name: "removed-member",
  what: "a member of shard main is removed while its host is off, and comes back",
  seconds: 30,
  ridesThrough: true,
  async aim(lab) {
    const member = await lab.follower();
    const id = await idOf(lab, member);
    const other = await lab.leader();
    const inject = async () => {
      await lab.powerOf("kill", [member]);
      await etcdCall(lab, other, `member remove ${id}`);
      await lab.powerOf("start", [member]);
    };
    return { hit: member.name, inject, heal: () => lab.up() };
  },
};

export const oldImage: Fault = {
  name: "old-image",
  what: "a member of shard main comes back with its disks of before many writes that it has acknowledged",
  seconds: 60,
  ridesThrough: true,
  async aim(lab) {
    const member = await lab.follower();
    const images = volumes.map((volume) => lab.image(member, volume));
    await lab.powerOf("stop", [member]);
    for (const image of images) await copy(image, `${image}.old`);
    await lab.powerOf("start", [member]);
    await lab.healthy(300_000);
    await writeMuch(lab.stack, 30);
    const inject = async () => {
      await lab.powerOf("kill", [member]);
      for (const image of images) renameSync(`${image}.old`, image);
      await lab.powerOf("start", [member]);
    };
    const heal = async () => {
      if (!(await lab.isWell(member))) await beginAnew(lab, member);
    };
    return { hit: member.name, inject, heal };
  },
};

const copy = (from: string, to: string) => promisify(execFile)("cp", ["--sparse=always", from, to]);
