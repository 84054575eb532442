/**
 * How one key takes the place of another while hosts and clients use it: first it is trusted, then it is used, then the old one is not
 * trusted any more. Nobody can change all of them at one moment, so each step is an update of its own.
 */

/** Numbers of keys: the first one is used, all are trusted. */
export type KeyNumbers = readonly number[];

/** From one key to the next: [1] -> [1, 2] -> [2, 1] -> [2]. */
export function nextKeys(numbers: KeyNumbers): KeyNumbers {
  const [used = 1, other] = numbers;
  if (other === undefined) return [used, used + 1];
  return other > used ? [other, used] : [used];
}

/** Why these numbers cannot follow those in one update; undefined when they can. */
export function keyProblem(before: KeyNumbers, after: KeyNumbers): string | undefined {
  const [used] = before;
  const [uses] = after;
  const text = (numbers: KeyNumbers) => `[${numbers.join(", ")}]`;
  if (uses !== undefined && !before.includes(uses))
    return `${text(before)} -> ${text(after)}: key ${uses} would be used before everybody trusts it`;
  if (used !== undefined && !after.includes(used))
    return `${text(before)} -> ${text(after)}: key ${used} would not be trusted any more while hosts still use it`;
  return undefined;
}
