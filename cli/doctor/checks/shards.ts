/** Which keys are in which shard of etcd, and whether they are encrypted. */

import { isMember } from "../../../components/plan/groups";
import { shardHolding } from "../../../components/plan/shards";
import type { ShardPlan } from "../../../components/plan/types";
import { answering, type Evidence, sectionOf } from "../evidence";
import { prefixOf } from "../shards";
import type { Check, Verdict } from "../types";
import { Unread } from "../unread";

/** Keys under each prefix on a member: the most that any member of the shard says. */
function keysOf(evidence: Evidence, shard: ShardPlan): ReadonlyMap<string, number> {
  const hosts = answering(evidence, "etcd").filter(({ plan }) => isMember(shard, plan.name));
  const heard = hosts.filter(({ sections }) => sections.keys?.code === 0);
  if (heard.length === 0) throw new Unread(`no member of the shard ${shard.name} counted its keys`);
  const counts = new Map<string, number>();
  for (const line of heard.flatMap((host) => sectionOf(host, "keys").split("\n"))) {
    const [prefix = "", count = "0"] = line.split(" ");
    counts.set(prefix, Math.max(counts.get(prefix) ?? 0, Number(count)));
  }
  return counts;
}

/** A resource's keys are in its shard, nowhere else, and nothing else is there. */
function onlyThere(evidence: Evidence, shard: ShardPlan, seen: (own: number) => Verdict): Verdict {
  const prefixes = shard.resources.map(prefixOf);
  const here = keysOf(evidence, shard);
  const own = prefixes.reduce((total, prefix) => total + (here.get(prefix) ?? 0), 0);
  const foreign = (here.get("/registry/") ?? 0) - own;
  const strays = evidence.plan.shards
    .filter((other) => other !== shard)
    .flatMap((other) => prefixes.map((prefix) => ({ other, prefix, count: keysOf(evidence, other).get(prefix) ?? 0 })))
    .filter(({ count }) => count > 0);
  // Counted at the same moment on several members: a key may be gone in one and not yet in the other.
  const details = [
    ...strays.map(({ other, prefix, count }) => `shard ${other.name} holds ${count} keys under ${prefix}`),
    ...(foreign > 5 ? [`shard ${shard.name} holds ${foreign} keys of other resources`] : []),
  ];
  if (details.length > 0) return { status: "failed", found: "keys are where they do not belong", details };
  return seen(own);
}

const shardOf = ({ plan }: Evidence, resource: string) =>
  plan.shards.find(({ resources }) => resources.includes(resource));
const overrides =
  "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (etcd-servers-overrides)";
const inMain = (what: string): Verdict => ({
  status: "skipped",
  found: "no shard of their own",
  because: `the configuration keeps ${what} in main`,
});

const leaseShard: Check = {
  id: "lease-shard",
  group: "etcd",
  title: "leases are in their shard and are renewed there",
  wanted: () => "/registry/leases only in its shard, revisions that move within 5 s",
  why: "heartbeats are most of a large cluster's writes; in main they would wait for pods and pods for them",
  source: `${overrides}; keys and revisions read by etcdctl, at most 500`,
  remedy:
    "look at --etcd-servers-overrides of every API server (check flags); old keys in main can be deleted once nobody writes them",
  ledger: ["A11", "E6", "H4"],
  judge: (evidence) => {
    const shard = shardOf(evidence, "coordination.k8s.io/leases");
    if (!shard) return inMain("leases");
    return onlyThere(evidence, shard, (own) => {
      const members = answering(evidence, "etcd").filter(({ plan }) => isMember(shard, plan.name));
      const samples = members.map((host) => sectionOf(host, "renewals").split(" ").map(Number));
      const [seen = 0, moved = 0] = samples.sort(([, a = 0], [, b = 0]) => b - a)[0] ?? [];
      const found = `${own} leases in shard ${shard.name} only; ${moved} of ${seen} were renewed within 5 s`;
      return { status: own > 0 && moved > 0 ? "ok" : "failed", found };
    });
  },
};

const eventShard: Check = {
  id: "event-shard",
  group: "etcd",
  title: "events are in their shard",
  wanted: () => "/registry/events only in its shard",
  why: "events come in storms, when much goes wrong at once: then main must not wait",
  source: overrides,
  remedy: "look at --etcd-servers-overrides of every API server (check flags)",
  ledger: ["E6", "H4"],
  judge: (evidence) => {
    const shard = shardOf(evidence, "/events");
    if (!shard) return inMain("events");
    return onlyThere(evidence, shard, (own) => ({ status: "ok", found: `${own} events in shard ${shard.name} only` }));
  },
};

const otherShards: Check = {
  id: "other-shards",
  group: "etcd",
  title: "other sharded resources are in theirs",
  wanted: () => "every resource that a shard names only there",
  why: "API servers with different overrides see different clusters",
  source: overrides,
  remedy:
    "look at --etcd-servers-overrides of every API server (check flags); what a move has left is deleted by `kilonode etcd move`",
  ledger: ["H4"],
  judge: (evidence) => {
    const known = ["/events", "coordination.k8s.io/leases"];
    const shards = evidence.plan.shards.filter(({ resources }) => resources.some((name) => !known.includes(name)));
    if (shards.length === 0)
      return {
        status: "skipped",
        found: "no other shard",
        because: "the configuration shards only leases and events, or nothing",
      };
    const verdicts = shards.map((shard) =>
      onlyThere(evidence, shard, (own) => ({ status: "ok", found: `${shard.name}: ${own} keys` })),
    );
    return (
      verdicts.find(({ status }) => status === "failed") ?? {
        status: "ok",
        found: verdicts.map(({ found }) => found).join(", "),
      }
    );
  },
};

const encryption: Check = {
  id: "encryption",
  group: "etcd",
  title: "Secrets are encrypted in etcd",
  wanted: () => "values that begin with k8s:enc:",
  why: "a backup or a disk of etcd must not give away what is in Secrets",
  source:
    "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/; heads of at most 20 values, read on a follower",
  remedy: "write old Secrets again under a new key: `kilonode rotate STACK encryption-key`",
  ledger: [],
  judge: (evidence) => {
    const shard = shardHolding(evidence.plan.shards, "/secrets");
    const read = answering(evidence, "etcd")
      .filter(({ plan, sections }) => isMember(shard, plan.name) && sections.secrets?.text.startsWith("{"))
      .map(
        (host) => JSON.parse(sectionOf(host, "secrets")) as { secrets: number; encrypted: number; provider: string },
      );
    const [most] = read.sort((a, b) => b.secrets - a.secrets);
    if (!most) throw new Unread(`no member of the shard ${shard?.name} read the heads of Secrets`);
    if (most.secrets === 0)
      return {
        status: "skipped",
        found: "there is no Secret",
        because: "--probe makes one in a namespace of its own, and removes both",
      };
    const found = `${most.encrypted} of ${most.secrets} Secrets looked at are encrypted${most.provider && ` by ${most.provider}`}`;
    return { status: most.encrypted === most.secrets ? "ok" : "failed", found };
  },
};

export const shards: readonly Check[] = [leaseShard, eventShard, otherShards, encryption];
