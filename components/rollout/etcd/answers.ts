/** What `etcd-look` prints on a host (etcdctl 3.6 and 3.7), as data. */
import * as z from "zod";
import { read } from "../hosts/answers";
import type { Alarm, Endpoint, Member, View } from "./shard";

const PROGRAM = "etcd-look";
const id = z.string().regex(/^[0-9a-f]{1,16}$/, "wants a member's id in hexadecimal");
const urls = z.array(z.string().max(1_024)).max(16).default([]);

/** Of `member list --hex`. etcdctl leaves out what is empty or false. */
const memberList = z.object({
  members: z
    .array(
      z.object({
        ID: id,
        name: z.string().max(256).default(""),
        peerURLs: urls,
        clientURLs: urls,
        isLearner: z.boolean().default(false),
      }),
    )
    .max(100),
});

const decimal = z.string().regex(/^\d{1,20}$/, "wants a number of 64 bits");

/** Of `endpoint status`, where `--hex` does not apply. */
const statusList = z
  .array(
    z.object({
      Status: z.object({
        header: z.object({ member_id: decimal }),
        leader: decimal.default("0"),
        raftAppliedIndex: z.number().default(0),
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
  const { members } = read(host, PROGRAM, json, memberList);
  return members.map(({ ID, name, peerURLs, clientURLs, isLearner }) => ({
    id: ID,
    name,
    peerUrl: peerURLs[0] ?? "",
    ...(clientURLs[0] ? { clientUrl: clientURLs[0] } : {}),
    learner: isLearner,
  }));
}

/** Ids are numbers of 64 bits, more than a JavaScript number holds: made text before they are read. */
export function parseEndpoints(host: string, json: string): { endpoints: Map<string, Endpoint>; alarms: Alarm[] } {
  const safe = json.replace(/"(member_id|cluster_id|leader)":\s*"?(\d+)"?/g, '"$1":"$2"');
  const answers = safe === "" ? [] : read(host, PROGRAM, safe, statusList.nullable());
  const endpoints = new Map<string, Endpoint>();
  const alarms = new Map<string, Alarm>();
  for (const { Status } of answers ?? []) {
    const leader = hex(Status.leader);
    endpoints.set(hex(Status.header.member_id), {
      ...(leader === "0" ? {} : { leader }),
      appliedIndex: Status.raftAppliedIndex,
    });
    for (const error of Status.errors) {
      const [, member, type] = /memberID:\s*(\d+)\s+alarm:\s*(\w+)/.exec(error) ?? [];
      if (member && type) alarms.set(`${member} ${type}`, { memberId: hex(member), type });
    }
  }
  return { endpoints, alarms: [...alarms.values()] };
}

const hex = (number: string): string => BigInt(number).toString(16);
