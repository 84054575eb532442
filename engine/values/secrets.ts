/**
 * Secrets among property values, as the marked objects that Pulumi's own protocol uses.
 * (sdk/go/common/resource/properties.go, sdk/nodejs/runtime/rpc.ts)
 */
import { same } from "./compare";
import {
  isObject,
  kindOf,
  mapValues,
  RESOURCE_REFERENCE,
  SECRET,
  SIGNATURE,
  UNKNOWN,
  type Value,
  type Values,
} from "./value";

export function isSecret(value: Value | undefined): value is { [key: string]: Value; value: Value } {
  return kindOf(value) === SECRET;
}

export function secret(value: Value): Value {
  return isSecret(value) ? value : { [SIGNATURE]: SECRET, value };
}

/** True when the value is a secret or holds one. */
export function hasSecret(value: Value | undefined): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasSecret);
  if (isSecret(value)) return true;
  for (const key in value as Values) if (hasSecret((value as Values)[key])) return true;
  return false;
}

/** The value without secrets and with references to resources as their ids: what a provider sees. */
export function plain(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  const object = value as Values;
  const kind = kindOf(object);
  if (kind === SECRET) return plain(object.value as Value);
  if (kind === RESOURCE_REFERENCE) return (object.id === "" ? UNKNOWN : object.id) ?? object.urn ?? null;
  if (kind !== undefined) return object;
  return mapValues(object, plain);
}

export function plainValues(values: Values | undefined): Values {
  return mapValues(values ?? {}, plain);
}

/** The value with `[secret]` in the place of every secret: for displays. */
export function redacted(value: Value): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(redacted);
  if (isSecret(value)) return "[secret]";
  return mapValues(value as Values, redacted);
}

/**
 * Carries secrecy from inputs to what a provider returned for them, key by key, as `annotateSecrets` in provider_plugin.go.
 * A value that comes back unchanged keeps exactly its own secrets; a changed list that held one becomes secret as a whole.
 */
export function annotateSecrets(outputs: Values, inputs: Values): Values {
  return mapValues(outputs, (output, key) => {
    const input = inputs[key];
    if (input === undefined || !hasSecret(input) || isSecret(output)) return output;
    if (same(plain(input), output)) return input;
    if (isObject(output) && isObject(input) && kindOf(output) === undefined && !isSecret(input)) {
      return annotateSecrets(output, input);
    }
    return secret(output);
  });
}
