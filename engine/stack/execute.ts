/** A run from its beginning to its end: starts what it needs, drives the program, deletes what is left over, stops everything. */
import path from "node:path";
import { EngineError } from "../errors";
import { Policies } from "../policy/policies";
import { DefaultProviders, DYNAMIC } from "../program/defaults";
import { type Program, runInProcess } from "../program/inprocess";
import { Monitor } from "../program/monitor";
import { serve } from "../program/server";
import type { ProviderFactory } from "../provider/provider";
import { Registry } from "../provider/registry";
import { dynamicProvider } from "../providers/dynamic";
import { messageOf } from "../run/run";
import { type Child, startChild, stopChild } from "../sdk/child";
import { addressOf, Sockets } from "../sdk/sockets";
import { ROOT_STACK } from "../state/types";
import { planDeletes, protectedOf, runDeletes } from "../steps/deletes";
import { Executor } from "../steps/executor";
import { Generator } from "../steps/generate";
import { Steps } from "../steps/steps";
import type { Values } from "../values/value";
import type { Session } from "./session";

const QUIET = path.join(import.meta.dirname, "../sdk/quiet.cjs");
/** MiB for values that live shortly, of which a program makes many: with Node's 16 its garbage collection takes twice as long. */
const YOUNG = "--max-semi-space-size=64";
const ORGANIZATION = "organization";
/** The SDK's way to say that it has already told the user what went wrong (cmd/run/index.ts). */
const EXIT_REPORTED = 32;
/** How long a program may take to notice that the run has ended. */
const GRACE_MS = 3000;

interface Parts {
  readonly registry: Registry;
  readonly executor: Executor;
  readonly steps: Steps;
  readonly generator: Generator;
  readonly monitor: Monitor;
  readonly policies: Policies;
  readonly sockets: Sockets;
}

export async function runProgram(session: Session): Promise<Values> {
  return withParts(session, async (parts) => {
    const { program } = session.options;
    if (program !== undefined) {
      await drive(session, parts, runFunction(session, parts.monitor, program));
      return;
    }
    const child = startProgram(session, addressOf(parts.sockets.engine));
    try {
      await drive(session, parts, child.exited);
    } finally {
      await stopProgram(child);
    }
  });
}

export async function destroyProgramless(session: Session): Promise<Values> {
  return withParts(session, async ({ generator, executor, steps, registry }) => {
    const { run, base, options } = session;
    const kept = options.excludeProtected ? protectedOf(base) : undefined;
    await runDeletes(run, executor, base, planDeletes(generator, steps, kept));
    await registry.close();
  });
}

async function withParts(session: Session, work: (parts: Parts) => Promise<void>): Promise<Values> {
  const sockets = new Sockets();
  try {
    return await withSockets(session, sockets, work);
  } finally {
    sockets.remove();
  }
}

async function withSockets(session: Session, sockets: Sockets, work: (parts: Parts) => Promise<void>): Promise<Values> {
  const { run, base, snapshot, project, options, config } = session;
  const registry = new Registry(factoryFor(session, sockets), run.preview);
  const executor = new Executor(run, snapshot);
  const steps = new Steps(run, registry, base);
  // The monitor must listen before policy packs start, and needs the generator, which needs the packs.
  const late: { policies?: Policies } = {};
  const generator = new Generator(
    { project: project.name, stack: options.stack },
    run,
    base,
    registry,
    executor,
    steps,
    () => late.policies,
  );
  const defaults = new DefaultProviders(generator, config);
  const monitor = new Monitor(run, generator, executor, registry, defaults, project.programDirectory);
  const server = await serve(monitor, sockets.engine);
  try {
    late.policies = await Policies.start(run, options.policyPacks ?? [], {
      project: project.name,
      stack: options.stack,
      organization: ORGANIZATION,
      preview: run.preview,
      config: config.values,
      sockets,
      nodeArgs: project.nodeArgs,
      env: environment(session),
      onLine: (stream, line) => run.onEvent({ type: "log", stream, line }),
    });
    await work({ registry, executor, steps, generator, monitor, policies: late.policies, sockets });
  } finally {
    await Promise.allSettled([registry.close(), late.policies?.close()]);
    server.close();
  }
  return [...executor.news.values()].find(({ type }) => type === ROOT_STACK)?.outputs ?? {};
}

