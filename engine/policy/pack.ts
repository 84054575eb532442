/** A policy pack: its folder, and the SDK's own analyzer process that runs it. */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { EngineError } from "../errors";
import { type Child, startServer, stopChild } from "../sdk/child";
import { analyzer, analyzerServices, CHANNEL, call, grpc } from "../sdk/proto";
import { addressOf, type Sockets } from "../sdk/sockets";

export interface PolicyPack {
  /** Folder with a PulumiPolicy.yaml. */
  readonly path: string;
}

export interface Pack {
  readonly child: Child;
  readonly client: InstanceType<typeof analyzerServices.AnalyzerClient>;
}

export interface PackEnvironment {
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly preview: boolean;
  /** Of the stack, as the program gets it. */
  readonly config: Readonly<Record<string, string>>;
  readonly sockets: Sockets;
  /** Used for packs that name no arguments of their own. */
  readonly nodeArgs: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (stream: "stdout" | "stderr", line: string) => void;
}

export async function startPack(pack: PolicyPack, environment: PackEnvironment): Promise<Pack> {
  const file = path.join(pack.path, "PulumiPolicy.yaml");
  if (!existsSync(file))
    throw new EngineError("project", `${pack.path} is not a policy pack: it has no PulumiPolicy.yaml`);
  const { runtime } = parse(readFileSync(file, "utf8")) as { runtime?: { options?: { nodeargs?: string } } };
  const nodeArgs = runtime?.options?.nodeargs?.split(/\s+/) ?? environment.nodeArgs;
  const server = await startServer({
    script: "run-policy-pack",
    cwd: path.resolve(pack.path),
    nodeArgs,
    args: [addressOf(environment.sockets.engine), path.resolve(pack.path)],
    env: {
      ...environment.env,
      // As the real engine's (`constructEnv` in analyzer_plugin.go).
      PULUMI_CONFIG: JSON.stringify(environment.config),
      PULUMI_NODEJS_ORGANIZATION: environment.organization,
      PULUMI_NODEJS_PROJECT: environment.project,
      PULUMI_NODEJS_STACK: environment.stack,
      PULUMI_NODEJS_DRY_RUN: String(environment.preview),
      // The SDK always puts its ts-node in front of packs; it must leave them to the compiler that the arguments bring.
      ...(nodeArgs.length > 0 && { TS_NODE_IGNORE: "." }),
    },
    socket: environment.sockets.next(),
    onLine: environment.onLine,
  });
  const client = new analyzerServices.AnalyzerClient(server.address, grpc.credentials.createInsecure(), CHANNEL);
  const configure = new analyzer.AnalyzerStackConfigureRequest();
  configure.setStack(environment.stack);
  configure.setProject(environment.project);
  configure.setOrganization(environment.organization);
  configure.setDryRun(environment.preview);
  try {
    await call((done) => client.configureStack(configure, done));
  } catch (error) {
    client.close();
    await stopChild(server);
    throw new EngineError("project", `the policy pack ${pack.path} does not start: ${(error as Error).message}`);
  }
  return { child: server, client };
}
