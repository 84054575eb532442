/** A rule that a rollout must never break was broken. */
export class Violation extends Error {}
