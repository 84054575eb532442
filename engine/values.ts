/**
 * Property values as the engine holds them: JSON, with a secret as the marked object that Pulumi's own protocol uses.
 * (sdk/go/common/resource/properties.go, sdk/nodejs/runtime/rpc.ts)
 */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { UNKNOWN, type Value, type Values } from "./provider";
import { isObject, same } from "./providers/values";

export { changedPaths, hasUnknown, isObject, same } from "./providers/values";

/** The key that marks a special object, and the kinds that the protocol knows. */
export const SIGNATURE = "4dabf18193072939515e22adb298388d";
export const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const ASSET = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7";
const RESOURCE_REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

export function kindOf(value: Value | undefined): string | undefined {
  const kind = isObject(value) ? value[SIGNATURE] : undefined;
  return typeof kind === "string" ? kind : undefined;
}

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

function mapValues(values: Values, change: (value: Value, key: string) => Value): Values {
  const result: Values = {};
  for (const key of Object.keys(values)) result[key] = change(values[key] as Value, key);
  return result;
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

export interface Received {
  readonly values: Values;
  /** URNs that output values carry with them, by top-level property. */
  readonly dependencies: ReadonlyMap<string, readonly string[]>;
}

/** Takes properties from the wire: output values become their content, assets get their hash (`UnmarshalProperties`). */
export async function receive(raw: Values, workingDirectory: string): Promise<Received> {
  const dependencies = new Map<string, string[]>();
  const pending: Promise<void>[] = [];
  const values = mapValues(raw, (value, key) => {
    const take = (item: Value): Value => {
      if (typeof item !== "object" || item === null) return item;
      if (Array.isArray(item)) return item.map(take);
      const object = item as Values;
      switch (kindOf(object)) {
        case undefined:
          return mapValues(object, take);
        case SECRET:
          return secret(plainSecrets(take(object.value as Value)));
        case OUTPUT: {
          dependencies.set(key, [...(dependencies.get(key) ?? []), ...((object.dependencies as string[]) ?? [])]);
          const content = object.value === undefined ? UNKNOWN : take(object.value);
          return object.secret === true ? secret(plainSecrets(content)) : content;
        }
        case ASSET:
        case ARCHIVE: {
          const { __pulumiAsset: _, __pulumiArchive: __, ...asset } = object;
          if (asset.hash === undefined || asset.hash === "") {
            const setHash = async (): Promise<void> => {
              asset.hash = await hashOf(asset, workingDirectory);
            };
            pending.push(setHash());
          }
          return asset;
        }
        default:
          return object;
      }
    };
    return take(value);
  });
  await Promise.all(pending);
  return { values, dependencies };
}

/** A secret inside a secret says nothing more. */
function plainSecrets(value: Value): Value {
  if (!hasSecret(value)) return value;
  if (Array.isArray(value)) return value.map(plainSecrets);
  if (isSecret(value)) return plainSecrets(value.value);
  return mapValues(value as Values, plainSecrets);
}

async function hashOf(asset: Values, workingDirectory: string): Promise<string> {
  const hash = createHash("sha256");
  if (typeof asset.text === "string") return hash.update(asset.text).digest("hex");
  if (typeof asset.path === "string") {
    await hashPath(hash, path.resolve(workingDirectory, asset.path));
    return hash.digest("hex");
  }
  if (isObject(asset.assets)) {
    for (const key of Object.keys(asset.assets).sort()) {
      hash.update(`${key}\0${await hashOf(asset.assets[key] as Values, workingDirectory)}\0`);
    }
    return hash.digest("hex");
  }
  throw new Error(
    `this asset is neither text nor a file (${Object.keys(asset).join(", ")}): the rehearsal engine knows only those`,
  );
}

/** A file's content, or names and contents of a folder. (The real engine hashes a folder as a tar; only equality matters.) */
async function hashPath(hash: ReturnType<typeof createHash>, file: string): Promise<void> {
  if (statSync(file).isDirectory()) {
    for (const name of (await readdir(file)).sort()) {
      hash.update(`${name}\0`);
      await hashPath(hash, path.join(file, name));
    }
    return;
  }
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
}
