/** What the tests of the providers share: calls as the engine makes them. */
import { randomBytes } from "node:crypto";
import type { Provider, ResourceCall, Values } from "../../../engine";
import { plainValues } from "../../../engine/values/secrets";

export interface Logged {
  readonly severity: string;
  readonly message: string;
}

export interface TestCall extends ResourceCall {
  readonly logged: Logged[];
}

export function call(type: string, name = "it", options: { preview?: boolean; signal?: AbortSignal } = {}): TestCall {
  const logged: Logged[] = [];
  return {
    urn: `urn:pulumi:dev::test::${type}::${name}`,
    type,
    name,
    preview: options.preview ?? false,
    signal: options.signal ?? new AbortController().signal,
    log: (severity, message) => logged.push({ severity, message }),
    logged,
  };
}

/** Check and create, as for a new resource: without the secrets' marks, which the engine takes off before each call. */
export async function create(provider: Provider, at: ResourceCall, inputs: Values) {
  const checked = (await provider.check?.(at, undefined, inputs, randomBytes(32))) ?? { inputs };
  if (checked.failures?.[0] !== undefined) throw new Error(checked.failures[0].reason);
  const opened = plainValues(checked.inputs);
  return { inputs: opened, ...(await provider.create(at, opened)) };
}

/** The inputs of the same resource in a later run, checked. */
export async function check(provider: Provider, at: ResourceCall, old: Values, inputs: Values): Promise<Values> {
  const checked = await provider.check?.(at, old, inputs, randomBytes(32));
  return plainValues(checked?.inputs ?? inputs);
}
