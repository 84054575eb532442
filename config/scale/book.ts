/**
 * The model's book: every derived value with its formula in words, its inputs and its source, so that each flag can be
 * explained and nothing is a bare number.
 */
import { constants } from "./constants";
import { assumptions, type Figure, type ResolvedWorkload } from "./workload";

export type Scalar = number | string | boolean;

export interface Entry {
  readonly path: string;
  readonly value: Scalar;
  readonly unit: string;
  /** The rule in words. */
  readonly formula: string;
  /** Names of the inputs with their values: `workload.*`, `constants.*`, `options.*` or another entry. */
  readonly inputs: Readonly<Record<string, Scalar>>;
  /** Where the rule comes from: URL, repository path, or "own rule" with the reason. */
  readonly source: string;
  /** True where no published figure covers this size. */
  readonly extrapolated: boolean;
}

export type Row = <T extends Scalar>(
  name: string,
  value: T,
  unit: string,
  formula: string,
  source: string,
  inputs?: readonly string[],
) => T;

export interface Rule<T extends Scalar> {
  readonly value: T;
  readonly unit: string;
  readonly formula: string;
  readonly inputs: readonly string[];
  readonly source: string;
  /** Most nodes for which the source's figures hold. Default: any, unless an input is itself extrapolated. */
  readonly knownToNodes?: number;
}

/** Published scalability data for self-managed control planes ends here: upstream's tested 5,000 nodes. */
export const publishedNodes = 5000;

export class Book {
  readonly entries = new Map<string, Entry>();

  constructor(
    readonly workload: ResolvedWorkload,
    readonly options: Readonly<Record<string, Scalar>>,
  ) {}

  /** Writes one value down and returns it. */
  derive<T extends Scalar>(path: string, rule: Rule<T>): T {
    if (this.entries.has(path)) throw new Error(`${path} is derived twice`);
    const inputs = Object.fromEntries(rule.inputs.map((name) => [name, this.lookUp(name, path)]));
    const inherited = rule.inputs.some((name) => this.entries.get(name)?.extrapolated);
    const beyond = this.workload.nodes > (rule.knownToNodes ?? Number.POSITIVE_INFINITY);
    const { value, unit, formula, source } = rule;
    this.entries.set(path, { path, value, unit, formula, inputs, source, extrapolated: inherited || beyond });
    return value;
  }

  /** {@link derive} for the values below one path, their rule given in a row. */
  below(path: string): Row {
    return (name, value, unit, formula, source, inputs = []) =>
      this.derive(`${path}.${name}`, { value, unit, formula, inputs, source });
  }

  private lookUp(name: string, user: string): Scalar {
    const [head, ...rest] = name.split(".");
    const key = rest.join(".");
    if (head === "workload" && key in assumptions) return this.workload[key as Figure];
    if (head === "constants" && key in constants) return constants[key as keyof typeof constants].value;
    if (head === "options" && this.options[key] !== undefined) return this.options[key];
    const entry = this.entries.get(name);
    if (!entry) throw new Error(`${user} uses ${name}, which is not derived before it`);
    return entry.value;
  }
}

/** Smallest power of two that is not below the value. */
export const powerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, value)));

/** Two significant decimals: a model's result is no measurement. */
export const rounded = (value: number, digits = 2): number => Number(value.toFixed(digits));

/** The first step whose `above` the value exceeds, from the top. */
export function ladder<T>(value: number, steps: readonly { readonly above: number; readonly use: T }[]): T {
  const step = [...steps].sort((a, b) => b.above - a.above).find(({ above }) => value > above);
  if (!step) throw new Error(`no step for ${value}`);
  return step.use;
}
