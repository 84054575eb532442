/** A package of pretended resources that remembers what was done with it, and stacks that use it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { type EngineEvent, type Provider, type RehearsalOptions, UNKNOWN, type Values } from "../../../engine";
import { Rehearsal } from "../../../engine/rehearsal";

type Args = Record<string, pulumi.Input<unknown> | undefined>;

/** `key` forces a replacement; `result` is an output; `value` an input like any other. */
export class Thing extends pulumi.CustomResource {
  declare readonly result: pulumi.Output<string>;
  declare readonly value: pulumi.Output<string>;
  constructor(name: string, args: Args = {}, opts?: pulumi.CustomResourceOptions) {
    super("fake:index:Thing", name, { result: undefined, ...args }, { version: "1.0.0", ...opts });
  }
}

export class Group extends pulumi.ComponentResource {
  constructor(name: string, opts?: pulumi.ComponentResourceOptions) {
    super("fake:index:Group", name, {}, opts);
    this.registerOutputs({});
  }
}

export class FakeProvider extends pulumi.ProviderResource {
  constructor(name: string, args: Args = {}, opts?: pulumi.ResourceOptions) {
    super("fake", name, args, { version: "1.0.0", ...opts });
  }
}

export const lookup = (args: Args): pulumi.Output<Record<string, unknown>> =>
  pulumi.runtime.invokeOutput("fake:index:lookup", args, {}) as pulumi.Output<Record<string, unknown>>;

export class World {
  readonly calls: string[] = [];
  /** Steps running at once, and the most there ever were. */
  running = 0;
  most = 0;
  /** Milliseconds that every step takes. */
  delay = 0;
  /** Calls that fail, for instance `create a`. */
  readonly failing = new Set<string>();
  /** Called around the moment at which a step has its effect. */
  around: (call: string, when: "before" | "after") => void = () => undefined;
  readonly seen: { inputs: Values; config: Values }[] = [];
  #next = 0;

  /** `run` makes ids of several processes different. */
  constructor(private readonly run = "") {}

  provider(): Provider {
    let config: Values = {};
    const step = async (call: string, signal: AbortSignal): Promise<void> => {
      this.running++;
      this.most = Math.max(this.most, this.running);
      try {
        await sleep(this.delay, undefined, { signal });
        if (this.failing.has(call)) throw new Error(`${call} failed`);
        this.around(call, "before");
        this.calls.push(call);
        this.around(call, "after");
      } finally {
        this.running--;
      }
    };
    const outputs = (name: string, inputs: Values, preview: boolean): Values => ({
      ...inputs,
      result: preview ? UNKNOWN : `${name} ${String(inputs.value ?? "")}`,
    });
    return {
      configure: async (values) => {
        config = values;
      },
      diff: async (_call, _id, old, _outputs, news) => {
        const changed = [...new Set([...Object.keys(old), ...Object.keys(news)])].filter(
          (key) => JSON.stringify(old[key]) !== JSON.stringify(news[key]),
        );
        const detailedDiff = Object.fromEntries(
          changed.map((key) => [key, key === "key" ? ("update-replace" as const) : ("update" as const)]),
        );
        return { changes: changed.length > 0, detailedDiff, deleteBeforeReplace: news.early === true };
      },
      create: async ({ name, preview, signal }, inputs) => {
        this.seen.push({ inputs, config });
        if (preview) return { id: "", outputs: outputs(name, inputs, true) };
        await step(`create ${name}`, signal);
        return { id: `${name}-${this.run}${++this.#next}`, outputs: outputs(name, inputs, false) };
      },
      update: async ({ name, preview, signal }, _id, _old, _outputs, inputs) => {
        if (!preview) await step(`update ${name}`, signal);
        return { outputs: outputs(name, inputs, preview) };
      },
      delete: async ({ signal }, id) => step(`delete ${id}`, signal),
      invoke: async (token, args) => {
        this.calls.push(`invoke ${token}`);
        return { echo: args.value ?? null };
      },
      secretOutputs: () => ["hidden"],
    };
  }

  /** What was done since the last time this was asked. */
  take(): string[] {
    return this.calls.splice(0);
  }
}

/** {@link Thing} for programs that are text. */
const THING = `
const pulumi = require("@pulumi/pulumi");
class Thing extends pulumi.CustomResource {
  constructor(name, args = {}, opts) {
    super("fake:index:Thing", name, { result: undefined, ...args }, { version: "1.0.0", ...opts });
  }
}`;

export interface Lab {
  readonly world: World;
  readonly folder: string;
  readonly stateFile: string;
  readonly events: EngineEvent[];
  /** A stack whose program is the given text of a CommonJS module, in a process of its own. */
  module(source: string, options?: Partial<RehearsalOptions>): Rehearsal;
  /** A stack whose program is the given function. */
  stack(program: () => unknown, options?: Partial<RehearsalOptions>): Rehearsal;
  remove(): void;
}

export function lab(): Lab {
  const folder = mkdtempSync(path.join(tmpdir(), "rehearsal-"));
  mkdirSync(path.join(folder, "project"));
  writeFileSync(path.join(folder, "project", "Pulumi.yaml"), "name: fake\nruntime: nodejs\n");
  writeFileSync(path.join(folder, "project", "package.json"), '{ "name": "fake", "private": true }\n');
  const world = new World();
  const stateFile = path.join(folder, "state.json");
  const events: EngineEvent[] = [];
  const common = {
    projectDir: path.join(folder, "project"),
    stack: "dev",
    stateFile,
    passphrase: "rehearsal",
    providers: () => world.provider(),
    onEvent: (event: EngineEvent) => void events.push(event),
  };
  return {
    world,
    folder,
    stateFile,
    events,
    module: (source, options = {}) => {
      rmSync(path.join(common.projectDir, "node_modules"), { force: true });
      symlinkSync(
        path.resolve(import.meta.dirname, "../../../node_modules"),
        path.join(common.projectDir, "node_modules"),
      );
      writeFileSync(path.join(common.projectDir, "index.js"), `${THING}\n${source}`);
      return new Rehearsal({ ...common, runtime: { typescript: false }, ...options });
    },
    stack: (program, options = {}) =>
      new Rehearsal({
        ...common,
        program: async () => ((await program()) ?? undefined) as Record<string, unknown> | undefined,
        ...options,
      }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Operations by name, without those that change nothing. */
export function opsOf(result: { steps: readonly { op: string; name: string; internal: boolean }[] }): string[] {
  return result.steps.filter(({ op, internal }) => op !== "same" && !internal).map(({ op, name }) => `${op} ${name}`);
}
