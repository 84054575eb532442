/** A backup of a shard, taken by the member that is best for it: `etcd-backup` on its host. */
import * as z from "zod";
import type { Words } from "../../access/privilege";
import type { SshConnection } from "../../access/ssh";
import { tools } from "../../machine/host-programs";
import { read } from "../hosts/answers";

/** A store that is far away is asked for hundreds of snapshots. */
export const questionMs = 180_000;
/** Gigabytes, read and written at the lowest priority. */
export const workMs = 6 * 3_600_000;
/** What serves the cluster comes first. */
export const lowest: Words = ["nice", "-n19", "ionice", "-c3"];

const name = z.string().regex(/^[A-Za-z0-9._-]{1,253}$/, "wants the name of a member");
const number = z.int().min(0);

/** What `order` prints: the best one first. */
export const memberOrder = z.array(name).max(100);

/** What `take --now` prints. */
export const taken = z.object({
  result: z.literal("ok"),
  id: z.string().regex(/^[0-9a-f]{64}$/, "wants 64 hexadecimal digits"),
  revision: number,
  bytes: number,
  addedBytes: number,
  seconds: z.number().min(0),
});

export type Taken = Readonly<z.output<typeof taken>>;

/** The hosts of a shard's members. */
export interface BackupHosts {
  readonly names: readonly string[];
  run: (host: string, words: Words, timeoutMs?: number) => ReturnType<SshConnection["run"]>;
}

/** @throws Error why there is none, with the host that said so */
export async function takeBackup(hosts: BackupHosts): Promise<Taken & { readonly member: string }> {
  const member = await bestMember(hosts);
  const printed = await answer(hosts, member, [...lowest, `${tools}/etcd-backup`, "take", "--now"], workMs);
  return { member, ...read(member, "etcd-backup take", printed, taken) };
}

/** No leader, as long as there is another one. */
async function bestMember(hosts: BackupHosts): Promise<string> {
  const problems: string[] = [];
  for (const host of hosts.names) {
    try {
      const printed = await answer(hosts, host, [`${tools}/etcd-backup`, "order"], questionMs);
      const best = read(host, "etcd-backup order", printed, memberOrder).find((one) => hosts.names.includes(one));
      if (best !== undefined) return best;
      problems.push(`${host}: no member is fit for it`);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  throw new Error(problems.join("; "));
}

async function answer(hosts: BackupHosts, host: string, words: Words, timeoutMs: number): Promise<string> {
  const { code, stdout, stderr } = await hosts.run(host, words, timeoutMs);
  const last = stderr.trim().split("\n").at(-1) ?? "";
  if (code === 0) return stdout;
  // Printed as it is, so without anything that moves a cursor.
  const told = last.replace(/^etcd-backup: /, "").replaceAll(/\p{Cc}/gu, " ");
  throw new Error(`${host}: ${told.slice(0, 500) || `etcd-backup ended with ${code}`}`);
}
