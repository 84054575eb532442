/** The end of a move: main lets go what has moved, and the new shard what stays in main. Nothing of it is read by anybody any more. */
import { alone } from "../../../components/rollout/alone";
import { findings, silentShard } from "../../../components/rollout/etcd/health";
import { RemoteShard } from "../../../components/rollout/etcd/remote";
import { closing } from "../../../components/rollout/group";
import { exitCodes, UserError } from "../../../config/errors";
import { agreeTo } from "../../agree";
import { prefixOf } from "../../doctor/shards";
import { print } from "../../output";
import { inSession, type Session } from "../restore/session";
import type { Note } from "./answers";
import { differences } from "./apart";
import type { MoveOptions } from "./options";
import { contentOf, deleteKeys, RemoteSplit } from "./remote";

/** @returns the exit code */
export function letGo(stack: string, options: MoveOptions): Promise<number> {
  const { shard: name } = options;
  const again = `kilonode etcd move ${stack} --shard ${name}`;
  return inSession(stack, "main", "move", options, (session) => work(session, options), again);
}

async function work(session: Session, options: MoveOptions): Promise<number> {
  const { cluster, names: own, remote, say } = session;
  const shard = cluster.checked.plan.shards.find(({ name }) => name === options.shard);
  if (!shard) throw new UserError(`shard ${options.shard} is no cluster of its own`, exitCodes.badConfiguration);
  const prefixes = shard.resources.map(prefixOf);
  const main = new RemoteSplit(remote, own, [], shard.name);
  const note = await main.note();
  if (note === undefined && options.unverified !== true) {
    const left = await total(remote.shard, own[0]!, prefixes);
    if (left > 0) throw notCompared(shard.name);
    print(`shard ${shard.name} has moved: nothing of it is left in main\n`);
    return exitCodes.done;
  }
  const made = cluster.hosts.filter(({ group }) => group === shard.group);
  await alone({ group: shard.group, hosts: made }, say);
  return closing(new RemoteShard(made, cluster.sshKey, remote.plan.hostTimeoutMs), async (moved) => {
    const members = shard.members.map(({ name }) => name);
    await healthy(session, remote.shard, own);
    await healthy(session, moved, members);
    const kept = await compared(session, note, prefixes, options);
    const at = { main: own[0]!, moved: members[0]! };
    const keys = await total(remote.shard, at.main, prefixes);
    await agreeTo(
      `main lets go ${keys} keys of ${shard.resources.join(", ")}, which shard ${shard.name} has, and that shard lets go what stays in main`,
      options,
    );
    await main.keepNote({ reached: "deleting", resources: kept });
    say(`deleting ${prefixes.join(", ")} in main`);
    const gone = await deleteKeys(remote.shard, at.main, "only", prefixes);
    say(`deleting everything else in ${shard.name}`);
    const others = await deleteKeys(moved, at.moved, "except", prefixes);
    await main.keepNote(undefined);
    print(
      `shard ${shard.name} has moved: main has let go ${gone} keys of it, and it ${others} keys of what stays in main. ` +
        `Databases get smaller with \`kilonode etcd defrag ${cluster.checked.stack}\`\n`,
    );
    return exitCodes.done;
  });
}

/** What main still has must be what was compared at the split: else somebody has written there since. */
async function compared(
  { names, progress, remote }: Session,
  note: Note | undefined,
  prefixes: readonly string[],
  { shard: name, unverified }: MoveOptions,
): Promise<Note["resources"]> {
  if (note?.reached === "deleting" || unverified) return note?.resources ?? {};
  if (note?.reached !== "compared") throw notCompared(name);
  const here = await contentOf(remote.shard, names[0]!, 0, prefixes);
  progress.refuseAny(differences(here, note.resources, name));
  return note.resources;
}

const notCompared = (shard: string) =>
  new UserError(
    `main still holds what has moved to ${shard}, and it was not compared with that: the command was cut short at the split, and API servers have ` +
      "had the revision forgotten since. Nobody reads it there. To delete it all the same: --unverified",
    exitCodes.gateRefused,
  );

async function total(shard: RemoteShard, host: string, prefixes: readonly string[]): Promise<number> {
  const found = await contentOf(shard, host, 0, prefixes);
  return Object.values(found).reduce((sum, { keys }) => sum + keys, 0);
}

async function healthy({ progress }: Session, shard: RemoteShard, members: readonly string[]): Promise<void> {
  const answers = await Promise.allSettled(members.map((host) => shard.look(host)));
  const views = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  const view = views.find(({ quorum }) => quorum);
  progress.refuseAny(view ? findings(view, ({ name, peerUrl }) => name || peerUrl) : [silentShard(members)]);
}
