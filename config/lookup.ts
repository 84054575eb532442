/** Look-ups of a word that somebody has typed. */

/**
 * The record's own value. Every plain object also answers to "constructor", "toString" and the like, with a function that it inherits:
 * `record[word]` would take that for an entry.
 */
export function lookup<T>(record: Readonly<Record<string, T>>, word: string): T | undefined {
  return Object.hasOwn(record, word) ? record[word] : undefined;
}
