/**
 * Certificates and certificate requests, as terraform-provider-tls makes them with Go's crypto/x509 (common_cert.go,
 * resource_locally_signed_cert.go): the same extensions in the same order, the same encodings of names.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import type { Values } from "../../values/value";
import { at, bitString, context, der, integer, oid, read, sequence, TAG, time } from "./der";
import {
  altNames,
  altNamesExtension,
  extension,
  extensionsOf,
  type Names,
  name,
  requestedNames,
  usages,
} from "./extensions";

/** Which algorithm a key signs with; Go chooses by the key's size. */
function signature(data: Buffer, key: KeyObject): { algorithm: Buffer; value: Buffer } {
  if (key.asymmetricKeyType === "ed25519") {
    return { algorithm: sequence(oid("1.3.101.112")), value: sign(null, data, key) };
  }
  if (key.asymmetricKeyType === "rsa") {
    const algorithm = sequence(oid("1.2.840.113549.1.1.11"), der(TAG.nothing));
    return { algorithm, value: sign("sha256", data, key) };
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const [hash, last] = curve === "secp384r1" ? ["sha384", 3] : curve === "secp521r1" ? ["sha512", 4] : ["sha256", 2];
  return { algorithm: sequence(oid(`1.2.840.10045.4.3.${last}`)), value: sign(hash as string, data, key) };
}

/** The algorithm is inside what is signed, so it has to be known first. */
function signed(content: (algorithm: Buffer) => Buffer, key: KeyObject): Buffer {
  const { algorithm } = signature(Buffer.alloc(0), key);
  const data = content(algorithm);
  return sequence(data, algorithm, bitString(signature(data, key).value));
}

function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

/** The key identifier that the real provider computes; for Ed25519 it hashes the key as an octet string. */
function keyId(spki: Buffer): Buffer {
  const bits = at(read(spki)[0], 1).content.subarray(1);
  const ed25519 = at(read(spki)[0], 0, 0).raw.equals(oid("1.3.101.112"));
  return createHash("sha1")
    .update(ed25519 ? der(TAG.octetString, bits) : bits)
    .digest();
}

interface Template {
  readonly subject: Buffer;
  readonly names: Names;
  readonly spki: Buffer;
  /** Of the issuer, when it is another one. */
  readonly issuer?: { readonly subject: Buffer; readonly keyId: Buffer | undefined };
  readonly inputs: Values;
  readonly now: Date;
}

const EMPTY_NAME = sequence();

function certificate(template: Template, key: KeyObject): { id: string; outputs: Values } {
  const { inputs, subject, issuer, now } = template;
  const ca = inputs.isCaCertificate === true;
  if (ca && subject.equals(EMPTY_NAME)) {
    throw new Error(
      "Invalid Certificate Subject: Must contain at least one Distinguished Name when creating Certificate Authority (CA)",
    );
  }
  const subjectKeyId = ca || inputs.setSubjectKeyId === true ? keyId(template.spki) : undefined;
  if (inputs.setAuthorityKeyId === true && subjectKeyId === undefined) {
    throw new Error("Invalid Certificate Authority: Could not determine Authority Key Identifier");
  }
  // Go takes over the issuer's key identifier unless the certificate is signed by itself.
  const authority = issuer?.keyId ?? (inputs.setAuthorityKeyId === true ? subjectKeyId : undefined);
  // As in Go, a path length of 0 is none: the real provider cannot express it.
  const pathLength =
    ca && Number(inputs.maxPathLength ?? -1) > 0 ? [integer(Buffer.of(Number(inputs.maxPathLength)))] : [];
  const extensions = [
    ...usages((inputs.allowedUses as string[] | undefined) ?? []),
    extension("2.5.29.19", sequence(...(ca ? [der(TAG.boolean, Buffer.of(0xff)), ...pathLength] : [])), true),
    ...(subjectKeyId !== undefined ? [extension("2.5.29.14", der(TAG.octetString, subjectKeyId))] : []),
    ...(authority !== undefined ? [extension("2.5.29.35", sequence(context(0, false, authority)))] : []),
    ...altNamesExtension(template.names, subject.equals(EMPTY_NAME)),
  ];
  const serial = randomBytes(16);
  const end = new Date(now.getTime() + Number(inputs.validityPeriodHours) * 3_600_000);
  const body = signed(
    (algorithm) =>
      sequence(
        context(0, true, integer(Buffer.of(2))),
        integer(serial),
        algorithm,
        issuer?.subject ?? subject,
        sequence(time(now), time(end)),
        subject,
        template.spki,
        context(3, true, sequence(...extensions)),
      ),
    key,
  );
  const outputs = {
    certPem: pem("CERTIFICATE", body),
    validityStartTime: now.toISOString(),
    validityEndTime: end.toISOString(),
  };
  return { id: BigInt(`0x${serial.toString("hex")}`).toString(10), outputs };
}

export function selfSigned(inputs: Values, key: KeyObject, now: Date) {
  const subject = name((inputs.subject as Values | undefined) ?? {});
  return certificate({ subject, names: altNames(inputs), spki: spkiOf(key), inputs, now }, key);
}

export function certificateRequest(inputs: Values, key: KeyObject): { id: string; pem: string } {
  const subject = name((inputs.subject as Values | undefined) ?? {});
  const extensions = altNamesExtension(altNames(inputs), subject.equals(EMPTY_NAME));
  const attributes =
    extensions.length === 0 ? [] : [sequence(oid("1.2.840.113549.1.9.14"), der(TAG.set, sequence(...extensions)))]; // The extension request.
  const content = sequence(integer(Buffer.of(0)), subject, spkiOf(key), context(0, true, ...attributes));
  const body = signed(() => content, key);
  return { id: createHash("sha1").update(body).digest("hex"), pem: pem("CERTIFICATE REQUEST", body) };
}

/** Signs a request with an authority's key. Subject and alternative names are those of the request, as it has them. */
export function locallySigned(inputs: Values, caKey: KeyObject, now: Date) {
  const request = at(read(decode(String(inputs.certRequestPem), "CERTIFICATE REQUEST", "certificate request"))[0], 0);
  const authority = new X509Certificate(
    pem("CERTIFICATE", decode(String(inputs.caCertPem), "CERTIFICATE", "CA certificate")),
  );
  const tbs = at(read(authority.raw)[0], 0);
  const caKeyId = extensionsOf(read(at(tbs, 7).content)[0]).get("2.5.29.14");
  const issuer = {
    subject: at(tbs, 5).raw,
    keyId: caKeyId === undefined ? undefined : read(caKeyId)[0]?.content,
  };
  const subject = at(request, 1).raw;
  const made = certificate(
    { subject, names: requestedNames(request), spki: at(request, 2).raw, issuer, inputs, now },
    caKey,
  );
  return { ...made, authorityIsCa: authority.ca };
}

function pem(type: string, body: Buffer): string {
  const lines = body.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${type}-----\n${lines.join("\n")}\n-----END ${type}-----\n`;
}

function decode(value: string, type: string, what: string): Buffer {
  const [, found, body] = /-----BEGIN ([A-Z ]+)-----([\s\S]+?)-----END \1-----/.exec(value) ?? [];
  if (body === undefined) throw new Error(`Failed to parse ${what} PEM: no PEM of type "${type}"`);
  if (found !== type)
    throw new Error(`Failed to parse ${what} PEM: invalid PEM type - expected "${type}", got "${found}"`);
  return Buffer.from(body, "base64");
}
