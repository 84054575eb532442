/**
 * What a cluster that exists does about a change of each key of its configuration. A key without a decision fails a test, and each
 * decision has one (test/unit/changes.test.ts); docs/changes.md is rendered from here (`npm run golden`).
 */
export interface KeyChange {
  /**
   * `taken`: `up` makes the change, with every gate kept. `guided`: some steps are taken, any other is refused with the steps that lead
   * there. `refused`: before anything is touched, in `preview` too.
   */
  readonly to: "taken" | "guided" | "refused";
  /** Of one that is taken how that is safe, of any other why it is not. */
  readonly why: string;
}

const taken = (why: string): KeyChange => ({ to: "taken", why });
const guided = (why: string): KeyChange => ({ to: "guided", why });
const refused = (why: string): KeyChange => ({ to: "refused", why });

const restarts = "members one at a time behind the gate of their shard";
const mastersRoll = "masters one at a time, each ready and in rotation before the next";
const moves = "hosts know each other by address, and etcd's members are known to their shard by it";
const ofNewNodes = "nodes that are made from then on have it; none is changed under its pods";
const onlyChecked = "read by the checks of a configuration alone";

/** By path; `*` stands for a name. A decision holds for everything below its key. */
export const keyChanges: Readonly<Record<string, KeyChange>> = {
  platform: refused("a cluster stays where it is"),
  ephemeral: taken("nothing restarts; from then on a destroy keeps data and its keys, or does not"),
  zones: refused(`${moves}; one more at the end is taken where it moves no host`),
  kubernetesVersion: guided("upstream forbids to skip a minor release and to go back to one (docs/releases.md)"),
  etcdVersion: guided(
    "upstream forbids to skip a minor release; back to the one before it goes by etcd's own downgrade alone, which `etcd.downgradeTo` asks for (docs/releases.md)",
  ),
  workload: taken(
    `members join where a shard does not say how many it has; sizes and rates that follow from it are settings: ${restarts}, ${mastersRoll}`,
  ),
  "network.hosts": refused(moves),
  "network.nodes": refused("nodes keep their addresses"),
  "network.services": refused("Services keep their addresses, and certificates of the API servers name the first one"),
  "network.operators": taken("hosts load the new rules, nothing restarts, open connections stay"),
  "network.pods": refused("nodes keep the ranges that they were given"),
  "etcd.shards.*.members": taken(
    "newcomers join as learners, surplus members leave before their hosts go; never fewer failures survived than by the smaller size",
  ),
  "etcd.shards.*.resources": guided(
    "API servers would not see what is stored; they move out of main by the steps of `etcd.shards.*.move`, and never back",
  ),
  "etcd.shards.*.move": guided(
    "to `joined`, `served` and back: members join main and leave it one at a time, then masters; out of it, to a cluster of its own, after `served` by `kilonode etcd move` alone",
  ),
  "etcd.shards.*.slot": refused(moves),
  "etcd.allowMoreThanSevenVoters": taken(onlyChecked),
  "etcd.quotaGiB": guided(
    "a higher one is taken, volumes grow; with a lower one than what is stored etcd takes no more writes, and volumes do not shrink",
  ),
  "etcd.heartbeatMs": guided(
    "while members change one by one, some have the old times and some the new: each election timeout must be at least 5 of either's heartbeats",
  ),
  "etcd.electionMs": guided("as `etcd.heartbeatMs`"),
  "etcd.snapshotCount": taken(`each member snapshots for itself: ${restarts}`),
  "etcd.backup": guided(
    "nothing of etcd restarts; off only after an `up` with `ephemeral: true`, since the store would go with the backups in it",
  ),
  "etcd.downgradeTo": taken("allows an older `etcdVersion`; where none is older it changes nothing"),
  "masters.count": taken(
    "a new master is ready before it gets requests; the load balancer leaves one out before its host goes",
  ),
  "masters.runtime": refused("units and static pods of one master would run side by side"),
  "masters.flags.apiserver": taken(mastersRoll),
  "masters.flags.controllerManager": taken(mastersRoll),
  "masters.flags.scheduler": taken(mastersRoll),
  "pools.*.count": taken("nodes come and go by themselves"),
  "pools.*.labels": taken(ofNewNodes),
  "pools.*.taints": taken(ofNewNodes),
  "pools.*.runtime": taken(ofNewNodes),
  "pools.*.maxPods": taken(ofNewNodes),
  "pools.*.eviction": taken(ofNewNodes),
  "pools.*.protected": taken(ofNewNodes),
  "pools.*.cpuOvercommit": taken(
    "the API servers say another number of CPUs with the next report of each node; pods that run stay",
  ),
  "pools.*.proxyMode": taken(ofNewNodes),
  "pools.*.imageMirrors": taken(ofNewNodes),
  "pools.*.pauseImage": taken(ofNewNodes),
  "pools.*.preload": taken(ofNewNodes),
  "certificates.authorityDays": taken(
    "an authority is signed again with its own key, so that old and new certificates are valid side by side; who reads it once is restarted behind its gate",
  ),
  "certificates.days": taken("certificates are signed again for the same keys; services read them anew"),
  "certificates.renewBeforeDays": taken("certificates are signed again for the same keys; services read them anew"),
  "keys.authorities": guided(
    "a key is trusted everywhere before it is used, and used everywhere before the old one is not trusted any more: [1], [1, 2], [2, 1], [2]",
  ),
  "keys.serviceAccount": guided(
    "as `keys.authorities`; with the last step tokens that the old key has signed are not accepted any more",
  ),
  "keys.encryption": guided(
    "as `keys.authorities`; the last step is refused while a Secret is stored under the old key",
  ),
  "keys.ssh": taken("hosts take the new key one after the other, and go on running"),
  "toolchain.source": taken("other binaries of the same release are rolled out behind the gates like any other"),
  "toolchain.sha256": taken("it is what a download must have"),
  "toolchain.imageDigests": taken(mastersRoll),
};

/** The decision for a key: its own, or that of the section that it is in. */
export function changeOf(key: string, decisions: Readonly<Record<string, KeyChange>>): KeyChange | undefined {
  const parts = key.split(".");
  const above = parts.map((_, index) => parts.slice(0, parts.length - index).join("."));
  return above.flatMap((path) => (Object.hasOwn(decisions, path) ? [decisions[path]] : []))[0];
}
