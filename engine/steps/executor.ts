/** Runs planned steps and tells about them (pkg/resource/deploy/step_executor.go, pkg/engine/update.go). */

import { PartialFailure } from "../provider/provider";
import { isProviderType } from "../provider/registry";
import type { Step } from "../run/events";
import { Bail, messageOf, type Run } from "../run/run";
import { setProperties } from "../state/goal";
import type { Snapshot } from "../state/snapshot";
import { dependenciesOf, type ResourceState, urnName } from "../state/types";
import { changedPaths, same } from "../values/compare";
import { hasSecret, isSecret, plainValues, redacted, secret } from "../values/secrets";
import type { Values } from "../values/value";
import { type PlannedStep, Protected } from "./steps";

function resourceOf(step: PlannedStep): ResourceState {
  return (step.new ?? step.old) as ResourceState;
}

export class Executor {
  /** The final states of this run, by URN, for policies and look-ups. */
  readonly news = new Map<string, ResourceState>();
  /** Steps whose resource may still register outputs. */
  readonly registrations = new Map<string, Step>();

  constructor(
    private readonly run: Run,
    /** Undefined in a preview. */
    private readonly snapshot: Snapshot | undefined,
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
      dependencies: [...dependenciesOf(state)],
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
    if (this.#counts(planned) && !step.internal) this.run.changes[planned.op] = (this.run.changes[planned.op] ?? 0) + 1;
    // Outputs of a component come later; what it has now is from an earlier run (update.go, `OnResourceStepPost`).
    if (this.run.preview || step.custom || planned.op === "delete") this.run.onEvent({ type: "done", step });
  }

  /** A look-up counts only when it found something else than the last time (`shouldRecordReadStep`). */
  #counts({ op, logical, old, new: now }: PlannedStep): boolean {
    return op === "read" ? old !== undefined && !same(old.outputs ?? {}, now?.outputs ?? {}) : logical;
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
}

function display(values: Values | undefined): Values | undefined {
  return values !== undefined && hasSecret(values) ? (redacted(values) as Values) : values;
}

/** For displays, where a provider only says that something changed. */
function inputDiff(old: ResourceState | undefined, now: ResourceState | undefined): Step["detailedDiff"] {
  return old && now && Object.fromEntries(changedPaths(plainValues(old.inputs), plainValues(now.inputs)));
}
