/** A resource as it is planned, as plain data: whichever program has planned it. */

/** In the place of a value that a preview does not know yet. */
export const unknown = Symbol("not known yet");

export interface Resource {
  /** A type token, such as "aws:ec2/instance:Instance". */
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Inputs, or outputs where the whole stack is judged. Secrets are in clear: nothing of them may get into a message. */
  readonly props: Readonly<Record<string, unknown>>;
  readonly protect: boolean;
  /** Property to the URNs of the resources that it is made from; known of whole stacks alone. */
  readonly madeFrom: Readonly<Record<string, readonly string[]>>;
}

/** The value below these keys; {@link unknown} as soon as one on the way is, undefined where there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, key) => {
    if (found === unknown || typeof found !== "object" || found === null)
      return found === unknown ? unknown : undefined;
    return (found as Record<string | number, unknown>)[key];
  }, value);
}

export const textAt = (value: unknown, ...path: readonly (string | number)[]): string | undefined => {
  const found = at(value, ...path);
  return typeof found === "string" ? found : undefined;
};

export const listAt = (value: unknown, ...path: readonly (string | number)[]): readonly unknown[] => {
  const found = at(value, ...path);
  if (found === undefined || found === null || found === unknown) return [];
  return Array.isArray(found) ? found : [found];
};

/** Not said, or said to be false: a flag as a boolean or as its text. What is not known yet is not off. */
export const isOff = (value: unknown): boolean => value !== unknown && value !== true && value !== "true";

/** Neither said nor still to be known. */
export const isMissing = (value: unknown): boolean => value === undefined || value === null || value === "";

export const shown = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));

export function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): ReadonlyMap<K, readonly T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
