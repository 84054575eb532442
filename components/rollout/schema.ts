/** Reads a rollout's document: every problem at once, unknown keys refused. */
import * as z from "zod";
import { targetFields } from "../access/target";
import type { CheckSpec, LeaveSpec, PrepareSpec, RolloutHost, RolloutSpec, TurnSpec, WaitingSpec } from "./spec";

const port = z.int().min(1).max(65535);
const release = z.string().regex(/^\d+\.\d+\.\d+/, "wants a version of three numbers");

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
      downgrade: z.boolean().optional(),
    }),
    z.strictObject({
      kind: z.literal("masters"),
      apiPort: port,
      release,
      apiServices: z.array(z.string().min(1)).min(1),
      returnSeconds: z.number().positive().optional(),
      loadBalancer: z.strictObject(targetFields).optional(),
    }),
    z.strictObject({ kind: z.literal("together") }),
  ]),
  hosts: z
    .array(
      z.strictObject({
        ...targetFields,
        zone: z.string().min(1),
        endpoint: z.string().min(1),
      }),
    )
    .min(1)
    .refine((hosts) => new Set(hosts.map((host) => host.name)).size === hosts.length, "host names are not unique")
    .refine((hosts) => new Set(hosts.map((host) => host.address)).size === hosts.length, "addresses are not unique"),
  hostTimeoutSeconds: z.number().positive(),
  look: z.string().max(64).optional(),
});

const leave = z.strictObject({
  group: z.string().min(1),
  member: targetFields.name,
  hosts: z.array(z.strictObject(targetFields)).min(1),
  hostTimeoutSeconds: z.number().positive(),
});

const check = z.strictObject({ groups: z.array(rollout), backups: z.boolean() });
const prepare = check.extend({
  waves: z.array(z.array(z.string().min(1))),
  secrets: z.strictObject({ group: z.string().min(1), keys: z.array(z.string().min(1)).min(1) }),
});
const turn = rollout.extend({ turn: z.string().min(1), change: z.enum(["while it runs", "a restart"]) });

/** @param staged the digests of the hosts' content: see spec.ts */
export function readSpec(text: string, staged: string | undefined): RolloutSpec {
  const { hosts, ...spec } = withDigests(read(text, rollout) as WaitingSpec, staged);
  const staying = hosts.map(({ digest, ...host }): RolloutHost => {
    if (digest === undefined)
      throw new Error(`KILONODE_STAGED names no content of ${host.name}: it wants "name=digest name=digest"`);
    return { ...host, digest };
  });
  return { ...spec, hosts: staying };
}

/** Hosts without a digest wait for their turn. */
export function readCheck(text: string, staged: string | undefined): CheckSpec {
  const { groups, ...spec } = read(text, check) as CheckSpec;
  return { ...spec, groups: groups.map((group) => withDigests(group, staged)) };
}

export function readPrepare(text: string, staged: string | undefined): PrepareSpec {
  const { groups, ...spec } = read(text, prepare) as PrepareSpec;
  return { ...spec, groups: groups.map((group) => withDigests(group, staged)) };
}

export function readTurn(text: string, staged: string | undefined): TurnSpec {
  return withDigests(read(text, turn) as TurnSpec, staged);
}

function withDigests<S extends WaitingSpec>(spec: S, staged = ""): S {
  const digests = new Map(staged.split(" ").map((entry) => entry.split("=") as [string, string | undefined]));
  const hosts = spec.hosts.map((host) => {
    const [digest] = digests.get(host.name)?.split("/") ?? [];
    return digest ? { ...host, digest } : host;
  });
  return { ...spec, hosts };
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
