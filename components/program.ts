/** The program: a stack's file is read, planned, and placed on its platform. */
import * as pulumi from "@pulumi/pulumi";
import { UserError } from "../config/errors";
import { readSpec } from "../config/read";
import { rawConfiguration } from "./configuration";
import { withArtifacts } from "./plan/artifacts";
import { plan } from "./plan/plan";
import { type Platforms, platformKnobs, platformOf } from "./platform/registry";

/** @returns the stack's outputs */
export async function program(platforms: Platforms): Promise<pulumi.Inputs> {
  try {
    return await run(platforms);
  } catch (error) {
    // The SDK shows a stack trace with every error but this.
    throw error instanceof UserError ? new pulumi.RunError(error.message) : error;
  }
}

async function run(platforms: Platforms): Promise<pulumi.Inputs> {
  const spec = readSpec(pulumi.getStack(), rawConfiguration(), platformKnobs(platforms));
  const platform = platformOf(platforms, spec.platform);
  const planned = plan(spec, platform.facts(spec));
  const preparing = platform.prepare({
    spec,
    plan: planned,
    change: !pulumi.runtime.isDryRun(),
    say: (line) => void pulumi.log.info(line),
  });
  preparing.catch(() => undefined);
  // Loaded while other processes look at the machine.
  const { placeCluster } = require("./place") as typeof import("./place");
  const prepared = await preparing;
  for (const { level, message, source } of planned.scale.findings) {
    if (level === "warning") await pulumi.log.warn(`${message} (${source})`);
  }
  return placeCluster({ spec, platform, prepared, plan: withArtifacts(planned, prepared.artifacts) });
}
