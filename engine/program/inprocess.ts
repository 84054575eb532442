/**
 * Runs a program given as a function in this process, for fast tests: the SDK talks to the monitor's methods directly.
 * A program of its own process is the real thing (execute.ts): here modules stay loaded from run to run, a program can end or
 * change the process, and promises that never resolve are not found.
 */
import { createRequire } from "node:module";
import { messageOf, type Run } from "../run/run";
import type { Monitor } from "./monitor";
import type { StackConfig } from "./project";
import { handlersOf } from "./server";

export type Program = () => Promise<Record<string, unknown> | undefined>;

/** The parts of the SDK's runtime that it does not export (pinned by package.json; runtime/settings.ts, automation/server.ts). */
interface Runtime {
  state: {
    withLocalStorage<T>(work: () => Promise<T>): Promise<T>;
    getStore(): { settings: { monitor: unknown; engine: unknown } };
  };
  settings: {
    resetOptions(
      project: string,
      stack: string,
      parallel: number,
      engine: string,
      monitor: string,
      preview: boolean,
      organization: string,
    ): void;
    disconnect(signal: boolean): Promise<void>;
  };
  config: { setAllConfig(values: Readonly<Record<string, string>>, secretKeys: readonly string[]): void };
  stack: { runInPulumiStack(program: Program): Promise<unknown> };
}

function runtimeOf(): Runtime {
  const require = createRequire(import.meta.url);
  const part = (name: string): unknown => require(`@pulumi/pulumi/runtime/${name}`);
  return { state: part("state"), settings: part("settings"), config: part("config"), stack: part("stack") } as Runtime;
}

type Handlers = Record<string, (call: { request: never }, callback: never) => void>;

/** A client as the SDK expects it: the callback is the last of the arguments. */
function stub(handlers: Handlers): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handler]) => [
      name,
      (request: never, ...rest: unknown[]) => handler({ request }, rest.at(-1) as never),
    ]),
  );
}

export interface InProcess {
  readonly program: Program;
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly parallel: number;
  readonly config: StackConfig;
}

/** Resolves to an exit code like that of a process. */
export async function runInProcess(run: Run, monitor: Monitor, settingsOf: InProcess): Promise<number> {
  const { program, project, stack: name, organization, parallel, config } = settingsOf;
  const { state, settings, config: runtimeConfig, stack } = runtimeOf();
  const handlers = handlersOf(monitor);
  return state.withLocalStorage(async () => {
    settings.resetOptions(project, name, parallel, "", "", run.preview, organization);
    runtimeConfig.setAllConfig(config.values, config.secretKeys);
    const store = state.getStore();
    store.settings.monitor = stub(handlers.monitor as Handlers);
    store.settings.engine = stub(handlers.engine as Handlers);
    let fail: (error: unknown) => void = () => undefined;
    const unhandled = new Promise<never>((_, reject) => {
      fail = reject;
    });
    // Errors inside `apply` come up only here, as they do in the SDK's own runner.
    process.on("unhandledRejection", fail);
    try {
      await Promise.race([stack.runInPulumiStack(program), unhandled]);
      await Promise.race([settings.disconnect(true), unhandled]);
      return 0;
    } catch (error) {
      if (run.going) run.report("error", `the program failed with an unhandled exception: ${messageOf(error)}`);
      return 32;
    } finally {
      process.off("unhandledRejection", fail);
    }
  });
}
