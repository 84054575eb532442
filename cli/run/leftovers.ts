/** What a run that was killed was making, for the platform: it may exist, and the state has it only as begun. */
import type { PlatformModule } from "../../components/platform/module";
import type { ClusterSpec } from "../../config/cluster";
import { type Deployment, urnName } from "../../engine";
import type { StackEngine } from "./engine";
import { ownerOf } from "./owner";

export async function clearLeftovers(
  { platform, spec }: { readonly platform: Pick<PlatformModule, "clearLeftovers">; readonly spec: ClusterSpec },
  engine: Pick<StackEngine, "exists" | "export" | "state">,
  say: (line: string) => void,
): Promise<void> {
  if (!platform.clearLeftovers || !(await engine.exists())) return;
  const { deployment } = (await engine.export()) as { readonly deployment?: Partial<Deployment> };
  const { pending_operations: pending = [], resources = [] } = deployment ?? {};
  const begun = pending.flatMap(({ resource, type }) =>
    type === "creating" ? [{ type: resource.type, name: urnName(resource.urn), inputs: resource.inputs ?? {} }] : [],
  );
  if (begun.length === 0) return;
  // What another run is making is no leftover; the engine's lock says the rest.
  if ((await engine.state()).unfinished?.how === "running") return;
  const owner = await ownerOf(engine);
  if (owner === undefined) return;
  const all = [...resources, ...pending.map(({ resource }) => resource)];
  const known = new Set(all.flatMap(({ id }) => (id === undefined || id === "" ? [] : [id])));
  for (const line of await platform.clearLeftovers({ spec, owner, begun, known })) say(line);
}
