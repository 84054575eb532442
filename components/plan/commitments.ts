/**
 * What a cluster that exists holds its configuration to. Two plans are compared before anything is touched: a change that would
 * move hosts, hide what is stored or skip a release is refused with the way that there is.
 */
import * as z from "zod";
import { keyProblem, nextKeys } from "../../config/keys";
import type { Releases } from "../../config/releases";
import { releaseStepProblems } from "../../config/releases/steps";
import { keysOf } from "./authorities";
import type { ClusterPlan } from "./types";

const Both = z.object({ kubernetes: z.string(), etcd: z.string() });

const Settings = z.object({
  quotaGiB: z.number(),
  heartbeatMs: z.number(),
  electionMs: z.number(),
  /** Of the masters. */
  runtime: z.enum(["systemd", "static-pod"]),
});

type Settings = z.output<typeof Settings>;

const Commitments = z.object({
  platform: z.string(),
  /** Host to "zone address". */
  places: z.record(z.string(), z.string()),
  /** `hosts`: absent of a cluster that was made before it was held to it. */
  network: z.object({ nodes: z.string(), services: z.string(), pods: z.string(), hosts: z.string().optional() }),
  /** API resource to the shard that holds it, for those that are not in the shard that holds the rest. */
  storage: z.record(z.string(), z.string()),
  /** API resource that is moving out of main to the shard that will hold it, of those whose members API servers use already. */
  moving: z.record(z.string(), z.string()).optional(),
  releases: Both,
  /** Key to its numbers. Absent of a cluster that was made before it was held to them. */
  keys: z.record(z.string(), z.array(z.number())).optional(),
  /** Absent of a cluster that was made before it was held to them. */
  settings: Settings.optional(),
  /** Absent: etcd may not go back to the minor version before. */
  etcdDowngrade: z.literal(true).optional(),
  /** Absent: there are none. */
  backups: z.enum(["kept", "thrown away"]).optional(),
  /** Key of the platform's own to its value. Absent of a cluster that was made before it was held to them. */
  own: z.record(z.string(), z.string()).optional(),
  /**
   * Releases before these. Commitments are written before the rollouts begin, and these may have stopped half-way: the cluster is on
   * one of both, and only what rollouts printed tells on which (components/rollout/step.ts).
   */
  cameFrom: Both.optional(),
});

export type Commitments = z.output<typeof Commitments>;

export function commitmentsOf({
  authorities,
  backup,
  ephemeral,
  etcdDowngrade,
  heldTo,
  hosts,
  keys,
  network,
  platform,
  releases,
  scale,
  shards,
}: ClusterPlan): Commitments {
  const { nodes, services, pods } = network;
  const { heartbeatMs, electionMs } = scale.etcd;
  const quotaGiB = Math.max(...Object.values(scale.etcd.shards).map((shard) => shard.quotaGiB));
  const served = shards.flatMap(({ guests }) =>
    guests?.served ? guests.resources.map((one): [string, string] => [one, guests.name]) : [],
  );
  const inPods = hosts.some(({ machine }) => Object.values(machine.services).some(({ kind }) => kind === "static-pod"));
  return {
    platform,
    places: Object.fromEntries(hosts.map(({ name, zone, address }) => [name, `${zone} ${address}`])),
    network: { nodes, services, pods, hosts: network.hosts },
    storage: Object.fromEntries(shards.flatMap(({ name, resources }) => resources.map((one) => [one, name]))),
    ...(served.length > 0 && { moving: Object.fromEntries(served) }),
    releases,
    keys: {
      serviceAccount: [...keys.serviceAccount],
      encryption: [...keys.encryption],
      ...Object.fromEntries(authorities.map((name) => [`authorities.${name}`, [...keysOf({ keys }, name)]])),
    },
    settings: { quotaGiB, heartbeatMs, electionMs, runtime: inPods ? "static-pod" : "systemd" },
    ...(etcdDowngrade && { etcdDowngrade }),
    ...(backup && { backups: ephemeral ? "thrown away" : "kept" }),
    own: heldTo,
  };
}

