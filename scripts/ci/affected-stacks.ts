/** Which stacks a change can have an effect on, from the paths that it touches. */

/** What no stack is made of. Everything that is not named here concerns all of them. */
const ofNoStack = [
  /\.md$/,
  /^(\.ci|\.github|bench|docs|scripts|test)\//,
  /^(\.gitignore|LICENSE|biome\.json|tsconfig\.json|vitest\.config\.mts)$/,
];

/** @param stacks those that there are after the change: one that it takes away has no preview */
export function affectedStacks(paths: readonly string[], stacks: readonly string[]): string[] {
  const shared = paths.some((path) => stackOf(path) === undefined && !ofNoStack.some((pattern) => pattern.test(path)));
  if (shared) return [...stacks];
  const own = new Set(paths.map(stackOf));
  return stacks.filter((stack) => own.has(stack));
}

const stackOf = (path: string) => /^stacks\/Pulumi\.(.+)\.yaml$/.exec(path)?.[1];

/** @param listed JSON: names of the stacks that may be asked with credentials; empty or undefined, as for a fork: none */
export function withCredentials(
  stacks: readonly string[],
  listed: string | undefined,
): { readonly real: readonly string[]; readonly rehearsed: readonly string[] } {
  const names: unknown = JSON.parse(listed || "[]");
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string"))
    throw new Error(`the variable STACKS_WITH_CREDENTIALS is ${listed}; it must be a list like ["prod-a"]`);
  return {
    real: stacks.filter((stack) => names.includes(stack)),
    rehearsed: stacks.filter((stack) => !names.includes(stack)),
  };
}
