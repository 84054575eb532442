/** The rules that tie several knobs together. Each problem says the value got, what is allowed and what to do. */
import { type Cidr, overlap, parseCidr, sizeOf } from "./cidr";
import { type ClusterSpec, maxVoters, movingShard, type ShardConfig, slotOf } from "./cluster";

export type Path = readonly (string | number)[];

/** Something wrong with the configuration. */
export interface Problem {
  /** The knob that it is about. */
  readonly path: Path;
  readonly message: string;
}

export interface Rule {
  /** Knobs without which the rule cannot judge: where one of them is wrong itself, it is not asked. */
  readonly needs: readonly string[];
  readonly check: (spec: ClusterSpec) => readonly Problem[];
}

export const rules: readonly Rule[] = [
  { needs: [], check: evenShards },
  { needs: ["etcd.allowMoreThanSevenVoters"], check: largeShards },
  { needs: [], check: keptResources },
  { needs: ["etcd.shards"], check: mainShard },
  { needs: [], check: resourcesOnce },
  { needs: [], check: slotsApart },
  { needs: ["etcd.shards"], check: oneMove },
  { needs: ["etcd.shards"], check: movableResources },
  { needs: [], check: networkRanges },
  { needs: ["network.operators"], check: operatorRanges },
  { needs: ["network.hosts", "zones"], check: roomForZones },
  { needs: ["etcd.heartbeatMs", "etcd.electionMs"], check: electionTime },
  { needs: ["etcdVersion", "etcd.downgradeTo"], check: downgradeTwice },
  { needs: ["certificates"], check: renewal },
  { needs: ["certificates"], check: authorityLife },
  { needs: ["zones"], check: zonesOnce },
  { needs: ["zones", "ephemeral"], check: quorumWithoutZone },
  { needs: ["zones", "ephemeral", "etcd.shards"], check: quorumWithGuests },
];

/** True when the place lies within the other, or both are the same. */
export function isWithin(place: Path, outer: Path): boolean {
  return outer.every((key, index) => String(key) === String(place[index]));
}

/** True when one place lies within the other, or both are the same. */
export const overlaps = (a: Path, b: Path): boolean => isWithin(a, b) || isWithin(b, a);

/** One problem at most for each shard, at one of its keys. */
function eachShard(
  { etcd }: ClusterSpec,
  key: keyof ShardConfig,
  judge: (shard: ShardConfig, name: string) => string | undefined,
): Problem[] {
  return Object.entries(etcd.shards).flatMap(([name, shard]) => {
    const message = judge(shard, name);
    return message === undefined ? [] : [{ path: ["etcd", "shards", name, key], message }];
  });
}

function evenShards(spec: ClusterSpec): Problem[] {
  return eachShard(spec, "members", ({ members }) =>
    members % 2 === 0
      ? `${members} members: an even size survives no more losses than ${members - 1} and needs one more acknowledgement for each write; take ${members - 1} or ${members + 1}`
      : undefined,
  );
}

function largeShards(spec: ClusterSpec): Problem[] {
  if (spec.etcd.allowMoreThanSevenVoters) return [];
  return eachShard(spec, "members", ({ members }) =>
    members > maxVoters
      ? `${members} voters: at most ${maxVoters}, since every write waits for a majority of disks (https://etcd.io/docs/v3.6/faq/); split the data over more shards, or set etcd.allowMoreThanSevenVoters: true`
      : undefined,
  );
}

function keptResources(spec: ClusterSpec): Problem[] {
  return eachShard(spec, "resources", ({ resources }, name) => {
    if (name === "main")
      return resources.length > 0 ? "main holds whatever no other shard names; leave resources empty" : undefined;
    return resources.length === 0
      ? 'no resource is kept in this shard; name at least one, for instance "/events"'
      : undefined;
  });
}