/** @returns undefined when there are none: nothing exists that could be held to them */
export function readCommitments(text: unknown): Commitments | undefined {
  if (typeof text !== "string" || text.trim() === "") return undefined;
  return Commitments.parse(JSON.parse(text));
}

const anew = "Another one is for a new cluster: an ephemeral stack gets it by `kilonode recreate`";

/** What the cluster is held to from now on. */
export function committed(before: Commitments, after: Commitments): Commitments {
  const cameFrom = (product: keyof Releases) =>
    (before.releases[product] === after.releases[product] ? before.cameFrom : before.releases)?.[product] ??
    after.releases[product];
  return { ...after, cameFrom: { kubernetes: cameFrom("kubernetes"), etcd: cameFrom("etcd") } };
}

/** Why the cluster cannot become what is asked; empty when it can. Which key does what: config/changes.ts. */
export function changeProblems(before: Commitments, after: Commitments): string[] {
  const moved = placeProblems(before.places, after.places);
  return [
    ...(before.platform === after.platform
      ? []
      : [`platform: ${before.platform} -> ${after.platform}: a cluster stays on its platform. ${anew}`]),
    ...moved,
    ...rangeProblems(before.network, after.network, moved.length > 0 ? ["hosts"] : []),
    ...storageProblems(before, after),
    // From the one of both that it is on, its rollouts judge.
    ...releaseStepProblems(before.releases, after.releases, before.cameFrom, {
      downgrade: after.etcdDowngrade === true,
    }),
    ...keyProblems(before.keys ?? firstKeys, after.keys ?? {}),
    ...(before.settings && after.settings ? settingProblems(before.settings, after.settings) : []),
    ...(before.backups === "kept" && after.backups === undefined ? [backupProblem] : []),
    ...ownProblems(before.own ?? {}, after.own ?? {}),
  ];
}

/** Hosts are known to each other by address, and etcd's members to their shard: one that exists stays where it is. */
function placeProblems(before: Commitments["places"], after: Commitments["places"]): string[] {
  const now = new Map(Object.entries(after));
  const moved = Object.entries(before).flatMap(([host, place]) => {
    const to = now.get(host);
    return to === undefined || to === place ? [] : [`${host} from ${place} to ${to}`];
  });
  const [first, ...more] = moved;
  if (first === undefined) return [];
  const others = more.length > 0 ? ` and ${more.length} more` : "";
  return [
    `zones, network.hosts, etcd.shards.*.slot: they would move ${moved.length} of ${Object.keys(before).length} hosts that exist: ${first}${others}. ` +
      `Give them the values (and zones the order) that they had. ${anew}`,
  ];
}

const rangeReasons: Readonly<Record<keyof Commitments["network"], string>> = {
  services: "Services keep the addresses that they have, and certificates of the API servers name the first one",
  pods: "nodes keep the ranges that they were given",
  nodes: "nodes keep their addresses",
  hosts: "hosts keep their addresses and their network",
};

/** @param told ranges of which it is said already that they cannot change */
function rangeProblems(
  before: Commitments["network"],
  after: Commitments["network"],
  told: readonly string[],
): string[] {
  return (Object.keys(rangeReasons) as (keyof typeof rangeReasons)[]).flatMap((name) =>
    before[name] === undefined || before[name] === after[name] || told.includes(name)
      ? []
      : [`network.${name}: ${before[name]} -> ${after[name]}: ${rangeReasons[name]}. ${anew}`],
  );
}

/** The shard that holds what no other one is named for. */
const rest = "main";

/**
 * An API server looks for a kind of object in one shard only. With another shard named for it, all that is stored would be gone
 * for its clients, and controllers would begin to act on that.
 */
