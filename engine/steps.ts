/** The steps that the generator plans, and their execution (pkg/resource/deploy/step.go, step_executor.go). */
import type { Difference } from "./diff";
import type { Op, Step } from "./events";
import { setProperties } from "./goal";
import type { Plugin } from "./plugin";
import { PartialFailure, type Values } from "./provider";
import { isProviderType, type Registry } from "./registry";
import { Bail, messageOf, type Run } from "./run";
import type { Snapshot } from "./state/snapshot";
import type { PendingOperation, ResourceState } from "./state/types";
import { urnName } from "./state/types";
import { changedPaths, hasSecret, isSecret, plainValues, redacted, secret } from "./values";

export interface PlannedStep {
  readonly op: Op;
  readonly old?: ResourceState;
  readonly new?: ResourceState;
  readonly difference?: Difference;
  /** Counts in the summary; the parts of a replacement do not. */
  readonly logical: boolean;
  readonly alias?: string;
  /** What a crash in the middle would leave behind. */
  readonly pending?: PendingOperation["type"];
  readonly apply: () => Promise<void>;
  readonly record: (snapshot: Snapshot) => void;
}

export function resourceOf(step: PlannedStep): ResourceState {
  return (step.new ?? step.old) as ResourceState;
}

/** Thrown by a delete of a protected resource: other resources may still be dealt with. */
class Protected extends Error {}

export class Executor {
  /** The final states of this run, by URN, for policies and look-ups. */
  readonly news = new Map<string, ResourceState>();
  /** Steps whose resource may still register outputs. */
  readonly registrations = new Map<string, Step>();

  constructor(
    private readonly run: Run,
    private readonly registry: Registry,
    /** Undefined in a preview. */
    private readonly snapshot: Snapshot | undefined,
    private readonly olds: readonly ResourceState[],
  ) {}

  /** Runs the steps one after another, in one of the slots; throws {@link Bail} at the first that fails. */
  async chain(steps: readonly PlannedStep[]): Promise<void> {
    await this.run.limited(async () => {
      for (const step of steps) {
        if (!this.run.going) throw new Bail("not begun, since the run was ended before");
        await this.#execute(step);
      }
    });
  }

