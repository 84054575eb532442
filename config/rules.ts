/** The rules that tie several knobs together. Each problem says the value got, what is allowed and what to do. */
import type { z } from "zod";
import { type Cidr, overlap, parseCidr, sizeOf } from "./cidr";
import { type ClusterConfig, slotOf } from "./cluster";

type Context = z.core.$RefinementCtx<unknown>;
type Report = (path: (string | number)[], message: string) => void;

export function rulesAcross(config: ClusterConfig, context: Context): void {
  const report: Report = (path, message) => context.addIssue({ code: "custom", path, message });
  shardRules(config, report);
  networkRules(config, report);
  timingRules(config, report);
  zoneRules(config, report);
}

function shardRules(config: ClusterConfig, report: Report): void {
  const { shards, allowMoreThanSevenVoters } = config.etcd;
  for (const [name, shard] of Object.entries(shards)) {
    const path = ["etcd", "shards", name, "members"];
    if (shard.members % 2 === 0) {
      report(
        path,
        `${shard.members} members: an even size survives no more losses than ${shard.members - 1} and needs one more acknowledgement for each write; take ${shard.members - 1} or ${shard.members + 1}`,
      );
    }
    if (shard.members > 7 && !allowMoreThanSevenVoters) {
      report(
        path,
        `${shard.members} voters: at most 7, since every write waits for a majority of disks (https://etcd.io/docs/v3.6/faq/); split the data over more shards, or set etcd.allowMoreThanSevenVoters: true`,
      );
    }
    if (name === "main" && shard.resources.length > 0) {
      report(["etcd", "shards", name, "resources"], "main holds whatever no other shard names; leave resources empty");
    }
    if (name !== "main" && shard.resources.length === 0) {
      report(
        ["etcd", "shards", name, "resources"],
        'no resource is kept in this shard; name at least one, for instance "/events"',
      );
    }
  }
  if (!shards.main)
    report(["etcd", "shards"], "no shard named main; it holds every resource that no other shard names");
  resourcesOnce(config, report);
  slotsApart(config, report);
}

function resourcesOnce(config: ClusterConfig, report: Report): void {
  const owner = new Map<string, string>();
  for (const [name, shard] of Object.entries(config.etcd.shards)) {
    for (const resource of shard.resources) {
      const other = owner.get(resource);
      if (other)
        report(
          ["etcd", "shards", name, "resources"],
          `${resource} is already kept in shard ${other}; a resource lives in one shard`,
        );
      owner.set(resource, name);
    }
  }
}

function slotsApart(config: ClusterConfig, report: Report): void {
  const owner = new Map<number, string>();
  for (const [name, shard] of Object.entries(config.etcd.shards)) {
    const slot = slotOf(name, shard);
    const path = ["etcd", "shards", name, "slot"];
    if (slot === undefined) {
      report(path, "missing: a shard of this name has no block of addresses of its own; give a free one, 3 to 11");
    } else if (owner.has(slot))
      report(path, `${slot} is the slot of shard ${owner.get(slot)}; give a free one, 0 to 11`);
    else owner.set(slot, name);
  }
}

/** Bits that the address plan needs: a /24 for each zone and one for the platform (gateway). */
const minimalHostPrefix = 22;

function networkRules(config: ClusterConfig, report: Report): void {
  const names = ["hosts", "nodes", "services", "pods"] as const;
  const ranges: [(typeof names)[number], Cidr][] = [];
  for (const name of names) {
    const cidr = parseCidr(config.network[name]);
    if (cidr) ranges.push([name, cidr]);
    else
      report(
        ["network", name],
        `${config.network[name]} is no IPv4 range written from its first address; for instance 10.96.0.0/16`,
      );
  }
  for (const [index, [name, cidr]] of ranges.entries()) {
    for (const [other, otherCidr] of ranges.slice(0, index)) {
      if (overlap(cidr, otherCidr))
        report(
          ["network", name],
          `${config.network[name]} overlaps network.${other} (${config.network[other]}); choose ranges that share no address`,
        );
    }
    if (name === "hosts" && (cidr.prefix > minimalHostPrefix || sizeOf(cidr) < 256 * (config.zones.length + 1))) {
      report(
        ["network", "hosts"],
        `a /${cidr.prefix} is too small for ${config.zones.length} zones of a /24 each and the gateway's; take a /20`,
      );
    }
  }
}

function timingRules(config: ClusterConfig, report: Report): void {
  const { heartbeatMs, electionMs } = config.etcd;
  if (electionMs < 5 * heartbeatMs) {
    report(
      ["etcd", "electionMs"],
      `${electionMs} ms is less than 5 heartbeats of ${heartbeatMs} ms, which etcd refuses; 10 heartbeats (${10 * heartbeatMs}) are usual (https://etcd.io/docs/v3.6/tuning/)`,
    );
  }
  const { days, renewBeforeDays } = config.certificates;
  if (renewBeforeDays >= days)
    report(
      ["certificates", "renewBeforeDays"],
      `${renewBeforeDays} days is not less than the ${days} days of validity; every up would renew every certificate`,
    );
}

/** Members are dealt out to the zones in turn, so the fullest zone holds ceil(members / zones). */
function zoneRules(config: ClusterConfig, report: Report): void {
  if (new Set(config.zones).size !== config.zones.length)
    report(["zones"], `${config.zones.join(", ")}: a zone is named twice`);
  if (config.ephemeral) return;
  for (const [name, shard] of Object.entries(config.etcd.shards)) {
    const fullest = Math.ceil(shard.members / config.zones.length);
    const quorum = Math.floor(shard.members / 2) + 1;
    if (shard.members - fullest < quorum) {
      report(
        ["etcd", "shards", name, "members"],
        `${shard.members} members over ${config.zones.length} zones lose their quorum with one zone; take at least 3 members and 3 zones (only an ephemeral stack may do without)`,
      );
    }
  }
}
