/** A stack on Pulumi's own engine: the CLI, driven through the Automation API. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import {
  type Deployment,
  LocalWorkspace,
  type EngineEvent as PulumiEvent,
  type Stack,
} from "@pulumi/pulumi/automation";
import type { ResourceId } from "../../components/resources";
import { UserError } from "../../config/errors";
import type { EngineEvent, Deployment as Resources, Result, Value, Values } from "../../engine";
import { policyPack, projectDir, stackFile } from "../stack/project";
import type { Action, RunHooks, StackEngine, StackState } from "./engine";
import { printedBy } from "./printed";
import { pulumiCommand } from "./pulumi-command";
import { PulumiEvents } from "./pulumi-events";
import { standInProject } from "./pulumi-stand-in";
import { openedState, withoutMadeGood } from "./pulumi-state";

export class PulumiEngine implements StackEngine {
  readonly name = "pulumi";
  #stack: Promise<Stack> | undefined;

  constructor(
    private readonly stack: string,
    private readonly passphrase: string | undefined,
    /** After the last resource is gone. */
    private readonly afterDestroy: (removeStack: () => Promise<void>) => Promise<void>,
  ) {}

  async run(action: Action, hooks: RunHooks): Promise<Result> {
    await hooks.before?.();
    const events = new PulumiEvents(action, hooks.onEvent);
    const options = {
      onEvent: (event: PulumiEvent) => events.take(event),
      signal: hooks.signal,
      color: "never" as const,
    };
    // Pulumi writes a salt into a stack's file that has none, in a preview too.
    const scratch = mkdtempSync(join(tmpdir(), "kilonode-preview-"));
    try {
      const stack = await this.#open(action === "up");
      const configFile = join(scratch, basename(stackFile(this.stack)));
      copyFileSync(stackFile(this.stack), configFile);
      const policyPacks = [policyPack];
      if (action === "up") await stack.up({ ...options, policyPacks });
      else if (action === "preview") await stack.preview({ ...options, configFile, policyPacks });
      else if (action === "destroy") await stack.destroy({ ...options, excludeProtected: true });
      else await stack.previewDestroy({ ...options, configFile, excludeProtected: true });
      if (action === "up") await this.#forgetMadeGood();
      if (action === "destroy") await this.#cleanUp();
    } catch (error) {
      events.failed(error instanceof Error ? error.message : String(error));
    } finally {
      rmSync(scratch, { recursive: true });
    }
    const outputs = action === "up" ? await this.outputs({ showSecrets: false }).catch(() => ({})) : {};
    const result = events.result(hooks.signal.aborted, outputs);
    hooks.onEvent({ type: "summary", result } satisfies EngineEvent);
    return result;
  }

  async exists(): Promise<boolean> {
    return ((await this.#known())?.resourceCount ?? 0) > 0;
  }

  async outputs({ showSecrets }: { readonly showSecrets: boolean }): Promise<Values> {
    const outputs = await (await this.#open(false)).outputs();
    const shown = ({ value, secret }: { value: unknown; secret: boolean }) =>
      secret && !showSecrets ? "[secret]" : value;
    return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, shown(output) as Value]));
  }

  async state(): Promise<StackState> {
    const stack = await this.#open(false);
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
    const { workspace } = await this.#open(false);
    // Not by the Automation API, which exports with --show-secrets.
    const { stdout } = await promisify(execFile)(
      workspace.pulumiCommand.command,
      ["stack", "export", "--stack", this.stack, "--non-interactive"],
      { cwd: workspace.workDir, env: { ...process.env, ...workspace.envVars }, maxBuffer: 2 ** 30 },
    ).catch((error: Error & { stderr?: string }) => {
      throw new UserError(`pulumi could not export stack ${this.stack}: ${error.stderr?.trim() || error.message}`);
    });
    return JSON.parse(stdout) as object;
  }

  async import(state: object): Promise<void> {
    await (await this.#open(true)).importStack(state as Deployment);
  }

  async unlock(): Promise<string> {
    await (await this.#open(false)).cancel();
    return `cancelled the update of stack ${this.stack}, if one was running`;
  }

  /** Pulumi keeps a create that was under way for ever, also when a later run has made the resource. */
  async #forgetMadeGood(): Promise<void> {
    const exported = (await this.export()) as { deployment: Resources };
    const { pending_operations: before = [] } = exported.deployment;
    const deployment = withoutMadeGood(exported.deployment);
    if (deployment.pending_operations?.length === before.length) return;
    await (await this.#open(false)).importStack({ ...exported, deployment } as Deployment);
  }

  async #cleanUp(): Promise<void> {
    const { deployment } = (await this.export()) as { deployment: Resources };
    if ((deployment.resources ?? []).length > 0) return;
    const { workspace } = await this.#open(false);
    await this.afterDestroy(() => workspace.removeStack(this.stack, { preserveConfig: true }));
  }

  async #known() {
    const workspace = await LocalWorkspace.create({ workDir: projectDir, pulumiCommand: await pulumiCommand() });
    return (await workspace.listStacks()).find(({ name }) => name === this.stack);
  }

  /** @param make false: a stack that Pulumi does not know is looked at without making it */
  #open(make: boolean): Promise<Stack> {
    this.#stack ??= this.#opened(make).catch((error: Error) => {
      throw new UserError(`pulumi could not open stack ${this.stack}: ${error.message}`);
    });
    return this.#stack;
  }

  async #opened(make: boolean): Promise<Stack> {
    const known = (await this.#known()) !== undefined;
    const standIn = known || make ? undefined : standInProject(this.stack);
    const stack = { stackName: this.stack, workDir: standIn?.dir ?? projectDir };
    const passphrase = this.passphrase === undefined ? undefined : { PULUMI_CONFIG_PASSPHRASE: this.passphrase };
    const options = { pulumiCommand: await pulumiCommand(), envVars: { ...passphrase, ...standIn?.env } };
    return known ? LocalWorkspace.selectStack(stack, options) : LocalWorkspace.createStack(stack, options);
  }
}
