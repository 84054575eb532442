/** The program: a stack's file is read, planned, and placed on its platform. */
import { randomBytes } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { checkedCluster } from "./check";
import { rawConfiguration } from "./configuration";
import { withArtifacts } from "./plan/artifacts";
import type { Platforms } from "./platform/registry";
import { runError } from "./run-error";

/** @returns the stack's outputs */
export async function program(platforms: Platforms): Promise<pulumi.Inputs> {
  try {
    return await run(platforms);
  } catch (error) {
    throw runError(error);
  }
}

async function run(platforms: Platforms): Promise<pulumi.Inputs> {
  const { spec, platform, plan } = checkedCluster(pulumi.getStack(), rawConfiguration(), platforms);
  const change = !pulumi.runtime.isDryRun();
  // Chosen by whoever wants the same one again: an update is held to a preview that names it (cli/run/reviewed.ts).
  const newIncarnation = process.env.KILONODE_INCARNATION ?? randomBytes(4).toString("hex");
  const replaced = process.env.KILONODE_REPLACED;
  const say = (line: string) => void pulumi.log.info(line);
  const preparing = platform.prepare({ spec, plan, change, newIncarnation, ...(replaced && { replaced }), say });
  preparing.catch(() => undefined);
  // Loaded while other processes look at the machine.
  const { placeCluster } = require("./place") as typeof import("./place");
  const prepared = await preparing;
  for (const { level, path, message, source } of plan.scale.notices) {
    if (level === "warning") await pulumi.log.warn(`${path}: ${message} (${source})`);
  }
  return placeCluster({ spec, platform, prepared, plan: withArtifacts(plan, prepared.artifacts) });
}
