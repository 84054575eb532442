/**
 * Decides what to do with each resource that the program registers: pkg/resource/deploy/step_generator.go, from
 * `generateSteps` to `continueStepsFromDiff`, without targets, imports, refreshes, views and plans.
 */
import { randomBytes } from "node:crypto";
import { Aliases } from "./aliases";
import { type Difference, differenceOf, NO_DIFFERENCE, replacement } from "./diff";
import { type Goal, newState, setProperties } from "./goal";
import { resetPaths } from "./paths";
import type { Plugin } from "./plugin";
import type { Policies } from "./policy";
import type { CheckResult, Values } from "./provider";
import { isProviderType, type Registry } from "./registry";
import { findDependentReplacements } from "./replacements";
import { Bail, type Run } from "./run";
import { makeUrn, parseReference, type ResourceState, urnQualifiedType } from "./state/types";
import type { Executor, PlannedStep } from "./steps";
import { hasUnknown, plain, plainValues, same } from "./values";

export interface Stack {
  readonly project: string;
  readonly stack: string;
}

export interface ReadGoal
  extends Pick<Goal, "type" | "name" | "parent" | "inputs" | "provider" | "dependencies" | "additionalSecretOutputs"> {
  readonly id: string;
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
    /** Packs are started with the address of the monitor, which needs this generator: they are not there from the beginning. */
    private readonly policies: () => Policies | undefined,
  ) {
    this.aliases = new Aliases(stack.project, stack.stack);
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
      throw this.#bail(`Duplicate resource URN '${urn}'; try giving it a unique name`, urn);
    }
    if (parent !== "" && !this.urns.has(parent)) throw new Error(`could not find parent resource ${parent}`);
    this.urns.add(urn);
    return urn;
  }

  /** Registers a resource: what it takes is planned and done; the result is its final state. */
  async register(goal: Goal): Promise<ResourceState> {
    const urn = this.urnOf(goal.parent, goal.type, goal.name);
    const { old, alias } = this.#findOld(urn, goal);
    this.goals.set(urn, goal);
    const now = newState(goal, urn, old);
    const steps = await this.#plan(goal, urn, old, now, alias);
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
    const { parent, provider, dependencies, additionalSecretOutputs } = wanted;
    const now: ResourceState = {
      urn,
      custom: true,
      id: wanted.id,
      type: wanted.type,
      inputs: wanted.inputs,
      ...(parent !== "" && { parent }),
      external: true,
      ...(dependencies.length > 0 && { dependencies: [...dependencies] }),
      provider,
      ...(additionalSecretOutputs.length > 0 && { additionalSecretOutputs: [...additionalSecretOutputs] }),
    };
    this.operated.add(urn);
    await this.executor.chain([this.executor.read(old, now)]);
    return now;
  }

  #findOld(urn: string, goal: Goal): { old?: ResourceState; alias?: string } {
    const own = this.olds.get(urn);
    if (own !== undefined && !this.aliases.renamed.has(urn)) return { old: own };
    for (const candidate of this.aliases.candidates(goal)) {
      const old = this.olds.get(candidate);
      if (old === undefined || candidate === urn) continue;
      const other = this.aliases.renamed.get(candidate) ?? (this.urns.has(candidate) ? candidate : undefined);
      if (other !== undefined) {
        throw this.#bail(
          `Duplicate resource alias '${candidate}' applied to resource with URN '${urn}' conflicting with resource with URN '${other}'`,
          urn,
        );
      }
      this.aliases.take(urn, candidate);
      if (isProviderType(goal.type)) this.registry.alias(candidate, urn);
      return { old, alias: candidate };
    }
    return {};
  }

  async #plan(
    goal: Goal,
    urn: string,
    old: ResourceState | undefined,
    now: ResourceState,
    alias?: string,
  ): Promise<PlannedStep[]> {
    const plugin = await this.#pluginOf(goal);
    const recreating = this.deletes.has(urn);
    const before = recreating || old?.external ? undefined : old;
    const seed = randomBytes(32);
    const given = old === undefined ? goal.inputs : resetPaths(goal.inputs, old.inputs ?? {}, goal.ignoreChanges);
    const inputs = await this.#check(
      plugin,
      goal,
      urn,
      before?.inputs,
      before === undefined ? goal.inputs : given,
      seed,
    );
    setProperties(now, "inputs", inputs);
    await this.#analyze(goal, now);

    if (old !== undefined && this.deletes.has(urn)) return this.#recreate(old, now, urn, alias);
    if (old?.external) {
      this.operated.add(urn);
      const difference = NO_DIFFERENCE;
      return [
        this.executor.createReplacement(old, now, difference, true, alias),
        this.executor.replace(old, now, difference),
      ];
    }
    if (old === undefined) {
      this.operated.add(urn);
      return [this.executor.create(now)];
    }
    const difference = await this.#difference(plugin, goal, old, now);
    // While the provider compared, another resource's replacement may have deleted this one (`ContinueStepsFromDiff`).
    if (this.deletes.has(urn)) return this.#recreate(old, now, urn, alias);
    return this.#planFromDifference(plugin, goal, old, now, difference, seed, alias);
  }

  /** Deleted earlier in this run, because something that it depends on had to be deleted before its replacement was made. */
  #recreate(old: ResourceState, now: ResourceState, urn: string, alias?: string): PlannedStep[] {
    this.deletes.delete(urn);
    this.replaces.add(urn);
    this.operated.add(urn);
    const difference: Difference = { ...NO_DIFFERENCE, keys: this.#dependentKeys.get(urn) ?? [] };
    return [
      this.executor.replace(old, now, NO_DIFFERENCE),
      this.executor.createReplacement(old, now, difference, false, alias),
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

  async #check(
    plugin: Plugin | undefined,
    goal: Goal,
    urn: string,
    old: Values | undefined,
    news: Values,
    seed: Buffer,
  ): Promise<Values> {
    if (plugin === undefined) return news;
    if (!this.run.preview && hasUnknown(plainValues(news))) {
      throw new Error(
        `an input of ${urn} is not known although the run is not a preview; the resource it comes from did not set it`,
      );
    }
    const result: CheckResult = await plugin.check(this.run.call(urn), old, news, seed);
    for (const { property, reason } of result.failures ?? []) {
      const value = property === "" ? undefined : JSON.stringify(plain(result.inputs[property] ?? null));
      const what =
        value === undefined
          ? reason
          : `property ${property} value {${value.replaceAll(/^"|"$/g, "")}} has a problem: ${reason}`;
      this.run.report("error", `${goal.type} resource '${goal.name}': ${what}`, urn);
    }
    if ((result.failures ?? []).length > 0) throw this.#bail();
    return result.inputs;
  }

  async #analyze(goal: Goal, now: ResourceState): Promise<void> {
    const provider = now.provider && this.executor.news.get(parseReference(now.provider).urn);
    const stopped = await this.policies()?.analyze(goal, now, provider || undefined);
    if (stopped) throw this.#bail();
  }

  /** What the provider, and the options that replace without asking it, say about the change (`diff`). */
  async #difference(
    plugin: Plugin | undefined,
    goal: Goal,
    old: ResourceState,
    now: ResourceState,
  ): Promise<Difference> {
    if (triggered(old, now)) return { ...replacement("replacementTrigger"), keys: [] };
    if (goal.replaceWith.some((urn) => this.replaces.has(urn))) return replacement("replaceWith");
    if (goal.deletedWith !== "" && this.replaces.has(goal.deletedWith)) return replacement("deletedWith");
    if ((old.provider ?? "") === "" ? (now.provider ?? "") !== "" : (now.provider ?? "") === "")
      return replacement("provider");
    if (plugin === undefined) {
      return { ...NO_DIFFERENCE, changes: !same(old.inputs ?? {}, now.inputs ?? {}) };
    }
    const result = await plugin.diff(this.run.call(now.urn), old, now.inputs ?? {}, goal.ignoreChanges);
    if (result === undefined) {
      this.#warnUnknownProvider(now);
      return { ...NO_DIFFERENCE, changes: true };
    }
    return differenceOf(result, goal.replaceOnChanges);
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
    plugin: Plugin | undefined,
    goal: Goal,
    old: ResourceState,
    now: ResourceState,
    difference: Difference,
    seed: Buffer,
    alias?: string,
  ): Promise<PlannedStep[]> {
    const { urn } = now;
    this.operated.add(urn);
    if (difference.replace || old.pendingReplacement) {
      this.#refuseProtected(old, now);
      this.replaces.add(urn);
      // Defaults that were carried over from the old resource do not hold for a new one.
      setProperties(now, "inputs", await this.#check(plugin, goal, urn, undefined, goal.inputs, seed));
      if (goal.deleteBeforeReplace ?? difference.deleteBeforeReplace)
        return this.#deleteBeforeReplace(old, now, difference, alias);
      return [
        this.executor.createReplacement(old, now, difference, true, alias),
        this.executor.replace(old, now, difference),
      ];
    }
    if (difference.changes || (old.initErrors ?? []).length > 0)
      return [this.executor.update(old, now, difference, alias)];
    return [this.executor.same(old, now, alias)];
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

  async #deleteBeforeReplace(
    old: ResourceState,
    now: ResourceState,
    difference: Difference,
    alias?: string,
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
        throw this.#bail(
          `unable to replace resource "${state.urn}" as part of replacing "${now.urn}" as it is currently marked for protection`,
          now.urn,
        );
      }
      this.#dependentKeys.set(state.urn, keys);
      steps.push(this.executor.delete(state, !state.delete, !state.delete, this.deletes));
      this.deletes.add(state.urn);
      this.pendingDeletes.add(state);
    }
    if (!old.pendingReplacement) {
      this.deletes.add(old.urn);
      steps.push(this.executor.delete(old, true, true, this.deletes));
    }
    return [
      ...steps,
      this.executor.replace(old, now, difference),
      this.executor.createReplacement(old, now, difference, false, alias),
    ];
  }

  #bail(message?: string, urn?: string): Bail {
    if (message !== undefined) this.run.report("error", message, urn);
    this.run.fail(false);
    return new Bail(message);
  }
}

/** Nothing on either side is no trigger; an unknown one is taken for changed (`shouldTriggerReplace`). */
function triggered(old: ResourceState, now: ResourceState): boolean {
  const before = plain(old.replacementTrigger ?? null);
  const after = plain(now.replacementTrigger ?? null);
  if (hasUnknown(before) || hasUnknown(after)) return true;
  return before !== null && after !== null && !same(before, after);
}
