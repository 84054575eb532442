/**
 * Secrets at rest as Pulumi's passphrase provider keeps them: AES-256-GCM, the key from the passphrase by PBKDF2
 * (sdk/go/common/resource/config/crypt.go, pkg/secrets/passphrase/manager.go). Making the key takes a good 0.2 s, so it
 * is made when the first secret is seen.
 */
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { EngineError } from "../errors";
import { isSecret, secret } from "../values/secrets";
import { kindOf, SECRET, SIGNATURE, type Value, type Values } from "../values/value";

const ROUNDS = 1_000_000;

export class Crypter {
  #key: Buffer | undefined;
  #salt: string | undefined;
  /** Ciphertexts in use, so that a value that did not change keeps its own and state files differ only where values do. */
  readonly #known = new Map<string, { plaintext: string; ciphertext: string }>();

  /** `salt` is the one of a state file or `encryptionsalt` of a stack's configuration; `source` names it in errors. */
  constructor(
    private readonly passphrase: string | undefined,
    salt: string | undefined,
    private readonly source: string,
  ) {
    this.#salt = salt;
    if (salt !== undefined) this.#verify(salt);
  }

  /** The salt to write down; undefined as long as there was no secret. */
  get salt(): string | undefined {
    return this.#salt;
  }

  #verify(salt: string): void {
    const [version, encoded, ...proof] = salt.split(":");
    if (version !== "v1" || encoded === undefined || proof.length !== 3) {
      throw new EngineError(
        "state",
        `${this.source}: the encryption salt "${salt}" is not of the form v1:<salt>:v1:<nonce>:<data>`,
      );
    }
    this.#derive(Buffer.from(encoded, "base64"));
    try {
      if (this.decrypt(proof.join(":")) === "pulumi") return;
    } catch {
      // Reported below: data that does not decrypt is the normal sign of another passphrase.
    }
    throw new EngineError(
      "passphrase",
      `the passphrase is not the one that ${this.source} was encrypted with; set PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE) to that one. Nothing was changed`,
    );
  }

  #derive(salt: Buffer): Buffer {
    if (this.passphrase === undefined) {
      throw new EngineError(
        "passphrase",
        `${this.source} holds secrets, and no passphrase is given; set PULUMI_CONFIG_PASSPHRASE (or PULUMI_CONFIG_PASSPHRASE_FILE)`,
      );
    }
    this.#key = pbkdf2Sync(this.passphrase, salt, ROUNDS, 32, "sha256");
    return this.#key;
  }

  #firstSecret(): Buffer {
    const salt = randomBytes(8);
    const key = this.#derive(salt);
    this.#salt = `v1:${salt.toString("base64")}:${this.encrypt("pulumi")}`;
    return key;
  }

  encrypt(text: string): string {
    const key = this.#key ?? this.#firstSecret();
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    const data = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${data.toString("base64")}`;
  }

  decrypt(ciphertext: string): string {
    const [version, nonce, encoded] = ciphertext.split(":");
    if (version !== "v1" || nonce === undefined || encoded === undefined || this.#key === undefined) {
      throw new EngineError(
        "state",
        `${this.source}: a secret is encrypted in a way that is not known here (${version})`,
      );
    }
    const data = Buffer.from(encoded, "base64");
    const decipher = createDecipheriv("aes-256-gcm", this.#key, Buffer.from(nonce, "base64"));
    try {
      decipher.setAuthTag(data.subarray(-16));
      return decipher.update(data.subarray(0, -16), undefined, "utf8") + decipher.final("utf8");
    } catch (error) {
      throw new EngineError(
        "state",
        `${this.source}: a secret is damaged, or was encrypted with another passphrase: ${(error as Error).message}`,
      );
    }
  }

  /** Properties with their secrets encrypted. `place` names them among all of the state: unchanged secrets keep their text. */
  seal(place: string, values: Values): Values {
    return walk(place, values, (at, value) => {
      if (!isSecret(value)) return undefined;
      const plaintext = textOf(value.value);
      let known = this.#known.get(at);
      if (known?.plaintext !== plaintext) {
        known = { plaintext, ciphertext: this.encrypt(plaintext) };
        this.#known.set(at, known);
      }
      return { [SIGNATURE]: SECRET, ciphertext: known.ciphertext };
    }) as Values;
  }

  /** The reverse of {@link seal}. */
  open(place: string, values: Values): Values {
    return walk(place, values, (at, value) => {
      if (kindOf(value) !== SECRET) return undefined;
      const { ciphertext, plaintext } = value as StoredSecret;
      const opened = this.#valueOf(ciphertext === undefined ? plaintext : this.decrypt(ciphertext));
      if (ciphertext !== undefined) this.#known.set(at, { plaintext: textOf(opened), ciphertext });
      return secret(opened);
    }) as Values;
  }

  /** The reverse of {@link textOf}. */
  #valueOf(text: string | undefined): Value {
    let value: Value | undefined;
    try {
      value = JSON.parse(text ?? "") as Value;
    } catch {
      throw new EngineError("state", `${this.source}: a secret is damaged: it holds no JSON`);
    }
    return walk("", value, (_, inner) => {
      if (kindOf(inner) !== SECRET) return undefined;
      const { ciphertext, plaintext } = inner as StoredSecret;
      return secret(this.#valueOf(ciphertext ?? plaintext));
    });
  }
}

/** A secret as a state has it, within another one too. */
interface StoredSecret {
  readonly ciphertext?: string;
  /** In its place in a state that was exported with its secrets in clear. */
  readonly plaintext?: string;
}

/**
 * What is encrypted of a secret. Secrets within it stay marked, and are not encrypted once more: each is the text of its own
 * JSON, in the place of a ciphertext (`SerializePropertyValue` in pkg/resource/stack/deployment.go).
 */
function textOf(value: Value): string {
  const stored = walk("", value, (_, inner) =>
    isSecret(inner) ? { [SIGNATURE]: SECRET, ciphertext: textOf(inner.value) } : undefined,
  );
  return JSON.stringify(stored);
}

/** Replaces what `change` gives another value for; what has nothing replaced in it stays the same object. */
function walk(place: string, value: Value, change: (place: string, value: Value) => Value | undefined): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const list = value.map((item, i) => walk(`${place}\0${i}`, item, change));
    return list.every((item, i) => item === value[i]) ? value : list;
  }
  const changed = change(place, value);
  if (changed !== undefined) return changed;
  const object = value as Values;
  let copy: Values | undefined;
  for (const key of Object.keys(object)) {
    const before = object[key] as Value;
    const after = walk(`${place}\0${key}`, before, change);
    if (after === before) continue;
    copy ??= { ...object };
    copy[key] = after;
  }
  return copy ?? object;
}
