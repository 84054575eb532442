/** Property values as they come from the program: output values, secrets and assets as the engine holds them. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../errors";
import { hasSecret, isSecret, secret } from "./secrets";
import { ARCHIVE, ASSET, isObject, kindOf, mapValues, OUTPUT, SECRET, UNKNOWN, type Value, type Values } from "./value";

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
  throw new EngineError(
    "refused",
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
