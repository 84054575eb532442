/**
 * SSH's own formats for keys: the line of an authorized_keys file and the private key file ("openssh-key-v1").
 *
 * Layout of the private key file: PROTOCOL.key of OpenSSH. Node can neither read nor write it.
 */
import { type KeyObject, randomBytes } from "node:crypto";

/** RFC 5656: the name of the curve stands in the type and once more in front of the point. */
const CURVE = "nistp256";

function field(data: Buffer | string): Buffer {
  const body = typeof data === "string" ? Buffer.from(data) : data;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function bytes(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? "", "base64url");
}

/** A number as SSH writes it: shortest form, with a zero in front when the first bit is set. */
function number(base64url: string | undefined): Buffer {
  const all = bytes(base64url);
  let start = 0;
  while (start < all.length && all[start] === 0) start++;
  const short = all.subarray(start);
  return field(((short[0] ?? 0) & 0x80) !== 0 ? Buffer.concat([Buffer.of(0), short]) : short);
}

/** The name of the key's type in SSH; keys are Ed25519 or ECDSA on P-256. */
export function sshKeyType(key: KeyObject): string {
  return key.asymmetricKeyType === "ed25519" ? "ssh-ed25519" : `ecdsa-sha2-${CURVE}`;
}

/** What both halves of a key have: the public key. */
function publicFields(key: KeyObject): Buffer {
  const { x, y } = key.export({ format: "jwk" });
  if (key.asymmetricKeyType === "ed25519") return field(bytes(x));
  return Buffer.concat([field(CURVE), field(Buffer.concat([Buffer.of(4), bytes(x), bytes(y)]))]);
}

/** The public half of a key, as SSH sends it; in base64 it is the second word of an authorized_keys line. */
export function sshPublicBlob(key: KeyObject): Buffer {
  return Buffer.concat([field(sshKeyType(key)), publicFields(key)]);
}

/** A private key in the format that `ssh-keygen` writes, without a passphrase and without a comment. */
export function sshPrivateKey(key: KeyObject): string {
  const { x, d } = key.export({ format: "jwk" });
  const secret = key.asymmetricKeyType === "ed25519" ? field(Buffer.concat([bytes(d), bytes(x)])) : number(d);
  const check = randomBytes(4);
  let list = Buffer.concat([check, check, field(sshKeyType(key)), publicFields(key), secret, field("")]);
  for (let pad = 1; list.length % 8 !== 0; pad++) list = Buffer.concat([list, Buffer.of(pad)]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    field("none"),
    field("none"),
    field(""),
    Buffer.of(0, 0, 0, 1),
    field(sshPublicBlob(key)),
    field(list),
  ]);
  const lines = file.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`;
}
