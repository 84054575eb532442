/** Finds the old state of a resource, also under an earlier name, type or parent (step_generator.go, `generateAliases`). */
import type { AliasSpec, Goal } from "./goal";
import { makeUrn, ROOT_STACK, urnName, urnQualifiedType, urnType } from "./state/types";

export class Aliases {
  /** Old URN to the new one, and the reverse. */
  readonly renamed = new Map<string, string>();
  readonly #oldOf = new Map<string, string>();

  constructor(
    private readonly project: string,
    private readonly stack: string,
  ) {}

  /** URNs that the resource may have had, its own excluded. */
  candidates(goal: Goal): string[] {
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

  take(urn: string, old: string): void {
    this.renamed.set(old, urn);
    this.#oldOf.set(urn, old);
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