function mainShard({ etcd }: ClusterSpec): Problem[] {
  if (Object.hasOwn(etcd.shards, "main")) return [];
  const message = "no shard named main; it holds every resource that no other shard names";
  return [{ path: ["etcd", "shards"], message }];
}

function resourcesOnce({ etcd }: ClusterSpec): Problem[] {
  const owner = new Map<string, string>();
  return Object.entries(etcd.shards).flatMap(([name, { resources }]) =>
    resources.flatMap((resource) => {
      const other = owner.get(resource);
      owner.set(resource, name);
      if (other === undefined) return [];
      const message = `${resource} is already kept in shard ${other}; a resource lives in one shard`;
      return [{ path: ["etcd", "shards", name, "resources"], message }];
    }),
  );
}

function slotsApart(spec: ClusterSpec): Problem[] {
  const owner = new Map<number, string>();
  return eachShard(spec, "slot", (shard, name) => {
    const slot = slotOf(name, shard);
    if (slot === undefined)
      return "missing: a shard of this name has no block of addresses of its own; give a free one, 3 to 11";
    const other = owner.get(slot);
    if (other !== undefined) return `${slot} is the slot of shard ${other}; give a free one, 0 to 11`;
    owner.set(slot, name);
    return undefined;
  });
}

/** What asks for a way back must not stand there for the next one. */
function downgradeTwice({ etcd: { downgradeTo }, etcdVersion }: ClusterSpec): Problem[] {
  if (downgradeTo === undefined || downgradeTo === etcdVersion) return [];
  const message = `"${downgradeTo}" is not etcdVersion, which is "${etcdVersion}"; set both to the version to go back to, or remove etcd.downgradeTo when that is over`;
  return [{ path: ["etcd", "downgradeTo"], message }];
}

/** Of two moves at once neither could say what is to be in main afterwards. */
function oneMove(spec: ClusterSpec): Problem[] {
  const moving = movingShard(spec);
  return eachShard(spec, "move", ({ move }, name) => {
    if (move === undefined) return undefined;
    if (name === "main") return "main is where resources move from; name the shard that they move to";
    return name === moving
      ? undefined
      : `shard ${moving} moves out of main, too; one at a time: leave this one out until \`kilonode etcd move\` is through with it`;
  });
}

/** API servers take --etcd-servers-overrides for what is compiled into them, and for nothing else. */
function movableResources(spec: ClusterSpec): Problem[] {
  return eachShard(spec, "resources", ({ move, resources }) => {
    const custom = move && resources.find((resource) => isCustom(resource));
    return custom
      ? `${custom} is a custom resource: API servers keep all of these in main (see --etcd-servers-overrides of kube-apiserver); leave it out`
      : undefined;
  });
}

/** True: of no group of Kubernetes itself. */
export function isCustom(resource: string): boolean {
  const [group = ""] = resource.split("/");
  return group.includes(".") && !group.endsWith(".k8s.io");
}

/** Each range is one, and shares no address with those before it. */
function networkRanges({ network }: ClusterSpec): Problem[] {
  const before: [string, Cidr][] = [];
  return (["hosts", "nodes", "services", "pods"] as const).flatMap((name) => {
    const text = network[name];
    const path = ["network", name];
    const cidr = parseCidr(text);
    if (!cidr)
      return [{ path, message: `${text} is no IPv4 range written from its first address; for instance 10.96.0.0/16` }];
    const others = before.filter(([, other]) => overlap(cidr, other));
    before.push([`network.${name} (${text})`, cidr]);
    return others.map(([other]) => ({
      path,
      message: `${text} overlaps ${other}; choose ranges that share no address`,
    }));
  });
}

function operatorRanges({ network }: ClusterSpec): Problem[] {
  return network.operators.flatMap((text, index) =>
    parseCidr(text)
      ? []
      : [
          {
            path: ["network", "operators", index],
            message: `${text} is no IPv4 range written from its first address; for instance 192.0.2.0/24, or 192.0.2.7/32 for one address`,
          },
        ],
  );
}

