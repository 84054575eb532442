/** How often a host has been repaired: a new number when it differs from what was put on it, so that `up` repairs it. */
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { asRoot } from "../access/privilege";
import { SshConnection } from "../access/ssh";
import type { HostTarget } from "../access/target";
import { machineApply } from "../machine/host-programs";
import type { Host } from "../platform/module";
import { compiled, programsRecord } from "./delivery";

/** Each is the number of repairs so far, or one more when the host differs. */
export interface Repairs {
  /** Of what was activated on it. */
  readonly content: number;
  /** Of the host programs themselves. */
  readonly programs: number;
}

/** A host that was never staged has nothing to differ from. */
const none: Repairs = { content: 0, programs: 0 };

const count = z.int().min(0).max(1_000_000);
const Drift = z.object({ generation: count, programRepairs: count });
const ProgramsRecord = z.object({ repairs: count });

/**
 * Asks all hosts at once. One that does not answer is absent from the result: nobody knows whether it differs, so it must not look as
 * if it did, and must not look as if it were new. An update does not end well with it: its group's rollout looks for it once more.
 */
export async function repairsOf(hosts: readonly Host[]): Promise<ReadonlyMap<string, Repairs>> {
  const asked = await Promise.all(
    hosts.map(async (host): Promise<readonly [string, Repairs][]> => {
      const { name } = host.plan;
      if (!host.existed) return [[name, none]];
      const [target, connection] = await Promise.all([known(host.target), known(host.connection)]);
      // A preview that changes the host itself cannot ask it.
      if (!target || !connection) return [];
      try {
        return [[name, await repairs(target, String(await known(pulumi.output(connection.privateKey))))]];
      } catch (error) {
        await pulumi.log.warn(
          `${name} could not be compared with its plan, so its content counts as unchanged: ${(error as Error).message}`,
        );
        return [];
      }
    }),
  );
  return new Map(asked.flat());
}

async function repairs(target: HostTarget, privateKey: string): Promise<Repairs> {
  const connection = new SshConnection(target, privateKey);
  const run = (command: string) => connection.run(asRoot(target.user, command));
  try {
    const { code, stdout, stderr } = await run(compiled(machineApply, ["drift"]));
    if (code === 0) {
      const { generation, programRepairs } = Drift.parse(JSON.parse(stdout));
      return { content: generation, programs: programRepairs };
    }
    const there = await run(`test -x ${machineApply}`);
    if (there.code === 0) throw new Error(stderr.trim().slice(0, 500) || `machine-apply ended with ${code}`);
    // It has lost its programs, or never had any: they are put on it once more.
    const record = await run(`cat ${programsRecord}`);
    return {
      content: 0,
      programs: record.code === 0 ? ProgramsRecord.parse(JSON.parse(record.stdout)).repairs + 1 : 0,
    };
  } finally {
    connection.close();
  }
}

/**
 * The value of an output; undefined where a preview does not know it. (`apply` of an unknown output is never called, so waiting
 * for it would wait for ever; the SDK tells what is known by this promise of every output.)
 */
async function known<T>(output: pulumi.Output<T>): Promise<T | undefined> {
  const { isKnown } = output as pulumi.Output<T> & { readonly isKnown: Promise<boolean> };
  if (!(await isKnown)) return undefined;
  return new Promise<T>((resolve) => {
    output.apply((value) => resolve(value));
  });
}
