/** The steps that the generator plans: what each does, and what the state keeps of it (pkg/resource/deploy/step.go). */

import type { Plugin } from "../provider/plugin";
import { PartialFailure } from "../provider/provider";
import { isProviderType, type Registry } from "../provider/registry";
import type { Op } from "../run/events";
import type { Run } from "../run/run";
import { setProperties } from "../state/goal";
import type { Snapshot } from "../state/snapshot";
import type { PendingOperation, ResourceState } from "../state/types";
import type { Difference } from "./diff";

export interface PlannedStep {
  readonly op: Op;
  readonly old?: ResourceState;
  readonly new?: ResourceState;
  readonly difference?: Difference;
  /** Counts in the summary; the parts of a replacement do not. */
  readonly logical: boolean;
  /** What a crash in the middle would leave behind. */
  readonly pending?: PendingOperation["type"];
  readonly apply: () => Promise<void>;
  readonly record: (snapshot: Snapshot) => void;
}

/** Thrown by a delete of a protected resource: other resources may still be dealt with. */
export class Protected extends Error {}

export class Steps {
  constructor(
    private readonly run: Run,
    private readonly registry: Registry,
    private readonly olds: readonly ResourceState[],
  ) {}

  same(old: ResourceState, now: ResourceState, alias: string | undefined): PlannedStep {
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
    alias: string | undefined,
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

  update(old: ResourceState, now: ResourceState, difference: Difference, alias: string | undefined): PlannedStep {
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
