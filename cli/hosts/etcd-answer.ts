/** Reads what one etcd member answered to status and member list, as hosts/host-report prints it. */
import * as z from "zod";
import { json } from "./answer";
import type { Section } from "./report";

export interface EtcdAnswer {
  readonly memberId: string;
  readonly version: string;
  readonly dbBytes: number;
  readonly raftIndex: number;
  /** Id of the leader; absent when the member knows none. */
  readonly leader?: string;
  readonly learner: boolean;
  readonly alarms: readonly string[];
  /** Who is a member, as this one knows it. */
  readonly members: readonly { readonly id: string; readonly name: string; readonly learner: boolean }[];
}

/** A number of 64 bits, written as text or as a number. What is zero, empty or false is left out. */
const uint64 = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,20}$/, "wants a number"));
const count = uint64.default("0").transform(Number);

const statusAnswer = z.object({
  header: z.object({ member_id: uint64 }),
  version: z.string().max(64).default(""),
  dbSize: count,
  raftIndex: count,
  leader: uint64.default("0"),
  isLearner: z.boolean().default(false),
  errors: z.array(z.string().max(4_096)).max(1_000).default([]),
});

const memberList = z.object({
  members: z
    .array(z.object({ ID: uint64, name: z.string().max(253).default(""), isLearner: z.boolean().default(false) }))
    .max(100)
    .default([]),
});

/** A line each; undefined when it did not answer, or not with what a member answers. */
export function readEtcd(section: Section | undefined): EtcdAnswer | undefined {
  if (section?.code !== 0) return undefined;
  const [first, second] = section.text.split("\n").filter((line) => line.startsWith("{"));
  const status = statusAnswer.safeParse(parseJson(first ?? ""));
  const list = memberList.safeParse(parseJson(second ?? ""));
  if (!status.success || !list.success) return undefined;
  const { header, version, dbSize, raftIndex, leader, isLearner, errors } = status.data;
  return {
    memberId: header.member_id,
    version,
    dbBytes: dbSize,
    raftIndex,
    ...(leader !== "0" && { leader }),
    learner: isLearner,
    alarms: [...new Set(errors.flatMap((error) => /alarm:\s*"?([A-Z]+)/.exec(error)?.[1] ?? []))],
    members: list.data.members.map(({ ID, name, isLearner: learner }) => ({ id: ID, name, learner })),
  };
}

/** etcd's ids have 64 bits, more than a JavaScript number holds: they stay text, quoted or not. Undefined where it is no JSON. */
export function parseJson(text: string): unknown {
  return json(text.replace(/([:[,]\s*)(\d{16,})(?=\s*[,}\]])/g, '$1"$2"'));
}
