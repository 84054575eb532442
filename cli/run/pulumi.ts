/** A stack on Pulumi's own engine: the CLI, driven through the Automation API. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import {
  type Deployment,
  LocalWorkspace,
  type EngineEvent as PulumiEvent,
  type Stack,
} from "@pulumi/pulumi/automation";
import type { ResourceId } from "../../components/resources";
import { UserError } from "../../config/errors";
import type { EngineEvent, Result, Value, Values } from "../../engine";
import { projectDir } from "../stack/project";
import type { Action, RunHooks, StackEngine, StackState } from "./engine";
import { printedBy } from "./printed";
import { PulumiEvents } from "./pulumi-events";
import { openedState } from "./pulumi-state";

export class PulumiEngine implements StackEngine {
  readonly name = "pulumi";
  #stack: Promise<Stack> | undefined;

  constructor(
    private readonly stack: string,
    private readonly passphrase: string | undefined,
  ) {}

  async run(action: Action, hooks: RunHooks): Promise<Result> {
    const events = new PulumiEvents(action, hooks.onEvent);
    const options = {
      onEvent: (event: PulumiEvent) => events.take(event),
      signal: hooks.signal,
      color: "never" as const,
    };
    try {
      const stack = await this.#open();
      if (action === "up") await stack.up(options);
      else if (action === "preview") await stack.preview(options);
      else if (action === "destroy") await stack.destroy({ ...options, excludeProtected: true });
      else await stack.previewDestroy({ ...options, excludeProtected: true });
    } catch (error) {
      events.failed(error instanceof Error ? error.message : String(error));
    }
    const outputs = action === "up" ? await this.outputs({ showSecrets: false }).catch(() => ({})) : {};
    const result = events.result(hooks.signal.aborted, outputs);
    hooks.onEvent({ type: "summary", result } satisfies EngineEvent);
    return result;
  }

  async exists(): Promise<boolean> {
    const workspace = await LocalWorkspace.create({ workDir: projectDir });
    return (await workspace.listStacks()).some(
      ({ name, resourceCount }) => name === this.stack && (resourceCount ?? 0) > 0,
    );
  }

  async outputs({ showSecrets }: { readonly showSecrets: boolean }): Promise<Values> {
    const outputs = await (await this.#open()).outputs();
    const shown = ({ value, secret }: { value: unknown; secret: boolean }) =>
      secret && !showSecrets ? "[secret]" : value;
    return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, shown(output) as Value]));
  }

  async state(): Promise<StackState> {
    const stack = await this.#open();
    // The Automation API exports with --show-secrets.
    const [{ deployment }, history] = await Promise.all([stack.exportStack(), stack.history(10, 1, false)]);
    return openedState(deployment, history);
  }

  async printed(resources: readonly ResourceId[]): Promise<readonly (string | undefined)[]> {
    if (!(await this.exists())) return printedBy([], resources);
    const { deployment } = (await this.export()) as { deployment?: { resources?: Parameters<typeof printedBy>[0] } };
    return printedBy(deployment?.resources ?? [], resources);
  }

  async export(): Promise<object> {
    const { command } = (await this.#open()).workspace.pulumiCommand;
    // Not by the Automation API, which exports with --show-secrets.
    const { stdout } = await promisify(execFile)(
      command,
      ["stack", "export", "--stack", this.stack, "--non-interactive"],
      { cwd: projectDir, env: { ...process.env, ...this.#environment() }, maxBuffer: 2 ** 30 },
    ).catch((error: Error & { stderr?: string }) => {
      throw new UserError(`pulumi could not export stack ${this.stack}: ${error.stderr?.trim() || error.message}`);
    });
    return JSON.parse(stdout) as object;
  }

  async import(state: object): Promise<void> {
    await (await this.#open()).importStack(state as Deployment);
  }

  async unlock(): Promise<string> {
    await (await this.#open()).cancel();
    return `cancelled the update of stack ${this.stack}, if one was running`;
  }

  #environment(): Record<string, string> {
    return this.passphrase === undefined ? {} : { PULUMI_CONFIG_PASSPHRASE: this.passphrase };
  }

  #open(): Promise<Stack> {
    this.#stack ??= LocalWorkspace.createOrSelectStack(
      { stackName: this.stack, workDir: projectDir },
      { envVars: this.#environment() },
    ).catch((error: Error) => {
      throw new UserError(`pulumi could not open stack ${this.stack}: ${error.message}`);
    });
    return this.#stack;
  }
}
