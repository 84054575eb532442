/** Property values: JSON, and the marked objects of Pulumi's protocol (sdk/go/common/resource/properties.go). */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value } | Asset;
export type Values = { [key: string]: Value };

/** The mark Pulumi itself uses for a value that a preview cannot know. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The key that marks assets, archives, secrets and other special objects. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** What marks them (the protocol's kinds of special objects). */
export const ASSET = "c44067f5952c0a294b673a41bacd8c17";
export const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";
export const RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";
export const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** A file or text given as a Pulumi asset, with the content's hash, as the engine's protocol carries it. */
export interface Asset {
  readonly [SIGNATURE]: typeof ASSET | typeof ARCHIVE;
  readonly hash?: string;
  readonly text?: string;
  readonly path?: string;
}

export function isObject(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Assets and the like, which are never looked into. */
export function isSpecial(value: unknown): boolean {
  return isObject(value) && SIGNATURE in value;
}

/** True when the value, or anything in it, will only be known when the change is made. */
export function hasUnknown(value: Value | undefined): boolean {
  if (value === UNKNOWN) return true;
  if (Array.isArray(value)) return value.some(hasUnknown);
  return isObject(value) && Object.values(value).some(hasUnknown);
}

export function kindOf(value: Value | undefined): string | undefined {
  const kind = isObject(value) ? value[SIGNATURE] : undefined;
  return typeof kind === "string" ? kind : undefined;
}

export function mapValues(values: Values, change: (value: Value, key: string) => Value): Values {
  const result: Values = {};
  for (const key of Object.keys(values)) result[key] = change(values[key] as Value, key);
  return result;
}
