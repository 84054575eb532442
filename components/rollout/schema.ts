/** Reads a rollout's document: every problem at once, unknown keys refused. */
import * as z from "zod";
import { targetFields } from "../access/target";
import type { CheckSpec, LeaveSpec, RolloutSpec, TurnSpec } from "./spec";

const port = z.int().min(1).max(65535);
const release = z.string().regex(/^\d+\.\d+\.\d+/, "wants a version of three numbers");

const digest = z.string().min(1);
const host = z.strictObject({ ...targetFields, zone: z.string().min(1), endpoint: z.string().min(1), digest });
const waitingHost = host.partial({ digest: true });

const hostsOf = <H extends typeof host | typeof waitingHost>(one: H) =>
  z
    .array(one)
    .min(1)
    .refine((hosts) => new Set(hosts.map(({ name }) => name)).size === hosts.length, "host names are not unique")
    .refine((hosts) => new Set(hosts.map(({ address }) => address)).size === hosts.length, "addresses are not unique");

const rollout = z.strictObject({
  group: z.string().min(1),
  strategy: z.discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("etcd"),
      shard: z.string().min(1),
      token: z.string().min(1),
      peerPort: port,
      clientPort: port,
      release,
    }),
    z.strictObject({
      kind: z.literal("masters"),
      apiPort: port,
      release,
      apiServices: z.array(z.string().min(1)).min(1),
      loadBalancer: z.strictObject(targetFields).optional(),
    }),
    z.strictObject({ kind: z.literal("together") }),
  ]),
  hosts: hostsOf(host),
  hostTimeoutSeconds: z.number().positive(),
});

const leave = z.strictObject({
  group: z.string().min(1),
  member: targetFields.name,
  hosts: z.array(z.strictObject(targetFields)).min(1),
  hostTimeoutSeconds: z.number().positive(),
});

const waiting = rollout.extend({ hosts: hostsOf(waitingHost) });
const check = z.strictObject({ groups: z.array(waiting) });
const turn = waiting.extend({ turn: z.string().min(1), change: z.enum(["while it runs", "a restart"]) });

export function readSpec(text: string): RolloutSpec {
  return read(text, rollout) as RolloutSpec;
}

export function readCheck(text: string): CheckSpec {
  return read(text, check) as CheckSpec;
}

export function readTurn(text: string): TurnSpec {
  return read(text, turn) as TurnSpec;
}

export function readLeave(text: string): LeaveSpec {
  return read(text, leave) as LeaveSpec;
}

function read(text: string, wanted: z.ZodType): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new Error(`the rollout's document is no JSON: ${(error as Error).message}`);
  }
  const result = wanted.safeParse(document);
  if (!result.success) throw new Error(`the rollout's document is not valid:\n${z.prettifyError(result.error)}`);
  return result.data;
}
