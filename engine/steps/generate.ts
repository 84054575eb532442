/**
 * Decides what to do with each resource that the program registers: pkg/resource/deploy/step_generator.go, from
 * `generateSteps` to `continueStepsFromDiff`, without targets, imports, refreshes, views and plans.
 */
import { randomBytes } from "node:crypto";
import type { Policies } from "../policy/policies";
import type { Plugin } from "../provider/plugin";
import { isProviderType, type Registry } from "../provider/registry";
import { Bail, type Run } from "../run/run";
import { externalState, type Goal, newState, type ReadGoal, setProperties } from "../state/goal";
import { makeUrn, parseReference, type ResourceState, urnQualifiedType } from "../state/types";
import { same } from "../values/compare";
import { resetPaths } from "../values/paths";
import { Aliases } from "./aliases";
import { checkInputs } from "./check";
import { askedFor, type Difference, differenceOf, NO_DIFFERENCE } from "./diff";
import type { Executor } from "./executor";
import { findDependentReplacements } from "./replacements";
import type { PlannedStep, Steps } from "./steps";

export interface Stack {
  readonly project: string;
  readonly stack: string;
}

/** A resource that is being registered. */
interface Registration {
  readonly goal: Goal;
  readonly urn: string;
  readonly old: ResourceState | undefined;
  readonly now: ResourceState;
  /** The URN of `old`, if that is another. */
  readonly alias: string | undefined;
  readonly plugin: Plugin | undefined;
  readonly seed: Buffer;
}

export class Generator {
  readonly urns = new Set<string>();
  readonly goals = new Map<string, Goal>();
  readonly deletes = new Set<string>();
  /** URNs that were dealt with in another way than by a delete. */
  readonly operated = new Set<string>();
  readonly replaces = new Set<string>();
  readonly pendingDeletes = new Set<ResourceState>();
  readonly aliases: Aliases;
  readonly olds: Map<string, ResourceState>;
  readonly #dependentKeys = new Map<string, readonly string[]>();
  #warned = false;

  constructor(
    private readonly stack: Stack,
    private readonly run: Run,
    readonly base: readonly ResourceState[],
    private readonly registry: Registry,
    private readonly executor: Executor,
    private readonly steps: Steps,
    /** Packs are started with the address of the monitor, which needs this generator: they are not there from the beginning. */
    private readonly policies: () => Policies | undefined,
  ) {
    this.aliases = new Aliases(run, stack.project, stack.stack);
    this.olds = new Map(base.filter((old) => !old.delete).map((old) => [old.urn, old]));
  }

  urnOf(parent: string, type: string, name: string): string {
    const urn = makeUrn(
      this.stack.stack,
      this.stack.project,
      parent === "" ? "" : urnQualifiedType(parent),
      type,
      name,
    );
    if (this.urns.has(urn)) {
      throw this.run.bail(`Duplicate resource URN '${urn}'; try giving it a unique name`, urn);
    }
    if (parent !== "" && !this.urns.has(parent)) throw new Error(`could not find parent resource ${parent}`);
    this.urns.add(urn);
    return urn;
  }

