/**
 * What a rehearsal is told about the pretended account, and what goes wrong in it: a JSON file whose path is in REHEARSAL_AWS. Without it
 * nothing goes wrong, and there are no quotas but those of the API's own.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../../errors";
import type { Values } from "../../values/value";
import type { Account } from "./cloud";
import type { Machines } from "./machines";

export interface Plan extends Account {
  /** Twelve digits; by default what the provider allows, or 123456789012. */
  readonly account?: string;
  /** What is there before: a VPC that belongs to others. */
  readonly existing?: readonly {
    readonly type: string;
    readonly id: string;
    readonly region: string;
    readonly inputs: Values;
  }[];
  /** File that gets a line of JSON for each operation, after its effect; see operations.ts. */
  readonly operations?: string;
  readonly faults?: readonly Fault[];
  /** What makes things real; see machines.ts. */
  readonly machines?: Machines;
}

/**
 * `at`: number of the operation, counted from 1 over all runs on the account. `on`: verb, type and name, where `*` stands for anything:
 * `create aws:ec2/instance:Instance main-*`. Without both: any operation.
 * `times`: how often it happens, over all runs. Default 1.
 */
export type Fault = { readonly at?: number; readonly on?: string; readonly times?: number } & (
  | {
      /** RequestLimitExceeded `calls` times (default 1), then an answer: the provider asks again up to 25 times. */
      readonly fault: "throttle";
      readonly calls?: number;
    }
  | {
      /** What was made is not found by the next `reads` of its provider, nor by `references` to it in other calls. */
      readonly fault: "lag";
      readonly reads?: number;
      readonly references?: number;
    }
  | {
      /** Done, but the connection broke before the answer: the provider asks again, with the same client token where the call has one. */
      readonly fault: "lost";
    }
  | {
      /** Made, but never ready: the provider gives up, and the state has it as made with an error. */
      readonly fault: "half";
    }
  | {
      /** Any other answer of the API: `UnauthorizedOperation`, `InsufficientInstanceCapacity`. */
      readonly fault: "refuse";
      readonly code: string;
      readonly reason: string;
    }
  | {
      /** No instance can be started in the zone. */ readonly fault: "no-capacity";
      readonly zone: string;
    }
  | {
      /** The process dies, before the effect or after it. */ readonly fault: "crash";
      readonly when: "before" | "after";
    }
  | {
      /** Before the operation an instance ends, by its resource's name or its id, and nobody is told. */
      readonly fault: "terminate";
      readonly instance: string;
    }
);

const KEYS = ["account", "existing", "operations", "faults", "quotas", "notOffered", "foreignBuckets", "machines"];
const FAULTS = ["throttle", "lag", "lost", "half", "refuse", "no-capacity", "crash", "terminate"];

export function readPlan(file: string | undefined): Plan {
  if (file === undefined || file === "") return {};
  const plan = parse(file);
  const unknown = Object.keys(plan).filter((key) => !KEYS.includes(key));
  const faults = (plan.faults ?? []).filter(({ fault }) => !FAULTS.includes(fault));
  if (unknown.length > 0 || faults.length > 0)
    throw new EngineError("refused", `${file}: the plan of a rehearsal on AWS has what is not known`, [
      ...unknown.map((key) => `${key}; known: ${KEYS.join(", ")}`),
      ...faults.map(({ fault }) => `fault ${fault}; known: ${FAULTS.join(", ")}`),
    ]);
  return plan.operations === undefined
    ? plan
    : { ...plan, operations: path.resolve(path.dirname(file), plan.operations) };
}

function parse(file: string): Plan {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Plan;
  } catch (error) {
    throw new EngineError("refused", `REHEARSAL_AWS: cannot read ${file}: ${(error as Error).message}`);
  }
}
