/**
 * Certificates and certificate requests, as terraform-provider-tls makes them with Go's crypto/x509 (common_cert.go,
 * resource_locally_signed_cert.go): the same extensions in the same order, the same encodings of names.
 */
import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import type { Values } from "../../values/value";
import { at, bitString, context, der, integer, oid, read, sequence, TAG, time } from "./der";
import { extension, extensionsOf, name, requestedNames, usages } from "./extensions";

/** ecdsa-with-SHA256, which Go chooses for keys on P-256. */
const ALGORITHM = sequence(oid("1.2.840.10045.4.3.2"));

function signed(content: Buffer, key: KeyObject): Buffer {
  return sequence(content, ALGORITHM, bitString(sign("sha256", content, key)));
}

function spkiOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

/** The key identifier that the real provider computes. */
function keyId(spki: Buffer): Buffer {
  return createHash("sha1")
    .update(at(read(spki)[0], 1).content.subarray(1))
    .digest();
}

interface Template {
  readonly subject: Buffer;
  /** Encoded, as in the request. */
  readonly names?: Buffer | undefined;
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
  const extensions = [
    ...usages((inputs.allowedUses as string[] | undefined) ?? []),
    extension("2.5.29.19", sequence(...(ca ? [der(TAG.boolean, Buffer.of(0xff))] : [])), true),
    ...(subjectKeyId !== undefined ? [extension("2.5.29.14", der(TAG.octetString, subjectKeyId))] : []),
    // Go takes over the issuer's key identifier unless the certificate is signed by itself.
    ...(issuer?.keyId !== undefined ? [extension("2.5.29.35", sequence(context(0, false, issuer.keyId)))] : []),
    ...(template.names !== undefined ? [extension("2.5.29.17", template.names, subject.equals(EMPTY_NAME))] : []),
  ];
  const serial = randomBytes(16);
  const end = new Date(now.getTime() + Number(inputs.validityPeriodHours) * 3_600_000);
  const content = sequence(
    context(0, true, integer(Buffer.of(2))),
    integer(serial),
    ALGORITHM,
    issuer?.subject ?? subject,
    sequence(time(now), time(end)),
    subject,
    template.spki,
    context(3, true, sequence(...extensions)),
  );
  const body = signed(content, key);
  const outputs = {
    certPem: pem("CERTIFICATE", body),
    validityStartTime: now.toISOString(),
    validityEndTime: end.toISOString(),
  };
  return { id: BigInt(`0x${serial.toString("hex")}`).toString(10), outputs };
}

export function selfSigned(inputs: Values, key: KeyObject, now: Date) {
  return certificate({ subject: name(inputs.subject), spki: spkiOf(key), inputs, now }, key);
}

export function certificateRequest(inputs: Values, key: KeyObject): { id: string; pem: string } {
  const content = sequence(integer(Buffer.of(0)), name(inputs.subject), spkiOf(key), context(0, true));
  const body = signed(content, key);
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
