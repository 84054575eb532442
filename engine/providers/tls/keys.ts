/** `tls:index/privateKey:PrivateKey`: what terraform-provider-tls makes of a key (resource_private_key.go, common_key.go). */
import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { Values } from "../../values/value";
import { sshKeyType, sshPrivateKey, sshPublicBlob } from "../openssh";

const generate = promisify(generateKeyPair) as unknown as (
  type: "rsa" | "ec" | "ed25519",
  options: object,
) => Promise<{ privateKey: KeyObject }>;

const CURVES: Record<string, string> = { P224: "secp224r1", P256: "prime256v1", P384: "secp384r1", P521: "secp521r1" };

export const KEY_DEFAULTS: Values = { ecdsaCurve: "P224", rsaBits: 2048 };
export const ALGORITHMS = ["RSA", "ECDSA", "ED25519"];
export const CURVE_NAMES = Object.keys(CURVES);

function pem(key: KeyObject, type: "pkcs1" | "sec1" | "pkcs8"): string {
  return key.export({ type: type as "pkcs8", format: "pem" }).toString();
}

/** What a public key is known by. Curve P-224 has no SSH form: the texts are empty then. */
function publicOutputs(privateKey: KeyObject): Values & { id: string } {
  const key = createPublicKey(privateKey);
  const spki = key.export({ type: "spki", format: "der" });
  const none = key.asymmetricKeyDetails?.namedCurve === CURVES.P224;
  const blob = none ? Buffer.alloc(0) : sshPublicBlob(key);
  const md5 = createHash("md5").update(blob).digest("hex").match(/../g)?.join(":") ?? "";
  const sha256 = createHash("sha256").update(blob).digest("base64").replace(/=+$/, "");
  return {
    id: createHash("sha1").update(spki).digest("hex"),
    publicKeyPem: key.export({ type: "spki", format: "pem" }).toString(),
    publicKeyOpenssh: none ? "" : `${sshKeyType(key)} ${blob.toString("base64")}\n`,
    publicKeyFingerprintMd5: none ? "" : md5,
    publicKeyFingerprintSha256: none ? "" : `SHA256:${sha256}`,
  };
}

export function algorithmOf(key: KeyObject): string {
  const names: Record<string, string> = { rsa: "RSA", ec: "ECDSA", ed25519: "ED25519" };
  const name = names[key.asymmetricKeyType ?? ""];
  if (name === undefined) throw new Error(`unsupported private key type: ${key.asymmetricKeyType}`);
  return name;
}

/** Reads a private key; the message names the input and repeats nothing of it. */
export function parsePrivateKey(text: string, what = "private key"): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new Error(`Failed to parse ${what} PEM: ${(error as Error).message}`);
  }
}

export async function createKey(inputs: Values): Promise<{ id: string; outputs: Values }> {
  const settings = { ...KEY_DEFAULTS, ...inputs };
  const { privateKey } =
    settings.algorithm === "RSA"
      ? await generate("rsa", { modulusLength: settings.rsaBits })
      : settings.algorithm === "ECDSA"
        ? await generate("ec", { namedCurve: CURVES[String(settings.ecdsaCurve)] })
        : await generate("ed25519", {});
  const pkcs8 = pem(privateKey, "pkcs8");
  const { id, ...known } = publicOutputs(privateKey);
  const outputs = {
    ...settings,
    privateKeyPem:
      settings.algorithm === "RSA"
        ? pem(privateKey, "pkcs1")
        : settings.algorithm === "ECDSA"
          ? pem(privateKey, "sec1")
          : pkcs8,
    privateKeyPemPkcs8: pkcs8,
    privateKeyOpenssh: known.publicKeyOpenssh === "" ? "" : sshPrivateKey(privateKey),
    ...known,
  };
  return { id, outputs };
}

/** The function `getPublicKey`, for a PEM key. */
export function publicKeyOf(args: Values): Values {
  if (typeof args.privateKeyPem !== "string") {
    throw new Error("getPublicKey takes only privateKeyPem in a rehearsal");
  }
  const key = parsePrivateKey(args.privateKeyPem);
  return { ...args, algorithm: algorithmOf(key), ...publicOutputs(key) };
}
