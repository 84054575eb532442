/** Policy packs, run by the SDK's own analyzer process (step_generator.go, from "Send the resource off to any Analyzers"). */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { EngineError } from "../errors";
import type { PolicyViolation } from "../run/events";
import type { Run } from "../run/run";
import { type Child, startServer, stopChild } from "../sdk/child";
import { analyzer, analyzerServices, CHANNEL, call, fromStruct, grpc, toStruct } from "../sdk/proto";
import type { Goal } from "../state/goal";
import { parseReference, type ResourceState, ROOT_STACK, urnName } from "../state/types";
import type { Values } from "../values/value";

export interface PolicyPack {
  /** Folder with a PulumiPolicy.yaml. */
  readonly path: string;
}

interface Pack {
  readonly child: Child;
  readonly client: InstanceType<typeof analyzerServices.AnalyzerClient>;
}

export interface PackEnvironment {
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly preview: boolean;
  readonly engineAddress: string;
  /** Used for packs that name no arguments of their own. */
  readonly nodeArgs: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
}

type Analysis = InstanceType<typeof analyzer.AnalyzeResponse>;

const LEVELS = ["advisory", "mandatory", "disabled", "remediate"] as const;

export class Policies {
  private constructor(
    private readonly run: Run,
    private readonly packs: readonly Pack[],
  ) {}

  static async start(run: Run, packs: readonly PolicyPack[], environment: PackEnvironment): Promise<Policies> {
    return new Policies(run, await Promise.all(packs.map((pack) => startPack(pack, environment))));
  }

  /** Remediates, then analyzes a resource as it is going to be; true when it must not be begun. */
  async analyze(goal: Goal, state: ResourceState, provider: ResourceState | undefined): Promise<boolean> {
    let mandatory = false;
    for (const pack of this.packs) await this.#remediate(pack, goal, state, provider);
    for (const { client } of this.packs) {
      const response = await call<Analysis>((done) => client.analyze(request(goal, state, provider), done));
      for (const violation of response.getDiagnosticsList().map((item) => violationOf(item, state.urn))) {
        // A remediation that left a violation behind did not help (`analyzeResource`).
        const level = violation.level === "remediate" ? "mandatory" : violation.level;
        mandatory ||= level === "mandatory";
        this.run.violation({ ...violation, level });
      }
    }
    if (mandatory) this.run.fail(this.run.preview);
    return mandatory && !this.run.preview;
  }

  async #remediate(
    { client }: Pack,
    goal: Goal,
    state: ResourceState,
    provider: ResourceState | undefined,
  ): Promise<void> {
    const response = await call<InstanceType<typeof analyzer.RemediateResponse>>((done) =>
      client.remediate(request(goal, state, provider), done),
    );
    for (const item of response.getRemediationsList()) {
      const message = item.getDiagnostic();
      this.run.violation({
        urn: state.urn,
        pack: item.getPolicypackname(),
        packVersion: item.getPolicypackversion(),
        policy: item.getPolicyname(),
        description: item.getDescription(),
        message,
        level: message === "" ? "remediate" : "advisory",
      });
      if (message === "") state.inputs = fromStruct(item.getProperties());
    }
  }

  /** The rules for the stack as a whole, on the final outputs; they cannot stop anything any more. */
  async analyzeStack(goals: ReadonlyMap<string, Goal>, states: ReadonlyMap<string, ResourceState>): Promise<void> {
    if (this.packs.length === 0) return;
    const message = new analyzer.AnalyzeStackRequest();
    message.setResourcesList([...states.values()].map((state) => stackResource(goals.get(state.urn), state, states)));
    const root = [...states.values()].find((state) => state.type === ROOT_STACK)?.urn ?? "";
    for (const { client } of this.packs) {
      const response = await call<Analysis>((done) => client.analyzeStack(message, done));
      for (const violation of response.getDiagnosticsList().map((item) => violationOf(item, root))) {
        const level = violation.level === "remediate" ? "mandatory" : violation.level;
        if (level === "mandatory") this.run.fail(true);
        this.run.violation({ ...violation, level });
      }
    }
  }

  async close(): Promise<void> {
    for (const { client } of this.packs) client.close();
    await Promise.all(this.packs.map(({ child }) => stopChild(child)));
  }
}

async function startPack(pack: PolicyPack, environment: PackEnvironment): Promise<Pack> {
  const file = path.join(pack.path, "PulumiPolicy.yaml");
  if (!existsSync(file))
    throw new EngineError("project", `${pack.path} is not a policy pack: it has no PulumiPolicy.yaml`);
  const { runtime } = parse(readFileSync(file, "utf8")) as { runtime?: { options?: { nodeargs?: string } } };
  const nodeArgs = runtime?.options?.nodeargs?.split(/\s+/) ?? environment.nodeArgs;
  const server = await startServer({
    script: "run-policy-pack",
    cwd: path.resolve(pack.path),
    nodeArgs,
    args: [environment.engineAddress, path.resolve(pack.path)],
    // The SDK always puts its ts-node in front of packs; it must leave them to the compiler that the arguments bring.
    env: { ...environment.env, ...(nodeArgs.length > 0 && { TS_NODE_IGNORE: "." }) },
    onLine: environment.onLine,
  });
  const client = new analyzerServices.AnalyzerClient(
    `127.0.0.1:${server.port}`,
    grpc.credentials.createInsecure(),
    CHANNEL,
  );
  const configure = new analyzer.AnalyzerStackConfigureRequest();
  configure.setStack(environment.stack);
  configure.setProject(environment.project);
  configure.setOrganization(environment.organization);
  configure.setDryRun(environment.preview);
  await call((done) => client.configureStack(configure, done));
  return { child: server, client };
}

function violationOf(item: InstanceType<typeof analyzer.AnalyzeDiagnostic>, urn: string): PolicyViolation {
  return {
    urn: item.getUrn() || urn,
    pack: item.getPolicypackname(),
    packVersion: item.getPolicypackversion(),
    policy: item.getPolicyname(),
    description: item.getDescription(),
    message: item.getMessage(),
    level: LEVELS[item.getEnforcementlevel()] ?? "mandatory",
  };
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
  const result = new analyzer.AnalyzerProviderResource();
  result.setType(state.type);
  result.setUrn(state.urn);
  result.setName(urnName(state.urn));
  result.setProperties(toStruct(state.inputs ?? {}));
  return result;
}

function request(
  goal: Goal,
  state: ResourceState,
  provider: ResourceState | undefined,
): InstanceType<typeof analyzer.AnalyzeRequest> {
  const result = new analyzer.AnalyzeRequest();
  result.setType(state.type);
  result.setUrn(state.urn);
  result.setName(urnName(state.urn));
  result.setProperties(toStruct(state.inputs ?? {}));
  result.setOptions(options(goal, state));
  if (provider !== undefined) result.setProvider(providerResource(provider));
  return result;
}

function stackResource(
  goal: Goal | undefined,
  state: ResourceState,
  states: ReadonlyMap<string, ResourceState>,
): InstanceType<typeof analyzer.AnalyzerResource> {
  const result = new analyzer.AnalyzerResource();
  result.setType(state.type);
  result.setUrn(state.urn);
  result.setName(urnName(state.urn));
  result.setProperties(toStruct((state.outputs ?? {}) as Values));
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
