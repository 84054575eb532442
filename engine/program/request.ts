/** Reads a registration from the wire (source_eval.go, the first half of `RegisterResource`). */

import { fromStruct, type resource } from "../sdk/proto";
import type { AliasSpec, Goal } from "../state/goal";
import { receive } from "../values/receive";
import type { Value } from "../values/value";

export type RegisterRequest = InstanceType<typeof resource.RegisterResourceRequest>;

/** Options that mean something else than "do as you are told" are refused rather than left out. */
export function refusal(request: RegisterRequest): string | undefined {
  const what = `${request.getType()} "${request.getName()}"`;
  if (request.getRemote()) {
    return `${what} is a component that runs in a plugin (as kubernetes.yaml.v2, Helm charts, awsx and eks do); the rehearsal engine has no such plugins. Use resources of the program's own language, or the Pulumi CLI`;
  }
  if (request.getImportid() !== "")
    return `${what} asks to import the resource "${request.getImportid()}"; the rehearsal engine does not import. Use the Pulumi CLI for this step`;
  if (request.getTransformsList().length > 0) return `${what} has transforms, which the rehearsal engine does not run`;
  if (request.getPackageref() !== "")
    return `${what} comes from a parameterized package, which the rehearsal engine does not know`;
  return undefined;
}

export async function readGoal(
  request: RegisterRequest,
  directory: string,
  inherited: Goal | undefined,
  provider: string,
): Promise<Goal> {
  const { values, dependencies } = await receive(fromStruct(request.getObject()), directory);
  const propertyDependencies: Record<string, string[]> = {};
  const all = request.getDependenciesList();
  const given = request.getPropertydependenciesMap();
  // A program that does not say which property depends on what has all of them depend on everything.
  if (given.getLength() === 0) for (const key of Object.keys(values)) propertyDependencies[key] = [...all];
  given.forEach((list, key) => {
    propertyDependencies[key] = list.getUrnsList();
  });
  for (const [key, urns] of dependencies) {
    propertyDependencies[key] = [...new Set([...(propertyDependencies[key] ?? []), ...urns])];
  }
  const trigger = request.getReplacementTrigger();
  const protect = request.hasProtect() ? request.getProtect() : undefined;
  const retain = request.hasRetainondelete() ? request.getRetainondelete() : undefined;
  return {
    type: request.getType(),
    name: request.getName(),
    custom: request.getCustom(),
    parent: request.getParent(),
    inputs: values,
    provider,
    dependencies: all,
    propertyDependencies,
    protect: protect ?? inherited?.protect,
    retainOnDelete: retain ?? inherited?.retainOnDelete,
    deleteBeforeReplace:
      request.getDeletebeforereplacedefined() || request.getDeletebeforereplace()
        ? request.getDeletebeforereplace()
        : undefined,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    aliases: readAliases(request),
    deletedWith: request.getDeletedwith() || (inherited?.deletedWith ?? ""),
    replaceWith: request.getReplaceWithList(),
    replacementTrigger:
      trigger && (await receive({ trigger: trigger.toJavaScript() as Value }, directory)).values.trigger,
    timeouts: readTimeouts(request),
  };
}

function readAliases(request: RegisterRequest): AliasSpec[] {
  const specs = request.getAliasesList().map((alias): AliasSpec => {
    const spec = alias.getSpec();
    if (spec === undefined) return { urn: alias.getUrn() };
    return {
      ...(spec.getName() && { name: spec.getName() }),
      ...(spec.getType() && { type: spec.getType() }),
      ...(spec.getParenturn() && { parent: spec.getParenturn() }),
      ...(spec.getNoparent() && { noParent: true }),
      ...(spec.getStack() && { stack: spec.getStack() }),
      ...(spec.getProject() && { project: spec.getProject() }),
    };
  });
  return [...request.getAliasurnsList().map((urn) => ({ urn })), ...specs];
}

function readTimeouts(request: RegisterRequest): Goal["timeouts"] {
  const timeouts = request.getCustomtimeouts();
  const create = seconds(timeouts?.getCreate());
  const update = seconds(timeouts?.getUpdate());
  const remove = seconds(timeouts?.getDelete());
  return { ...(create && { create }), ...(update && { update }), ...(remove && { delete: remove }) };
}

/** Seconds of a duration as Go writes it: `90s`, `1h30m`. */
function seconds(text: string | undefined): number {
  if (!text) return 0;
  const units: Record<string, number> = { h: 3600, m: 60, s: 1, ms: 1e-3 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.map(([part]) => part).join("") !== text) {
    throw new Error(`customTimeouts: "${text}" is not a duration; write for instance 90s, 15m or 1h30m`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 0), 0);
}
