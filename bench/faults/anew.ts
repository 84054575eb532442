/** A member is begun anew, by the steps of docs/operations.md, "A member whose data is damaged". */
import type { Lab, LabHost } from "../lib/lab";

export const etcdCall = (lab: Lab, host: LabHost, words: string) =>
  lab.inside(host, `/usr/local/lib/kilonode/etcd-call ${words}`);

/** Of the rows "id, started, name, peer URLs, client URLs, is learner". */
async function rowOf(lab: Lab, member: LabHost): Promise<readonly string[]> {
  const list = await etcdCall(lab, await lab.other(member), "member list");
  const rows = list.split("\n").map((line) => line.split(", "));
  const row = rows.find(([, , name]) => name === member.name);
  if (!row) throw new Error(`${member.name} is none of its shard's members:\n${list}`);
  return row;
}

export const idOf = async (lab: Lab, member: LabHost) => (await rowOf(lab, member))[0] as string;

const putAway = `systemctl stop etcd
mkdir -p /var/lib/etcd-wal/damaged /var/lib/etcd/member/snap/damaged
mv /var/lib/etcd-wal/wal /var/lib/etcd-wal/damaged/
find /var/lib/etcd/member/snap -maxdepth 1 -type f -exec mv -t /var/lib/etcd/member/snap/damaged {} +`;

export async function beginAnew(lab: Lab, member: LabHost): Promise<void> {
  const through = await lab.other(member);
  const [id, , , peerUrls] = await rowOf(lab, member);
  await etcdCall(lab, through, `member remove ${id}`);
  await etcdCall(lab, through, "alarm disarm");
  await etcdCall(lab, through, `member add ${member.name} --learner --peer-urls=${peerUrls}`);
  await lab.inside(member, putAway);
  await lab.up();
}