function storageProblems(before: Commitments, after: Commitments): string[] {
  const [was, is] = [new Map(Object.entries(before.storage)), new Map(Object.entries(after.storage))];
  const ready = new Map(Object.entries(before.moving ?? {}));
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((resource) => {
    const [from, to] = [was.get(resource) ?? rest, is.get(resource) ?? rest];
    // Whether that has happened on the hosts is for the gates to see (components/rollout/etcd/apart.ts).
    if (from === to || (from === rest && ready.get(resource) === to)) return [];
    const way =
      from === rest
        ? `Set \`move: joined\` beside its resources and run \`kilonode up\`; \`kilonode etcd move\` goes the whole way, step by step`
        : `What has left main does not come back. ${anew}`;
    return [`etcd.shards: ${resource} would move from shard ${from} to ${to}, without what is stored. ${way}`];
  });
}

/** Of a cluster that was made before it was held to them: it had one key of each, and other authorities. */
const firstKeys = { serviceAccount: [1], encryption: [1] };

function keyProblems(before: Record<string, number[]>, after: Record<string, number[]>): string[] {
  const were = new Map(Object.entries(before));
  return Object.entries(after).flatMap(([name, numbers]) => {
    const old = were.get(name);
    const problem = old && keyProblem(old, numbers);
    if (old === undefined || problem === undefined) return [];
    const next = nextKeys(old).join(", ");
    return [
      `keys.${name}: ${problem}. Set [${next}] and run \`kilonode up\`; \`kilonode rotate\` goes the whole way, step by step`,
    ];
  });
}

function settingProblems(before: Settings, after: Settings): string[] {
  const quota =
    after.quotaGiB < before.quotaGiB
      ? [
          `etcd.quotaGiB: ${before.quotaGiB} -> ${after.quotaGiB}: etcd takes no writes when it stores more than its quota, and volumes do not shrink; keep ${before.quotaGiB} or take more. ${anew}`,
        ]
      : [];
  const runtime =
    after.runtime === before.runtime
      ? []
      : [
          `masters.runtime: ${before.runtime} -> ${after.runtime}: units and static pods would run side by side on a master. ${anew}`,
        ];
  return [...quota, ...timeProblems(before, after), ...runtime];
}

/** As of `ephemeral`, it is two steps to what takes data: none is a slip. */
const backupProblem =
  "etcd.backup: the store would go with the backups in it, or their passwords would. Keep `etcd.backup`; " +
  "where they may go with the cluster, set `ephemeral: true` beside `etcd.backup: {}` and run `kilonode up`, and leave it out then";

/** What comes and goes with a zone is the zone's matter. */
function ownProblems(before: Record<string, string>, after: Record<string, string>): string[] {
  const now = new Map(Object.entries(after));
  return Object.entries(before).flatMap(([key, was]) => {
    const is = now.get(key);
    if (is === undefined || is === was) return [];
    return [`${key}: ${was} -> ${is}: hosts and their data are there. ${anew}`];
  });
}

/** What etcd asks of one member's settings, between any two. */
const heartbeatsPerElection = 5;

/** While members change one by one, any of them may lead with one heartbeat, and another wait with the other election timeout. */
function timeProblems(before: Settings, after: Settings): string[] {
  const waitsLongEnough = (follower: Settings, leader: Settings) =>
    follower.electionMs >= heartbeatsPerElection * leader.heartbeatMs;
  if (waitsLongEnough(before, after) && waitsLongEnough(after, before)) return [];
  const times = ({ heartbeatMs, electionMs }: Pick<Settings, "heartbeatMs" | "electionMs">) =>
    `etcd.heartbeatMs: ${heartbeatMs} and etcd.electionMs: ${electionMs}`;
  const between = {
    heartbeatMs: Math.min(before.heartbeatMs, after.heartbeatMs),
    electionMs: Math.max(before.electionMs, after.electionMs),
  };
  return [
    `${times(before)} cannot become ${times(after)} in one step: while members change one by one, followers with one of these timeouts would wait for less than ${heartbeatsPerElection} of the other heartbeats, and elect a leader over and over. ` +
      `Set ${times(between)} and run \`kilonode up\`, then set ${times(after)} and run it again`,
  ];
}