  async #execute(planned: PlannedStep): Promise<void> {
    const step = this.#announce(planned);
    const begun = planned.pending && this.snapshot && (await this.snapshot.begin(planned.pending, resourceOf(planned)));
    let failure: unknown;
    try {
      await planned.apply();
    } catch (error) {
      failure = error;
    }
    if (planned.new !== undefined && planned.op !== "replace") this.#markSecrets(planned.new);
    if (this.snapshot !== undefined && (failure === undefined || failure instanceof PartialFailure))
      planned.record(this.snapshot);
    begun?.();
    // A step that only confirms what is there need not wait for the disk: it is written before anything that comes later.
    if (begun !== undefined) await this.snapshot?.commit();
    step.durationMs = this.run.elapsed - step.startedAt;
    step.newId = planned.new?.id;
    step.newOutputs = planned.new && display(planned.new.outputs);
    if (failure !== undefined) this.#fail(planned, step, failure);
    this.#done(planned, step);
  }

  #announce(planned: PlannedStep): Step {
    const { old, new: now, difference } = planned;
    const state = resourceOf(planned);
    const step: Step = {
      op: planned.op,
      urn: state.urn,
      type: state.type,
      name: urnName(state.urn),
      custom: state.custom,
      internal:
        planned.op === "remove-pending-replace" ||
        (isProviderType(state.type) && /^default(_|$)/.test(urnName(state.urn))),
      parent: state.parent,
      provider: state.provider,
      protect: state.protect ?? false,
      oldId: old?.id,
      newId: planned.op === "replace" ? now?.id : undefined,
      oldInputs: display(old?.inputs),
      newInputs: now && display(now.inputs),
      oldOutputs: display(old?.outputs),
      newOutputs: undefined,
      detailedDiff: difference?.changes ? (difference.detailedDiff ?? inputDiff(old, now)) : undefined,
      diffs: difference?.diffs ?? [],
      keys: difference?.keys ?? [],
      status: "running",
      error: undefined,
      startedAt: this.run.elapsed,
      durationMs: 0,
    };
    this.run.steps.push(step);
    this.run.onEvent({ type: "pre", step });
    return step;
  }

  #fail(planned: PlannedStep, step: Step, failure: unknown): never {
    const message = messageOf(failure);
    step.status = "failed";
    step.error = message;
    this.run.fail(true);
    const urn = step.internal ? undefined : step.urn;
    this.run.report("error", this.run.preview ? `Preview failed: ${message}` : message, urn);
    if (!this.run.preview) this.run.onEvent({ type: "failed", step });
    // Deletes of protected resources are all reported in one run (`cancelDueToError`).
    if (!(failure instanceof Protected)) this.run.abort();
    throw new Bail(message, { cause: planned.op });
  }

  #done(planned: PlannedStep, step: Step): void {
    step.status = "done";
    if (planned.new !== undefined && planned.logical) this.registrations.set(step.urn, step);
    if (planned.new !== undefined) this.news.set(step.urn, planned.new);
    if (planned.logical && !step.internal) this.run.changes[planned.op] = (this.run.changes[planned.op] ?? 0) + 1;
    // Outputs of a component come later; what it has now is from an earlier run (update.go, `OnResourceStepPost`).
    if (this.run.preview || step.custom || planned.op === "delete") this.run.onEvent({ type: "done", step });
  }

  #markSecrets(state: ResourceState): void {
    if (state.outputs === undefined) return;
    const outputs: Values = { ...state.outputs };
    for (const key of state.additionalSecretOutputs ?? []) {
      if (key !== "id" && outputs[key] !== undefined) outputs[key] = secret(outputs[key]);
    }
    for (const key of Object.keys(outputs)) {
      if (isSecret(state.inputs?.[key]) && outputs[key] !== undefined) outputs[key] = secret(outputs[key]);
    }
    state.outputs = outputs;
  }

  /** Outputs that a component or the stack registers when its children are known (`executeRegisterResourceOutputs`). */
  async registerOutputs(urn: string, outputs: Values): Promise<void> {
    const step = this.registrations.get(urn);
    const state = this.news.get(urn);
    if (step === undefined || state === undefined)
      throw new Error(`outputs are registered for ${urn}, which is not registered itself`);
    this.registrations.delete(urn);
    setProperties(state, "outputs", outputs);
    step.newOutputs = display(state.outputs);
    step.durationMs = this.run.elapsed - step.startedAt;
    this.run.onEvent({ type: "done", step });
    this.snapshot?.update(state);
  }

  same(old: ResourceState, now: ResourceState, alias?: string): PlannedStep {
    return {
      op: "same",
      old,
      new: now,
      logical: true,
      apply: async () => {
        if (old.id !== undefined) now.id = old.id;
        setProperties(now, "outputs", old.outputs);
        if (isProviderType(now.type)) await this.registry.load(now.urn, now.id ?? "", old.inputs ?? {});
      },
      record: (snapshot) => snapshot.put(now, old, alias),
    };
  }

  create(now: ResourceState): PlannedStep {
    return { ...this.#creation(now), op: "create", logical: true, record: (snapshot) => snapshot.put(now) };
  }

  /** `keepOld`: the old resource is deleted at the end; otherwise that was done before. */
  createReplacement(
    old: ResourceState,
    now: ResourceState,
    difference: Difference,
    keepOld: boolean,
    alias?: string,
  ): PlannedStep {
    const creation = this.#creation(now);
    return {
      ...creation,
      op: "create-replacement",
      old,
      difference,
      logical: false,
      apply: async () => {
        await creation.apply();
        if (keepOld) old.delete = true;
      },
      record: (snapshot) => {
        if (keepOld) snapshot.mark(old, { delete: true });
        snapshot.put(now, keepOld ? undefined : old, alias);
      },
    };
  }

  #creation(now: ResourceState): Pick<PlannedStep, "new" | "apply"> & { pending?: "creating" } {
    return {
      new: now,
      ...(now.custom && !isProviderType(now.type) && { pending: "creating" as const }),
      apply: async () => {
        if (now.custom) {
          const plugin = await this.#pluginOf(now);
          try {
            const { id, outputs } = await plugin.create(
              this.run.call(now.urn, now.customTimeouts?.create),
              now.inputs ?? {},
            );
            if (id !== "") now.id = id;
            setProperties(now, "outputs", outputs);
          } catch (error) {
            keepPartial(now, error);
            throw error;
          }
        }
        now.created = now.modified = new Date().toISOString();
      },
    };
  }

  update(old: ResourceState, now: ResourceState, difference: Difference, alias?: string): PlannedStep {
    return {
      op: "update",
      old,
      new: now,
      difference,
      logical: true,
      ...(now.custom && !isProviderType(now.type) && { pending: "updating" as const }),
      apply: async () => {
        if (old.id !== undefined) now.id = old.id;
        if (!now.custom) return;
        const plugin = await this.#pluginOf(now);
        try {
          setProperties(
            now,
            "outputs",
            await plugin.update(this.run.call(now.urn, now.customTimeouts?.update), old, now.inputs ?? {}),
          );
        } catch (error) {
          keepPartial(now, error);
          // A resource that was not updated keeps the inputs it has (`OnResourceStepPost`).
          setProperties(now, "inputs", old.inputs);
          throw error;
        }
        now.modified = new Date().toISOString();
      },
      record: (snapshot) => snapshot.put(now, old, alias),
    };
  }

  /** The step that shows a replacement as a whole; it does nothing. */
  replace(old: ResourceState, now: ResourceState, difference: Difference): PlannedStep {
    return {
      op: "replace",
      old,
      new: now,
      difference,
      logical: true,
      apply: async () => undefined,
      record: () => undefined,
    };
  }

  read(old: ResourceState | undefined, now: ResourceState): PlannedStep {
    return {
      op: "read",
      ...(old && { old }),
      new: now,
      logical: true,
      apply: async () => {
        const found = await (await this.#pluginOf(now)).read(this.run.call(now.urn), now.id ?? "", now.inputs ?? {});
        if (found === undefined) throw new Error(`there is no ${now.type} with the id "${now.id}"`);
        now.id = found.id;
        setProperties(now, "outputs", found.outputs);
      },
      record: (snapshot) => snapshot.put(now, old),
    };
  }

  /**
   * `keep`: deleted before its replacement is made, so the state remembers it as pending replacement until that exists.
   * `deletes` are the other URNs deleted in this run, for `deletedWith`.
   */
  delete(old: ResourceState, replacing: boolean, keep: boolean, deletes: ReadonlySet<string>): PlannedStep {
    const skip = old.external || old.retainOnDelete || !old.custom || isProviderType(old.type);
    return {
      op: old.external ? "discard" : replacing ? "delete-replaced" : "delete",
      old,
      logical: !replacing,
      ...(!skip && { pending: "deleting" as const }),
      apply: async () => {
        if (!replacing && old.protect) throw new Protected(protectedMessage(old.urn));
        const withAnother = old.deletedWith !== undefined && deletes.has(old.deletedWith);
        if (!this.run.preview && !skip && !withAnother) {
          const plugin = await this.registry.ensure(old.provider ?? "", this.olds);
          await plugin.delete(this.run.call(old.urn, old.customTimeouts?.delete), old);
        }
        if (keep) old.pendingReplacement = true;
      },
      record: (snapshot) => (keep ? snapshot.mark(old, { pendingReplacement: true }) : snapshot.remove(old)),
    };
  }

  removePendingReplace(old: ResourceState): PlannedStep {
    return {
      op: "remove-pending-replace",
      old,
      logical: false,
      apply: async () => undefined,
      record: (snapshot) => snapshot.remove(old),
    };
  }

  async #pluginOf(state: ResourceState): Promise<Plugin> {
    return isProviderType(state.type) ? this.registry.resources : this.registry.ensure(state.provider ?? "", this.olds);
  }
}

function keepPartial(state: ResourceState, error: unknown): void {
  if (!(error instanceof PartialFailure)) return;
  if (error.id !== "") state.id = error.id;
  setProperties(state, "outputs", error.outputs);
  state.initErrors = [error.message];
}

function protectedMessage(urn: string): string {
  return `resource "${urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, remove the \`protect\` flag from the resource in your Pulumi program and run \`up\``;
}

function display(values: Values | undefined): Values | undefined {
  return values !== undefined && hasSecret(values) ? (redacted(values) as Values) : values;
}

/** For displays, where a provider only says that something changed. */
function inputDiff(old: ResourceState | undefined, now: ResourceState | undefined): Step["detailedDiff"] {
  return old && now && Object.fromEntries(changedPaths(plainValues(old.inputs), plainValues(now.inputs)));
}