function factoryFor(session: Session, sockets: Sockets): ProviderFactory {
  const { run, project, options } = session;
  return (packageName) => {
    if (packageName === "pulumi") {
      throw new EngineError(
        "refused",
        "resources of the pulumi package itself (StackReference, Stash) are not supported in a rehearsal; use the Pulumi CLI",
      );
    }
    if (packageName !== DYNAMIC) return options.providers(packageName, options.stateFile);
    return dynamicProvider({
      cwd: project.programDirectory,
      env: environment(session),
      nodeArgs: [],
      sockets,
      onLine: (stream, line) => run.onEvent({ type: "log", stream, line }),
    });
  };
}

function environment({ options }: Session): NodeJS.ProcessEnv {
  return { ...process.env, ...options.env };
}

function runFunction({ run, project, options, parallel, config }: Session, monitor: Monitor, program: Program) {
  const identity = { project: project.name, stack: options.stack, organization: ORGANIZATION };
  return runInProcess(run, monitor, { program, parallel, config, ...identity });
}

function startProgram(session: Session, address: string): Child {
  const { project, options, config, run, parallel } = session;
  return startChild({
    script: "run",
    cwd: project.programDirectory,
    // The SDK takes a stack for each of the promises of each property (runtime/debuggable.ts), and logs each call.
    nodeArgs: [YOUNG, ...(options.debug ? [] : ["--stack-trace-limit=0", "--require", QUIET]), ...project.nodeArgs],
    args: [
      ...["--monitor", address, "--engine", address],
      ...["--organization", ORGANIZATION, "--project", project.name, "--stack", options.stack],
      ...["--root-directory", project.directory, "--pwd", project.programDirectory],
      ...["--parallel", String(parallel)],
      ...(run.preview ? ["--dry-run"] : []),
      project.entry,
    ],
    env: {
      ...environment(session),
      PULUMI_CONFIG: JSON.stringify(config.values),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(config.secretKeys),
      PULUMI_NODEJS_TYPESCRIPT: String(project.typescript),
    },
    onLine: (stream, line) => run.onEvent({ type: "log", stream, line }),
  });
}

/** Until the program has registered all, or ended, or the run has; then deletes and the end of the program. */
async function drive(session: Session, parts: Parts, exited: Promise<number | string>): Promise<void> {
  const { run, base } = session;
  const { monitor, generator, executor, steps, policies } = parts;
  const ended = new Promise<"ended">((resolve) => {
    if (!run.going) resolve("ended");
    else run.ended.addEventListener("abort", () => resolve("ended"), { once: true });
  });
  const first = await Promise.race([monitor.finished.then(() => "registered" as const), exited, ended]);
  if (first !== "registered" && first !== "ended" && first !== 0) reportExit(session, first);
  if (run.going && (first === "registered" || first === 0)) {
    await runDeletes(run, executor, base, planDeletes(generator, steps));
  }
  await run.idle();
  await registerStackOutputs(session, parts);
  if (!run.failed && run.going) {
    await policies.analyzeStack(generator.goals, executor.news).catch((error: unknown) => {
      run.report("error", `failed to analyze resources: ${messageOf(error)}`);
      run.fail(false);
    });
  }
  monitor.release();
  if (first !== "registered" || !run.going) return;
  // A promise that never resolved is noticed only now, when nothing is left to do; the changes have been made.
  const code = await exited;
  if (code !== 0) reportExit(session, code);
}

function reportExit({ run }: Session, code: number | string): void {
  if (code !== EXIT_REPORTED)
    run.report("error", `the program ended with ${typeof code === "number" ? `exit code ${code}` : code}`);
  run.fail(true);
  run.abort();
}

/** After a failure outputs are added and changed, but none is taken away (deployment_executor.go, "Finalize the stack outputs"). */
async function registerStackOutputs({ run, base }: Session, { monitor, executor }: Parts): Promise<void> {
  const { stackOutputs } = monitor;
  if (stackOutputs === undefined) return;
  const old = run.failed ? base.find(({ urn }) => urn === stackOutputs.urn)?.outputs : {};
  await executor.registerOutputs(stackOutputs.urn, { ...old, ...stackOutputs.outputs });
}

async function stopProgram(child: Child): Promise<void> {
  const timer = setTimeout(() => void stopChild(child), GRACE_MS);
  await child.exited.catch(() => undefined);
  clearTimeout(timer);
}
