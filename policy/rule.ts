/** What a rule is, and what it is given to judge. */
import type { Resource } from "./resource";
import type { Stack } from "./stack";

/** `mandatory` fails a preview, and stops an update before the resource is touched. */
export const severities = ["mandatory", "advisory", "disabled"] as const;
export type Severity = (typeof severities)[number];

interface Described {
  /** In previews, in a stack's file, and as a heading of docs/policy.md. */
  readonly name: string;
  /** Unless the stack's file says another one. */
  readonly severity: Exclude<Severity, "disabled">;
  /** What is asked, as one sentence. */
  readonly asks: string;
  /** The reason, with its source. */
  readonly why: string;
  /** What to do about it, as one sentence without its full stop. */
  readonly remedy: string;
}

/** Judges each resource alone, as soon as it is planned. */
export interface ResourceRule extends Described {
  readonly kind: "resource";
  /** The types that it is about. */
  readonly of: RegExp;
  /** @returns what is wrong: the value got, and what is allowed */
  readonly judge: (resource: Resource, stack: Stack) => readonly string[];
}

/** Judges what the stack is going to consist of, once all of it is planned. */
export interface StackRule extends Described {
  readonly kind: "stack";
  readonly judge: (resources: readonly Resource[], stack: Stack) => readonly Finding[];
}

/** Judges what a preview would do: Pulumi shows no policy pack what goes. Asked by `kilonode preview` (steps.ts). */
export interface StepRule extends Described {
  readonly kind: "step";
  readonly judge: (steps: readonly PlannedStep[], stack: Pick<Stack, "ephemeral">) => readonly Finding[];
}

export type Rule = ResourceRule | StackRule | StepRule;

export interface Finding {
  /** Absent: it is about the stack as a whole. */
  readonly urn?: string;
  readonly problem: string;
}

export interface PlannedStep {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly parent: string | undefined;
  /** URNs that it waits for. Absent: the engine does not tell. */
  readonly dependencies?: readonly string[];
}

export const messageOf = ({ remedy }: Pick<Rule, "remedy">, problem: string): string =>
  `${problem}. What to do: ${remedy}`;
