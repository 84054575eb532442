import { resourceIds } from "../../components/resources";
import { urnName } from "../../engine";
import type { StackEngine } from "./engine";

/** By whose mark a platform knows what the state has made; undefined: it has made nothing. */
export async function ownerOf(engine: Pick<StackEngine, "exists" | "state">): Promise<string | undefined> {
  if (!(await engine.exists())) return undefined;
  const [type, name] = resourceIds.owner;
  const owner = (await engine.state()).resources.find((one) => one.type === type && urnName(one.urn) === name);
  return typeof owner?.outputs.hex === "string" ? owner.outputs.hex : undefined;
}
