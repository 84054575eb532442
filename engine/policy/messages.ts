/** Resources as policy packs are shown them, and what packs say of them. */
import type { PolicyViolation } from "../run/events";
import { analyzer, toStruct } from "../sdk/proto";
import type { Goal } from "../state/goal";
import { parseReference, type ResourceState, urnName } from "../state/types";
import type { Values } from "../values/value";

const LEVELS = ["advisory", "mandatory", "disabled", "remediate"] as const;

/** `urn`: of what was analyzed, for a violation that names no resource. */
export function violationOf(item: InstanceType<typeof analyzer.AnalyzeDiagnostic>, urn: string): PolicyViolation {
  const level = LEVELS[item.getEnforcementlevel()] ?? "mandatory";
  return {
    urn: item.getUrn() || urn,
    pack: item.getPolicypackname(),
    packVersion: item.getPolicypackversion(),
    policy: item.getPolicyname(),
    description: item.getDescription(),
    message: item.getMessage(),
    // A remediation that left a violation behind did not help (`analyzeResource`).
    level: level === "remediate" ? "mandatory" : level,
  };
}

interface Description {
  setType(type: string): unknown;
  setUrn(urn: string): unknown;
  setName(name: string): unknown;
  setProperties(properties: ReturnType<typeof toStruct>): unknown;
}

function described<M extends Description>(message: M, { type, urn }: ResourceState, properties: Values = {}): M {
  message.setType(type);
  message.setUrn(urn);
  message.setName(urnName(urn));
  message.setProperties(toStruct(properties));
  return message;
}

function options(goal: Goal | undefined, state: ResourceState): InstanceType<typeof analyzer.AnalyzerResourceOptions> {
  const result = new analyzer.AnalyzerResourceOptions();
  result.setProtect(state.protect ?? false);
  result.setIgnorechangesList([...(goal?.ignoreChanges ?? state.ignoreChanges ?? [])]);
  result.setDeletebeforereplace(goal?.deleteBeforeReplace ?? false);
  result.setDeletebeforereplacedefined(goal?.deleteBeforeReplace !== undefined);
  result.setAdditionalsecretoutputsList(state.additionalSecretOutputs ?? []);
  const timeouts = new analyzer.AnalyzerResourceOptions.CustomTimeouts();
  timeouts.setCreate(state.customTimeouts?.create ?? 0);
  timeouts.setUpdate(state.customTimeouts?.update ?? 0);
  timeouts.setDelete(state.customTimeouts?.delete ?? 0);
  result.setCustomtimeouts(timeouts);
  result.setParent(state.parent ?? "");
  return result;
}

function providerResource(state: ResourceState): InstanceType<typeof analyzer.AnalyzerProviderResource> {
  return described(new analyzer.AnalyzerProviderResource(), state, state.inputs);
}

export function request(
  goal: Goal,
  state: ResourceState,
  provider: ResourceState | undefined,
): InstanceType<typeof analyzer.AnalyzeRequest> {
  const result = described(new analyzer.AnalyzeRequest(), state, state.inputs);
  result.setOptions(options(goal, state));
  if (provider !== undefined) result.setProvider(providerResource(provider));
  return result;
}

export function stackResource(
  goal: Goal | undefined,
  state: ResourceState,
  states: ReadonlyMap<string, ResourceState>,
): InstanceType<typeof analyzer.AnalyzerResource> {
  const result = described(new analyzer.AnalyzerResource(), state, state.outputs);
  result.setOptions(options(goal, state));
  result.setParent(state.parent ?? "");
  result.setDependenciesList(state.dependencies ?? []);
  for (const [key, urns] of Object.entries(state.propertyDependencies ?? {})) {
    const dependencies = new analyzer.AnalyzerPropertyDependencies();
    dependencies.setUrnsList(urns);
    result.getPropertydependenciesMap().set(key, dependencies);
  }
  const provider = state.provider && states.get(parseReference(state.provider).urn);
  if (provider) result.setProvider(providerResource(provider));
  return result;
}