  /** Registers a resource: what it takes is planned and done; the result is its final state. */
  async register(goal: Goal): Promise<ResourceState> {
    const urn = this.urnOf(goal.parent, goal.type, goal.name);
    const { old, alias } = this.aliases.find(urn, goal, this.olds, this.urns);
    if (alias !== undefined && isProviderType(goal.type)) this.registry.alias(alias, urn);
    this.goals.set(urn, goal);
    const now = newState(goal, urn, old);
    const steps = await this.#plan({
      goal,
      urn,
      old,
      now,
      alias,
      plugin: await this.#pluginOf(goal),
      seed: randomBytes(32),
    });
    await this.executor.chain(steps);
    return now;
  }

  /** A resource that exists without the program: looked up, kept in the state as external, never changed. */
  async read(wanted: ReadGoal): Promise<ResourceState> {
    const urn = this.urnOf(wanted.parent, wanted.type, wanted.name);
    const old = this.olds.get(urn);
    if (old !== undefined && !old.external && old.id !== wanted.id) {
      throw new Error(
        `${urn} is managed under the id "${old.id}" and now looked up as "${wanted.id}"; give the looked-up resource another name`,
      );
    }
    const now = externalState(wanted, urn);
    this.operated.add(urn);
    await this.executor.chain([this.steps.read(old, now)]);
    return now;
  }

  async #plan(registration: Registration): Promise<PlannedStep[]> {
    const { goal, urn, old, now, alias, plugin, seed } = registration;
    // What was deleted, or never was ours, says nothing about the inputs of what comes.
    const before = this.deletes.has(urn) || old?.external ? undefined : old;
    const given = before === undefined ? goal.inputs : resetPaths(goal.inputs, before.inputs ?? {}, goal.ignoreChanges);
    setProperties(now, "inputs", await checkInputs(this.run, plugin, goal, urn, before?.inputs, given, seed));
    await this.#analyze(goal, now);
    const recreated = this.#recreate(registration);
    if (recreated !== undefined) return recreated;
    if (old === undefined || old.external) {
      this.operated.add(urn);
      return old === undefined ? [this.steps.create(now)] : this.#createFirst(old, now, NO_DIFFERENCE, alias);
    }
    const difference = await this.#difference(goal, old, now, plugin);
    // While the provider compared, another resource's replacement may have deleted this one (`ContinueStepsFromDiff`).
    return this.#recreate(registration) ?? this.#planFromDifference(registration, old, difference);
  }

  #createFirst(
    old: ResourceState,
    now: ResourceState,
    difference: Difference,
    alias: string | undefined,
  ): PlannedStep[] {
    return [this.steps.createReplacement(old, now, difference, true, alias), this.steps.replace(old, now, difference)];
  }

  /** Deleted earlier in this run, because something that it depends on had to be deleted before its replacement was made. */
  #recreate({ old, now, urn, alias }: Registration): PlannedStep[] | undefined {
    if (old === undefined || !this.deletes.delete(urn)) return undefined;
    this.replaces.add(urn);
    this.operated.add(urn);
    const difference: Difference = { ...NO_DIFFERENCE, keys: this.#dependentKeys.get(urn) ?? [] };
    return [
      this.steps.replace(old, now, NO_DIFFERENCE),
      this.steps.createReplacement(old, now, difference, false, alias),
    ];
  }

  async #pluginOf(goal: Goal): Promise<Plugin | undefined> {
    if (!goal.custom) return undefined;
    if (isProviderType(goal.type)) return this.registry.resources;
    const plugin = this.registry.get(goal.provider);
    if (plugin === undefined)
      throw new Error(`the provider ${goal.provider} of ${goal.type} "${goal.name}" is not registered`);
    return plugin;
  }

  async #analyze(goal: Goal, now: ResourceState): Promise<void> {
    const provider = now.provider && this.executor.news.get(parseReference(now.provider).urn);
    const stopped = await this.policies()?.analyze(goal, now, provider || undefined);
    if (stopped) throw this.run.bail();
  }

  async #difference(
    goal: Goal,
    old: ResourceState,
    now: ResourceState,
    plugin: Plugin | undefined,
  ): Promise<Difference> {
    const asked = askedFor(goal, old, now, this.replaces);
    if (asked !== undefined) return asked;
    if (plugin === undefined) return { ...NO_DIFFERENCE, changes: !same(old.inputs ?? {}, now.inputs ?? {}) };
    const result = await plugin.diff(this.run.call(now.urn), old, now.inputs ?? {}, goal.ignoreChanges);
    if (result !== undefined) return differenceOf(result, goal.replaceOnChanges);
    this.#warnUnknownProvider(now);
    return { ...NO_DIFFERENCE, changes: true };
  }

  #warnUnknownProvider(now: ResourceState): void {
    if (this.#warned) return;
    this.#warned = true;
    this.run.report(
      "warning",
      `The provider of this resource has inputs that are not known during preview, so the preview shows its resources as updated; the update itself may leave them alone.`,
      now.urn,
    );
  }

  async #planFromDifference(
    registration: Registration,
    old: ResourceState,
    difference: Difference,
  ): Promise<PlannedStep[]> {
    const { goal, urn, now, alias, plugin, seed } = registration;
    this.operated.add(urn);
    if (difference.replace || old.pendingReplacement) {
      this.#refuseProtected(old, now);
      this.replaces.add(urn);
      // Defaults that were carried over from the old resource do not hold for a new one.
      setProperties(now, "inputs", await checkInputs(this.run, plugin, goal, urn, undefined, goal.inputs, seed));
      const deleteFirst = goal.deleteBeforeReplace ?? difference.deleteBeforeReplace;
      return deleteFirst
        ? this.#deleteFirst(old, now, difference, alias)
        : this.#createFirst(old, now, difference, alias);
    }
    const update = difference.changes || (old.initErrors ?? []).length > 0;
    return [update ? this.steps.update(old, now, difference, alias) : this.steps.same(old, now, alias)];
  }

  #refuseProtected(old: ResourceState, now: ResourceState): void {
    if (!old.protect || !now.protect) return;
    this.run.report(
      "error",
      `unable to replace resource "${now.urn}"\nas it is currently marked for protection. To unprotect the resource, remove the \`protect\` flag from the resource in your Pulumi program and run \`up\``,
      now.urn,
    );
    // A preview goes on, to show what would have happened.
    this.run.fail(this.run.preview);
    if (!this.run.preview) throw new Bail("protected");
  }

  async #deleteFirst(
    old: ResourceState,
    now: ResourceState,
    difference: Difference,
    alias: string | undefined,
  ): Promise<PlannedStep[]> {
    const steps: PlannedStep[] = [];
    const dependents = await findDependentReplacements(old, {
      base: this.base,
      news: this.executor.news,
      done: new Set([...this.operated, ...this.deletes].filter((urn) => urn !== now.urn)),
      diff: async (state, inputs) =>
        (await this.registry.ensure(state.provider ?? "", this.base)).diff(this.run.call(state.urn), state, inputs, []),
    });
    for (const { state, keys } of dependents.reverse()) {
      if (this.pendingDeletes.has(state)) continue;
      if (state.protect && !state.delete) {
        throw this.run.bail(
          `unable to replace resource "${state.urn}" as part of replacing "${now.urn}" as it is currently marked for protection`,
          now.urn,
        );
      }
      this.#dependentKeys.set(state.urn, keys);
      steps.push(this.steps.delete(state, !state.delete, !state.delete, this.deletes));
      this.deletes.add(state.urn);
      this.pendingDeletes.add(state);
    }
    if (!old.pendingReplacement) {
      this.deletes.add(old.urn);
      steps.push(this.steps.delete(old, true, true, this.deletes));
    }
    return [
      ...steps,
      this.steps.replace(old, now, difference),
      this.steps.createReplacement(old, now, difference, false, alias),
    ];
  }
}
