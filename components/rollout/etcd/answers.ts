/** What `etcd-look` prints on a host (etcdctl 3.6 and 3.7), as data. */
import * as z from "zod";
import { read, readNames } from "../hosts/answers";
import type { Alarm, Endpoint, KeyCount, Member, View } from "./shard";

const PROGRAM = "etcd-look";
const decimal = z.string().regex(/^\d{1,20}$/, "wants a number of 64 bits");
/** What is printed and handed on to other members: nothing in it is more than a name or an address. */
const memberName = z.string().regex(/^[A-Za-z0-9._-]{0,256}$/, "wants the name of a member");
const url = z.string().regex(/^https?:\/\/[A-Za-z0-9.:[\]-]{1,256}$/, "wants the URL of a member");
const size = z.int().nonnegative().default(0);
const version = z.string().regex(/^(\d{1,4}\.\d{1,4}\.\d{1,4}[\w.+-]{0,40})?$/, "wants a version");
const urls = z.array(url).max(16).nullable().default([]);

/** Of `member list`, without `--hex`: with it, etcdctl 3.6 does not say who is a learner. What is empty may be absent or null. */
const memberList = z.object({
  members: z
    .array(
      z.object({
        ID: decimal,
        name: memberName.default(""),
        peerURLs: urls,
        clientURLs: urls,
        isLearner: z.boolean().default(false),
      }),
    )
    .max(100),
});

/** Of `endpoint status`. */
const statusList = z
  .array(
    z.object({
      Status: z.object({
        header: z.object({ member_id: decimal, revision: size }),
        leader: decimal.default("0"),
        raftAppliedIndex: z.number().default(0),
        dbSize: size,
        dbSizeInUse: size,
        dbSizeQuota: size,
        version: version.default(""),
        storageVersion: version.default(""),
        /** Absent of etcd before 3.6. */
        downgradeInfo: z.object({ enabled: z.boolean().default(false), targetVersion: version.default("") }).nullish(),
        errors: z.array(z.string().max(4_096)).max(1_000).default([]),
      }),
    }),
  )
  .max(100);

export function readView(host: string, printed: string): View {
  const [how, members = "", endpoints = ""] = printed.trim().split("\n");
  if (how !== "quorum" && how !== "alone")
    throw new Error(`${host}: \`${PROGRAM}\` printed no "quorum" and no "alone"`);
  return { quorum: how === "quorum", members: parseMembers(host, members), ...parseEndpoints(host, endpoints) };
}

export function parseMembers(host: string, json: string): Member[] {
  const { members } = read(host, PROGRAM, withTextIds(json), memberList);
  return members.map(({ ID, name, peerURLs, clientURLs, isLearner }) => ({
    id: hex(ID),
    name,
    peerUrl: peerURLs?.[0] ?? "",
    ...(clientURLs?.[0] ? { clientUrl: clientURLs[0] } : {}),
    learner: isLearner,
  }));
}

export function parseEndpoints(host: string, json: string): { endpoints: Map<string, Endpoint>; alarms: Alarm[] } {
  const answers = json === "" ? [] : read(host, PROGRAM, withTextIds(json), statusList.nullable());
  const endpoints = new Map<string, Endpoint>();
  const alarms = new Map<string, Alarm>();
  for (const { Status } of answers ?? []) {
    const leader = hex(Status.leader);
    endpoints.set(hex(Status.header.member_id), {
      ...(leader === "0" ? {} : { leader }),
      appliedIndex: Status.raftAppliedIndex,
      ...databaseOf(Status),
      ...versionsOf(Status),
    });
    for (const error of Status.errors) {
      const [, member, type] = /memberID:\s*(\d+)\s+alarm:\s*(\w+)/.exec(error) ?? [];
      if (member && type) alarms.set(`${member} ${type}`, { memberId: hex(member), type });
    }
  }
  return { endpoints, alarms: [...alarms.values()] };
}

function databaseOf(status: z.infer<typeof statusList>[number]["Status"]): Pick<Endpoint, "database"> {
  const { dbSize: bytes, dbSizeInUse: inUseBytes, dbSizeQuota: quotaBytes, header } = status;
  return bytes === 0 ? {} : { database: { bytes, inUseBytes, quotaBytes, revision: header.revision } };
}

function versionsOf(status: z.infer<typeof statusList>[number]["Status"]): Pick<Endpoint, "versions"> {
  const { downgradeInfo, storageVersion: storage, version: server } = status;
  if (server === "") return {};
  return { versions: { server, storage, downgradeTo: downgradeInfo?.enabled ? downgradeInfo.targetVersion : "" } };
}

/** What `etcd-counts` prints: "COUNT PREFIX", a line each. */
export function readKeyCounts(host: string, printed: string): KeyCount[] {
  const counts = readNames(printed).map((line) => {
    const [, keys, prefix] = /^(\d{1,15}) (\/[A-Za-z0-9._/-]{1,512})$/.exec(line) ?? [];
    if (keys === undefined || prefix === undefined)
      throw new Error(`${host}: \`etcd-counts\` printed something else than expected: "${line.slice(0, 200)}"`);
    return { prefix, keys: Number(keys) };
  });
  return counts.sort((a, b) => b.keys - a.keys);
}

/** Ids are numbers of 64 bits, more than a JavaScript number holds: made text before they are read. */
const withTextIds = (json: string): string =>
  json.replace(/"(ID|member_id|cluster_id|leader)":\s*"?(\d+)"?/g, '"$1":"$2"');

/** As etcd's log and its commands write an id. */
const hex = (number: string): string => BigInt(number).toString(16);
