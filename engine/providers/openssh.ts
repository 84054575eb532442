/**
 * SSH's own formats for keys: the line of an authorized_keys file and the private key file ("openssh-key-v1").
 *
 * Layout of the private key file: PROTOCOL.key of OpenSSH. Node can neither read nor write it.
 */
import { createPrivateKey, type JsonWebKey, type KeyObject, randomBytes } from "node:crypto";

const CURVES: Record<string, { name: string; size: number }> = {
  "P-256": { name: "nistp256", size: 32 },
  "P-384": { name: "nistp384", size: 48 },
  "P-521": { name: "nistp521", size: 66 },
};

function field(data: Buffer | string): Buffer {
  const body = typeof data === "string" ? Buffer.from(data) : data;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

/** A number as SSH writes it: shortest form, with a zero in front when the first bit is set. */
function number(text: string | undefined): Buffer {
  const bytes = Buffer.from(text ?? "", "base64url");
  let start = 0;
  while (start < bytes.length && bytes[start] === 0) start++;
  const short = bytes.subarray(start);
  return field(((short[0] ?? 0) & 0x80) !== 0 ? Buffer.concat([Buffer.of(0), short]) : short);
}

function curveOf(jwk: JsonWebKey): { name: string; size: number } {
  const curve = CURVES[jwk.crv ?? ""];
  if (curve === undefined) throw new Error(`no SSH form for a key of type ${jwk.kty} ${jwk.crv ?? ""}`.trimEnd());
  return curve;
}

function point(jwk: JsonWebKey): Buffer {
  return Buffer.concat([Buffer.of(4), Buffer.from(jwk.x ?? "", "base64url"), Buffer.from(jwk.y ?? "", "base64url")]);
}

/** The name of the key's type in SSH, as in `ssh-ed25519`. */
export function sshKeyType(key: KeyObject): string {
  if (key.asymmetricKeyType === "ed25519") return "ssh-ed25519";
  if (key.asymmetricKeyType === "rsa") return "ssh-rsa";
  return `ecdsa-sha2-${curveOf(key.export({ format: "jwk" })).name}`;
}

/** The public half of a key, as SSH sends it; in base64 it is the second word of an authorized_keys line. */
export function sshPublicBlob(key: KeyObject): Buffer {
  const jwk = key.export({ format: "jwk" });
  const type = sshKeyType(key);
  if (type === "ssh-ed25519") return Buffer.concat([field(type), field(Buffer.from(jwk.x ?? "", "base64url"))]);
  if (type === "ssh-rsa") return Buffer.concat([field(type), number(jwk.e), number(jwk.n)]);
  return Buffer.concat([field(type), field(curveOf(jwk).name), field(point(jwk))]);
}

/** A private key in the format that `ssh-keygen` writes, without a passphrase and without a comment. */
export function sshPrivateKey(key: KeyObject): string {
  const jwk = key.export({ format: "jwk" });
  const type = sshKeyType(key);
  let secret: Buffer;
  if (type === "ssh-ed25519") {
    const pub = Buffer.from(jwk.x ?? "", "base64url");
    secret = Buffer.concat([field(pub), field(Buffer.concat([Buffer.from(jwk.d ?? "", "base64url"), pub]))]);
  } else if (type === "ssh-rsa") {
    secret = Buffer.concat([jwk.n, jwk.e, jwk.d, jwk.qi, jwk.p, jwk.q].map(number));
  } else {
    secret = Buffer.concat([field(curveOf(jwk).name), field(point(jwk)), number(jwk.d)]);
  }
  const check = randomBytes(4);
  let list = Buffer.concat([check, check, field(type), secret, field("")]);
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

/** A private key in a form that the SSH client library reads: it does not know PKCS #8, which Node can convert. */
export function readableBySsh(privateKey: string): string {
  return /-----BEGIN PRIVATE KEY-----/.test(privateKey) ? sshPrivateKey(createPrivateKey(privateKey)) : privateKey;
}