/** Bits that the address plan needs: a /24 for each zone and one for the platform (gateway). */
const minimalHostPrefix = 22;

function roomForZones({ network, zones }: ClusterSpec): Problem[] {
  const cidr = parseCidr(network.hosts);
  if (!cidr || (cidr.prefix <= minimalHostPrefix && sizeOf(cidr) >= 256 * (zones.length + 1))) return [];
  const message = `a /${cidr.prefix} is too small for ${zones.length} zones of a /24 each and the gateway's; take a /20`;
  return [{ path: ["network", "hosts"], message }];
}

function electionTime({ etcd: { heartbeatMs, electionMs } }: ClusterSpec): Problem[] {
  if (electionMs >= 5 * heartbeatMs) return [];
  const message = `${electionMs} ms is less than 5 heartbeats of ${heartbeatMs} ms, which etcd refuses; 10 heartbeats (${10 * heartbeatMs}) are usual (https://etcd.io/docs/v3.6/tuning/)`;
  return [{ path: ["etcd", "electionMs"], message }];
}

function renewal({ certificates: { days, renewBeforeDays } }: ClusterSpec): Problem[] {
  if (renewBeforeDays < days) return [];
  const message = `${renewBeforeDays} days is not less than the ${days} days of validity; every up would renew every certificate`;
  return [{ path: ["certificates", "renewBeforeDays"], message }];
}

function authorityLife({ certificates: { authorityDays, days } }: ClusterSpec): Problem[] {
  if (authorityDays >= 2 * days) return [];
  const message = `${authorityDays} days for an authority, and ${days} for its certificates: none may outlive it, so it is renewed, and what trusts it restarted, as soon as it has less left than they are valid; take at least twice as long, ${2 * days}`;
  return [{ path: ["certificates", "authorityDays"], message }];
}

function zonesOnce({ zones }: ClusterSpec): Problem[] {
  if (new Set(zones).size === zones.length) return [];
  return [{ path: ["zones"], message: `${zones.join(", ")}: a zone is named twice` }];
}

/** Members are dealt out to the zones in turn, so the fullest zone holds ceil(members / zones). */
function quorumWithoutZone(spec: ClusterSpec): Problem[] {
  if (spec.ephemeral) return [];
  return eachShard(spec, "members", ({ members }) => {
    const fullest = Math.ceil(members / spec.zones.length);
    const quorum = Math.floor(members / 2) + 1;
    return members - fullest < quorum
      ? `${members} members over ${spec.zones.length} zones lose their quorum with one zone; take at least 3 members and 3 zones (only an ephemeral stack may do without)`
      : undefined;
  });
}

/** While a shard moves out of main its members vote in main: an even number of them, and for a while more than seven. */
function quorumWithGuests(spec: ClusterSpec): Problem[] {
  const guest = movingShard(spec);
  const { main } = spec.etcd.shards;
  if (spec.ephemeral || guest === undefined || !main) return [];
  return eachShard(spec, "members", (shard, name) => {
    if (name !== guest) return undefined;
    const [first, second] = [main, shard].map((one, index) =>
      inZones(one.members, slotOf(index === 0 ? "main" : guest, one) ?? 0, spec.zones.length),
    );
    const voters = main.members + shard.members;
    const fullest = Math.max(...spec.zones.map((_, zone) => (first?.[zone] ?? 0) + (second?.[zone] ?? 0)));
    return voters - fullest <= voters / 2
      ? `while ${guest} moves, main has ${voters} voters, and loses its quorum with the zone that holds ${fullest} of them; take another number of members, or another slot`
      : undefined;
  });
}

/** How many members each zone has: see place in names.ts. */
function inZones(members: number, slot: number, zones: number): number[] {
  return Array.from(
    { length: zones },
    (_, zone) =>
      Array.from({ length: members }, (_, index) => (index + slot) % zones).filter((one) => one === zone).length,
  );
}
