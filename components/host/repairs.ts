/** How often a host has been repaired: a new number when it differs from what was put on it, so that `up` repairs it. */
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { SshConnection } from "../access/ssh";
import type { HostTarget } from "../access/target";
import { known } from "../known";
import { machineApply } from "../machine/host-programs";
import type { HostPlan } from "../plan/types";
import type { Placement } from "../platform/module";
import { compiled, programsRecord } from "./delivery";

/** Each is the number of repairs so far, or one more when the host differs. */
export interface Repairs {
  /** Of what was activated on it. */
  readonly content: number;
  /** Of the host programs themselves. */
  readonly programs: number;
}

/** By host. One that is absent was asked and did not answer; undefined: it cannot be asked before its machine has changed. */
export type AllRepairs = ReadonlyMap<string, Repairs | undefined>;

/** A host that was never staged has nothing to differ from. */
const none: Repairs = { content: 0, programs: 0 };

const count = z.int().min(0).max(1_000_000);
const Drift = z.object({ generation: count, programRepairs: count });
const ProgramsRecord = z.object({ repairs: count });

/**
 * Asks all hosts at once, as they were found. One that does not answer is absent from the result: nobody knows whether it differs, so it
 * must not look as if it did, and must not look as if it were new. An update does not end
 * well with it: the rollout of its group looks for it once more.
 */
export async function repairsOf(
  hosts: readonly HostPlan[],
  placement: Pick<Placement, "found">,
  sshKey: pulumi.Output<string>,
): Promise<AllRepairs> {
  const privateKey = await known(sshKey);
  const asked = await Promise.all(
    hosts.map(async (host): Promise<readonly [string, Repairs | undefined][]> => {
      const { name } = host;
      const machine = placement.found(host);
      if (machine.state === "absent") return [[name, none]];
      // With a new key nobody is let in before the host's turn.
      if (privateKey === undefined || !machine.knowsKey) return [[name, undefined]];
      try {
        return [[name, await repairs(machine.target, privateKey)]];
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
  try {
    const { code, stdout, stderr } = await connection.run(compiled(machineApply, ["drift"]));
    if (code === 0) {
      const { generation, programRepairs } = Drift.parse(JSON.parse(stdout));
      return { content: generation, programs: programRepairs };
    }
    const there = await connection.run(["test", "-x", machineApply]);
    if (there.code === 0) throw new Error(stderr.trim().slice(0, 500) || `machine-apply ended with ${code}`);
    // It has lost its programs, or never had any: they are put on it once more.
    const record = await connection.run(["cat", programsRecord]);
    return {
      content: 0,
      programs: record.code === 0 ? ProgramsRecord.parse(JSON.parse(record.stdout)).repairs + 1 : 0,
    };
  } finally {
    connection.close();
  }
}
