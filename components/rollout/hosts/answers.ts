/** What `machine-apply` and `still-starting` print on a host, read as what it may be: a host is not trusted to say more. */
import * as z from "zod";

const text = z.string().max(4_096);
const texts = z.array(text).max(10_000);
const serviceName = z.string().regex(/^[A-Za-z0-9:_.\\@-]{1,256}$/, "wants the name of a service");
const digest = z.string().regex(/^[A-Za-z0-9:_.-]{1,128}$/, "wants a digest");

const degradation = z.object({ what: text, wanted: text, got: text, why: text });

const restoring = z.object({
  command: z.enum(["restore", "recover", "move"]),
  shard: z.string().regex(/^[a-z0-9-]{1,63}$/, "wants the name of a shard"),
  /** How far it is on this host: see etcd_restore/ among its programs. */
  phase: z.enum(["held", "staged", "aside", "place", "swapped"]),
});

export const machineStatus = z.object({
  staged: digest.nullable(),
  active: digest.nullable(),
  /** False on a host that never ran its content and has empty volumes: new, or made again after it was lost. */
  everActivated: z.boolean(),
  /** Services that activation would restart, those included whose restart an earlier one has left owed. */
  restarts: z.array(serviceName).max(1_000),
  /** What activation has still to do. */
  pending: texts,
  services: z.record(
    serviceName,
    z.object({
      kind: z.enum(["unit", "static-pod"]),
      active: z.string().max(64),
      /** When it came to be so, of a unit. */
      since: z.string().max(64).nullish(),
    }),
  ),
  degradations: z.array(degradation).max(10_000),
  /** The digest of the active content with a part of the staged one; empty where nothing was ever active. */
  parts: z.object({ trust: digest.optional(), show: digest.optional() }).default({}),
  /** True: the staged content trusts less than the active one. */
  distrusts: z.boolean().default(false),
  /** A restore of the shard that the host's member is in, which has not come to its end. */
  restoring: restoring.nullish(),
  /** The shard that the member's data was made for by the last restore, or by the split of a move. */
  dataOf: restoring.shape.shard.nullish(),
});

const activation = z.object({
  /** What is active afterwards. */
  digest,
  degradations: z.array(degradation).max(10_000),
});

/** Printed as it is, so without anything that moves a cursor. */
const words = z
  .string()
  .max(1_000)
  .transform((told) => told.replaceAll(/\p{Cc}/gu, " "));

/** The answer of `machine-apply diagnose`. */
export const diagnosis = z.object({
  down: z
    .array(
      z.object({
        service: serviceName,
        state: words,
        /** Null: it is only starting, or nothing is known. */
        cause: z
          .enum([
            "masked",
            "missing",
            "not-executable",
            "not-mounted",
            "swapped",
            "full",
            "bad-data",
            "refused",
            "ends",
            "stopped",
          ])
          .nullable(),
        text: words,
        log: z.array(words).max(5),
      }),
    )
    .max(1_000),
});

/** What `machine-apply status` tells, reduced to what a decision needs. */
export type MachineStatus = Readonly<z.infer<typeof machineStatus>>;
/** Something that this host cannot do as planned: carried into the output, so that it is seen. */
export type HostDegradation = Readonly<z.infer<typeof degradation>>;
export type Activation = Readonly<z.infer<typeof activation>>;
/** A service that should run and is not up. */
export type DownService = Readonly<z.infer<typeof diagnosis>["down"][number]>;
export type CauseKind = NonNullable<DownService["cause"]>;
export type ServiceKind = MachineStatus["services"][string]["kind"];

export const readMachineStatus = (host: string, printed: string): MachineStatus =>
  read(host, "machine-apply status", printed, machineStatus);

const aside = z.object({
  /** Folders, on the volumes themselves. */
  setAside: z.array(text).max(100),
});

export const readAside = (host: string, printed: string): readonly string[] =>
  read(host, "machine-apply set-aside", printed, aside).setAside;

const secretKeys = z.record(z.string().max(64), z.int().min(0));

/** Keys of the EncryptionConfiguration, each with the number of Secrets under it. */
export const readSecretKeys = (host: string, printed: string): ReadonlyMap<string, number> =>
  new Map(Object.entries(read(host, "secret-keys", printed, secretKeys)));

export const readActivation = (host: string, printed: string): Activation =>
  read(host, "machine-apply activate", printed, activation);

export const readDiagnosis = (host: string, printed: string): readonly DownService[] =>
  read(host, "machine-apply diagnose", printed, diagnosis).down;

/** One name a line. */
export function readNames(printed: string): string[] {
  return printed.split("\n").filter((line) => line !== "");
}

/** JSON of a host in the wanted shape; the error names the host and the program that printed it. */
export function read<T>(host: string, program: string, printed: string, wanted: z.ZodType<T>): T {
  let document: unknown;
  try {
    document = JSON.parse(printed);
  } catch {
    throw new Error(`${host}: \`${program}\` printed no JSON: ${shortened(printed)}`);
  }
  const result = wanted.safeParse(document);
  if (result.success) return result.data;
  throw new Error(`${host}: \`${program}\` printed something else than expected: ${z.prettifyError(result.error)}`);
}

function shortened(printed: string): string {
  const line = printed.trim().split("\n")[0] ?? "";
  return line === "" ? "nothing" : `"${line.slice(0, 200)}"`;
}
