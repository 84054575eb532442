/** Finds the old state of a resource, also under an earlier name, type or parent (step_generator.go, `generateAliases`). */

import type { Run } from "../run/run";
import type { AliasSpec, Goal } from "../state/goal";
import { makeUrn, type ResourceState, ROOT_STACK, urnName, urnQualifiedType, urnType } from "../state/types";

export class Aliases {
  /** Old URN to the new one, and the reverse. */
  readonly renamed = new Map<string, string>();
  readonly #oldOf = new Map<string, string>();

  constructor(
    private readonly run: Run,
    private readonly project: string,
    private readonly stack: string,
  ) {}

  /** The old state and, if it has another, its URN. `seen` are the URNs registered in this run (`getOldResource`). */
  find(
    urn: string,
    goal: Goal,
    olds: ReadonlyMap<string, ResourceState>,
    seen: ReadonlySet<string>,
  ): { old?: ResourceState; alias?: string } {
    const own = olds.get(urn);
    if (own !== undefined && !this.renamed.has(urn)) return { old: own };
    for (const candidate of this.#candidates(goal)) {
      const old = olds.get(candidate);
      if (old === undefined || candidate === urn) continue;
      const other = this.renamed.get(candidate) ?? (seen.has(candidate) ? candidate : undefined);
      if (other !== undefined) {
        throw this.run.bail(
          `Duplicate resource alias '${candidate}' applied to resource with URN '${urn}' conflicting with resource with URN '${other}'`,
          urn,
        );
      }
      this.renamed.set(candidate, urn);
      this.#oldOf.set(urn, candidate);
      return { old, alias: candidate };
    }
    return {};
  }

  /** URNs that the resource may have had, its own excluded. */
  #candidates(goal: Goal): string[] {
    const { type, name, parent } = goal;
    const own = goal.aliases.map((alias) => this.#collapse(goal, alias));
    const parentBefore = this.#oldOf.get(parent);
    if (parentBefore === undefined) return own;
    const inherited = [
      this.#inherit(type, name, parent, parentBefore),
      ...own.map((urn) => this.#inherit(urnType(urn), urnName(urn), parent, parentBefore)),
    ];
    return [...new Set([...own, ...inherited])];
  }

  #collapse(goal: Goal, alias: AliasSpec): string {
    if (alias.urn !== undefined) return alias.urn;
    let parent = alias.parent === undefined ? goal.parent : (this.#oldOf.get(alias.parent) ?? alias.parent);
    if (alias.noParent || urnQualifiedType(parent) === ROOT_STACK) parent = "";
    return makeUrn(
      alias.stack ?? this.stack,
      alias.project ?? this.project,
      parent === "" ? "" : urnQualifiedType(parent),
      alias.type ?? goal.type,
      alias.name ?? goal.name,
    );
  }

  /** A child that is named after its parent followed the parent's name (`inheritedChildAlias`). */
  #inherit(type: string, name: string, parent: string, parentBefore: string): string {
    const parentName = urnName(parent);
    const before = name.startsWith(parentName) ? urnName(parentBefore) + name.slice(parentName.length) : name;
    return makeUrn(this.stack, this.project, urnQualifiedType(parentBefore), type, before);
  }
}
