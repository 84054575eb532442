/** What a destroy leaves in the state for the data that it keeps: what the program has marked as protected. */
import { resourceIds } from "../../components/resources";
import { UserError } from "../../config/errors";
import { urnName } from "../../engine";
import type { CheckedStack } from "../stack/configuration";
import type { StackEngine } from "./engine";

interface Marked {
  readonly urn: string;
  readonly type: string;
  readonly protect?: boolean;
}

/** Names of the protected resources that the state holds. */
export async function keptBy(engine: StackEngine): Promise<readonly string[]> {
  const resources = await resourcesOf(engine);
  return resources.filter(({ protect }) => protect).map(({ urn }) => urnName(urn));
}

/** Data is kept, and without its keys nobody can use it: a state of before they were marked is not destroyed. */
export async function refuseLosingKeys({ stack, spec }: CheckedStack, engine: StackEngine): Promise<void> {
  if (spec.ephemeral) return;
  const [type, name] = resourceIds.commitments;
  const resources = await resourcesOf(engine);
  const unmarked = resources.some((one) => one.type === type && urnName(one.urn) === name && !one.protect);
  if (!unmarked) return;
  throw new UserError(
    `stack ${stack} is not ephemeral, so its data is kept, but what that data needs (its keys) is not marked to be kept yet. ` +
      `Run \`kilonode up ${stack}\` first, which marks it. Nothing was touched`,
  );
}

async function resourcesOf(engine: StackEngine): Promise<readonly Marked[]> {
  if (!(await engine.exists())) return [];
  const { deployment } = (await engine.export()) as {
    readonly deployment?: { readonly resources?: readonly Marked[] };
  };
  return deployment?.resources ?? [];
}
