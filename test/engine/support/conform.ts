/**
 * Runs all steps of one recorded program on the rehearsal engine, in a process of its own: commands inherit the environment
 * of the engine's process, and each step sets it. Writes what happened as JSON. Arguments: program, folder for its files.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type ConfigValue, type EngineEvent, hasChanges, type Result } from "../../../engine";
import { providers, Rehearsal } from "../../../engine/rehearsal";
import {
  CONFORMANCE,
  normalise,
  type OpEvent,
  type Outcome,
  openedResources,
  PASSPHRASE,
  type Resource,
  type StepInput,
  stepsOf,
} from "./recordings";
import { startSshServer } from "./sshd";

export interface Seen {
  outcome: Outcome;
  /** The state after the step. */
  resources: Resource[];
  /** The same, its secrets marked and in clear. */
  opened: Resource[];
}

const [program = "", folder = ""] = process.argv.slice(2);

async function main(): Promise<void> {
  mkdirSync(folder, { recursive: true });
  delete process.env.SSH_AUTH_SOCK;
  const effects = path.join(folder, "effects");
  const ssh = program === "remote" ? await startSshServer(folder, effects) : undefined;
  const ids = new Ids();
  const seen: Seen[] = [];
  try {
    for (const step of stepsOf(program)) seen.push(await runStep(step, effects, ids, ssh?.placeholders ?? {}));
  } finally {
    ssh?.stop();
  }
  writeFileSync(path.join(folder, "seen.json"), JSON.stringify(seen));
}

async function runStep(
  step: StepInput,
  effects: string,
  ids: Ids,
  placeholders: Record<string, string>,
): Promise<Seen> {
  writeFileSync(effects, "");
  process.env.EFFECTS = effects;
  Object.assign(process.env, step.env);
  const events: OpEvent[] = [];
  const rehearsal = new Rehearsal({
    projectDir: path.join(CONFORMANCE, program),
    stack: "dev",
    stateFile: path.join(folder, "state.json"),
    passphrase: PASSPHRASE,
    providers,
    config: configOf(step, placeholders),
    parallel: 1,
    runtime: { nodeArgs: ["--import", "tsx"], typescript: false },
    policyPacks: step.args?.includes("--policy-pack") ? [{ path: path.join(CONFORMANCE, program, "pack") }] : [],
    onEvent: (event) => events.push(...opOf(event, step.action.endsWith("preview"))),
  });
  const run = {
    preview: rehearsal.preview,
    up: rehearsal.up,
    destroy: rehearsal.destroy,
    "destroy-preview": rehearsal.previewDestroy,
  };
  const result = await run[step.action].call(rehearsal);
  for (const name of Object.keys(step.env ?? {})) delete process.env[name];
  const { deployment } = rehearsal.export();
  const resources = (deployment.resources ?? []) as unknown as Resource[];
  ids.learn(resources);
  const back = new Map(Object.entries(placeholders).map(([name, value]) => [value, `<${name}>`]));
  const all = new Map([...ids.known, ...back]);
  return {
    outcome: {
      exit: exitOf(result, step),
      ops: events.map((event) => normalise(ids.mark(event), all)),
      summary: { resourceChanges: result.changes as Record<string, number> },
      diagnostics: result.diagnostics.map(({ severity, urn, message }) => ({ severity, ...(urn && { urn }), message })),
      policy: result.policy.map((violation) => ({
        resourceUrn: violation.urn,
        message: violation.message,
        policyName: violation.policy,
        policyPackName: violation.pack,
        policyPackVersion: violation.packVersion,
        enforcementLevel: violation.level,
      })),
      effects: readFileSync(effects, "utf8").split("\n").slice(0, -1),
      ...(step.files && {
        files: Object.fromEntries(step.files.map((name) => [name, readIfThere(path.join(folder, "work", name))])),
      }),
    },
    resources: normalise(resources, all),
    opened: normalise(openedResources(deployment), all),
  };
}

function configOf(step: StepInput, placeholders: Record<string, string>): Record<string, ConfigValue> {
  const fill = (text: string): string => placeholders[/^<(.*)>$/.exec(text)?.[1] ?? ""] ?? text;
  return {
    ...Object.fromEntries(Object.entries(step.config ?? {}).map(([key, value]) => [key, fill(value)])),
    ...Object.fromEntries(
      Object.entries(step.secretConfig ?? {}).map(([key, value]) => [key, { secret: fill(value) }]),
    ),
  };
}

/** The exit codes of the CLI: 7 is a violated `--expect-no-changes`. */
function exitOf(result: Result, step: StepInput): number {
  if (result.result !== "succeeded") return 1;
  return step.args?.includes("--expect-no-changes") && hasChanges(result) ? 7 : 0;
}

function opOf(event: EngineEvent, preview: boolean): OpEvent[] {
  if (event.type !== "pre" && event.type !== "done" && event.type !== "failed") return [];
  const { op, urn, oldId, newId, newInputs, newOutputs } = event.step;
  const values = preview && event.type === "done" && op !== "same" && newInputs !== undefined;
  return [
    {
      event: event.type,
      op,
      urn,
      ...(oldId && { oldId }),
      ...(newId && { newId }),
      ...(values && structuredClone({ inputs: newInputs, outputs: newOutputs ?? {} })),
    },
  ];
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** Ids of commands and providers differ between runs: each becomes the n-th that its resource had in the state. */
class Ids {
  readonly known = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  static #isRandom(urn: string): boolean {
    return /(::|\$)(command|pulumi:providers):/.test(urn);
  }

  learn(resources: readonly Resource[]): void {
    for (const { urn, id } of resources) {
      if (id === undefined || this.known.has(id) || !Ids.#isRandom(urn)) continue;
      const name = urn.slice(urn.lastIndexOf("::") + 2);
      const count = (this.#counts.get(name) ?? 0) + 1;
      this.#counts.set(name, count);
      this.known.set(id, `<id:${name}#${count}>`);
    }
  }

  /** An id that no state had was only shown by a preview. */
  mark(event: OpEvent): OpEvent {
    const { newId, urn } = event;
    if (newId === undefined || this.known.has(newId) || !Ids.#isRandom(urn) || urn.includes("pulumi:providers:"))
      return event;
    return { ...event, newId: `<id:${urn.slice(urn.lastIndexOf("::") + 2)}#unsaved>` };
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
