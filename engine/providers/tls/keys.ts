/** `tls:index/privateKey:PrivateKey`: what terraform-provider-tls makes of a key (resource_private_key.go, common_key.go). */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { Values } from "../../values/value";
import { sshKeyType, sshPrivateKey, sshPublicBlob } from "./openssh";

/** What the real provider adds to the inputs, whatever the algorithm is. */
export const KEY_DEFAULTS: Values = { ecdsaCurve: "P224", rsaBits: 2048 };

function pem(key: KeyObject, type: "sec1" | "pkcs8"): string {
  return key.export({ type, format: "pem" }).toString();
}

function publicOutputs(privateKey: KeyObject): { id: string; outputs: Values } {
  const key = createPublicKey(privateKey);
  const blob = sshPublicBlob(key);
  const digest = (algorithm: string) => createHash(algorithm).update(blob);
  const outputs = {
    publicKeyPem: key.export({ type: "spki", format: "pem" }).toString(),
    publicKeyOpenssh: `${sshKeyType(key)} ${blob.toString("base64")}\n`,
    publicKeyFingerprintMd5: digest("md5").digest("hex").match(/../g)?.join(":") ?? "",
    publicKeyFingerprintSha256: `SHA256:${digest("sha256").digest("base64").replace(/=+$/, "")}`,
  };
  const spki = key.export({ type: "spki", format: "der" });
  return { id: createHash("sha1").update(spki).digest("hex"), outputs };
}

/** `inputs` are checked: ED25519, or ECDSA on P-256. */
export function createKey(inputs: Values): { id: string; outputs: Values } {
  const isEd25519 = inputs.algorithm === "ED25519";
  const { privateKey } = isEd25519
    ? generateKeyPairSync("ed25519")
    : generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const { id, outputs } = publicOutputs(privateKey);
  return {
    id,
    outputs: {
      ...KEY_DEFAULTS,
      ...inputs,
      privateKeyPem: pem(privateKey, isEd25519 ? "pkcs8" : "sec1"),
      privateKeyPemPkcs8: pem(privateKey, "pkcs8"),
      privateKeyOpenssh: sshPrivateKey(privateKey),
      ...outputs,
    },
  };
}

/** Reads a key that signs; the message names the input and repeats nothing of it. */
export function parseSigningKey(text: string, what: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    throw new Error(`Failed to parse ${what} PEM: ${(error as Error).message}`);
  }
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new Error(`the ${what} is no ECDSA key on P-256, the only kind that signs certificates in a rehearsal`);
  return key;
}
