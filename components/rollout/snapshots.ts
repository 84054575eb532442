/**
 * Before another release: a snapshot of every shard that it touches, while all gates are open and nothing is changed yet. A release of etcd
 * touches its own shard; one of Kubernetes all of them, since API servers write objects in other versions afterwards.
 *
 * What runs is asked of the hosts. Where one of a group runs the new release already, the change has begun before, behind such a snapshot: an
 * update that goes on takes no other one.
 */
import { etcdAdvice } from "./etcd/advice";
import { takeBackup } from "./etcd/backup";
import { RemoteShard } from "./etcd/remote";
import type { Progress } from "./gate/progress";
import type { GateFinding } from "./gate/refusal";
import { closing } from "./group";
import { RemoteHosts } from "./hosts/remote";
import { RemoteMasters } from "./masters/remote";
import { type ReleaseChange, releaseChange, releaseNotes } from "./other-release";
import type { CheckSpec, WaitingSpec } from "./spec";

/** The hosts of groups: by SSH, or of a test. */
export interface SnapshotHosts {
  /** Versions of what the group's release is of, as its hosts tell them; who tells none is left out. */
  running(group: WaitingSpec): Promise<readonly string[]>;
  /** Takes a snapshot of the shard. @returns in words. @throws Error why there is none */
  take(shard: WaitingSpec): Promise<string>;
  progressOf(group: string): Progress;
}

/** With the group that is to change. */
interface GroupChange extends ReleaseChange {
  readonly group: WaitingSpec;
}

export async function snapshotsFirst({ groups, backups }: CheckSpec, hosts: SnapshotHosts): Promise<void> {
  const changes = (await Promise.all(groups.map((group) => changeOf(group, hosts)))).flat();
  const [first] = changes;
  if (!first) return;
  const progress = hosts.progressOf(first.group.group);
  for (const note of releaseNotes(changes, backups)) progress.report(note);
  if (!backups) return;
  const shards = touched(changes, groups);
  const findings = await Promise.all(
    shards.map(async (shard): Promise<GateFinding[]> => {
      try {
        hosts.progressOf(shard.group).report(await hosts.take(shard));
        return [];
      } catch (error) {
        return [noSnapshot(shard.group, (error as Error).message)];
      }
    }),
  );
  progress.refuseAny(findings.flat());
  progress.stopIfAsked();
}

async function changeOf(group: WaitingSpec, hosts: SnapshotHosts): Promise<GroupChange[]> {
  const { strategy } = group;
  if (strategy.kind === "together" || group.hosts.length === 0) return [];
  const running = await hosts.running(group);
  const begun = running.includes(strategy.release);
  return begun ? [] : releaseChange(strategy, running[0]).map((change) => ({ ...change, group }));
}

function touched(changes: readonly GroupChange[], groups: readonly WaitingSpec[]): WaitingSpec[] {
  const all = changes.some(({ product }) => product === "kubernetes");
  const own = changes.map(({ group }) => group);
  return groups.filter((group) => group.strategy.kind === "etcd" && (all || own.includes(group)));
}

const noSnapshot = (group: string, found: string): GateFinding => ({
  host: `all members of ${group}`,
  checked: "a snapshot of the shard is taken before another release",
  found,
  advice: etcdAdvice.noSnapshot,
  lasting: true,
});

export class RemoteSnapshots implements SnapshotHosts {
  constructor(
    readonly key: string,
    readonly progressOf: (group: string) => Progress,
  ) {}

  async running({ hosts, hostTimeoutSeconds, strategy }: WaitingSpec): Promise<readonly string[]> {
    const timeoutMs = hostTimeoutSeconds * 1000;
    // Asked alone, what is staged on a host is nobody's business.
    const targets = hosts.map((host) => ({ digest: "", ...host }));
    if (strategy.kind === "masters")
      return closing(new RemoteMasters(targets, strategy, this.key, timeoutMs), async (masters) => {
        const told = targets.map((host) => masters.version(host).catch(() => undefined));
        return (await Promise.all(told)).flatMap((version) => version ?? []);
      });
    if (strategy.kind !== "etcd") return [];
    return closing(new RemoteShard(targets, this.key, timeoutMs), async (shard) => {
      for (const { name } of targets) {
        const view = await shard.look(name).catch(() => undefined);
        if (view) return [...view.endpoints.values()].flatMap(({ versions }) => versions?.server ?? []);
      }
      return [];
    });
  }

  async take({ hosts, hostTimeoutSeconds }: WaitingSpec): Promise<string> {
    return closing(new RemoteHosts(hosts, this.key, hostTimeoutSeconds * 1000), async (remote) => {
      const { id, member, revision, seconds } = await takeBackup(remote);
      return `snapshot ${id.slice(0, 8)} at revision ${revision}, of ${member}, in ${seconds} s`;
    });
  }
}
