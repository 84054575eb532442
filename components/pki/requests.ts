/**
 * Checks what a host asks to be signed. A host is not trusted, and programs differ in how they read a request that is not quite in
 * order. So what is signed is written here: the plan's identity, with the one thing that only the host knows, its public key.
 */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { Attributes, CertificationRequest, CertificationRequestInfo } from "@peculiar/asn1-csr";
import { AsnConvert } from "@peculiar/asn1-schema";
import { AlgorithmIdentifier, Attribute, Extensions, SubjectPublicKeyInfo } from "@peculiar/asn1-x509";
import { UserError } from "../../config/errors";
import type { KeyRequest } from "../machine/machine";
import { alternativeNames, derOf, fromPem, type Identity, read, subjectOf, textOf, toPem } from "./identity";

const label = "CERTIFICATE REQUEST";
const extensionRequest = "1.2.840.113549.1.9.14";
const ecdsaWithSha256 = new AlgorithmIdentifier({ algorithm: "1.2.840.10045.4.3.2" });

/**
 * @param printed what the host gave, which `make-keys` has made there
 * @returns the planned request for the host's key, in an encoding of our own
 * @throws UserError when the host's is not that, byte for byte, or is not signed with its key
 */
export function verifiedRequest(host: string, planned: KeyRequest, printed: string): string {
  const refusal = (problem: string) =>
    new UserError(
      `${host} asks for a certificate "${planned.name}" ${problem}; nothing was signed. Look at the host before you go on.`,
    );
  const der = fromPem(label, printed);
  if (!der) throw refusal(`with a text that is not one PEM block "${label}" alone, as \`openssl req\` writes it`);
  const request = read(der, CertificationRequest);
  const key = request && publicKey(derOf(request.certificationRequestInfo.subjectPKInfo));
  if (!request || !key) throw refusal("with a request that has no ECDSA key on the curve P-256");
  const [got, want] = [textOf(request.certificationRequestInfo.subject).slice(0, 500), textOf(subjectOf(planned))];
  if (got !== want) throw refusal(`for ${got}, planned is ${want}`);
  const certificationRequestInfo = requestInfo(planned, key);
  const { signature } = request;
  const own = derOf(
    new CertificationRequest({ certificationRequestInfo, signatureAlgorithm: ecdsaWithSha256, signature }),
  );
  if (!own.equals(der)) {
    const names = [...planned.dnsNames, ...planned.ipAddresses].join(", ") || "none";
    throw refusal(
      `with other names, attributes or another encoding than the planned request's, whose names are: ${names}`,
    );
  }
  if (!verify("sha256", derOf(certificationRequestInfo), key, Buffer.from(signature)))
    throw refusal("with a request that is not signed with its own key");
  return toPem(label, own);
}

/** Undefined for any other key. Made from the coordinates of its point, so that its encoding is ours. */
function publicKey(spki: Buffer): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: spki, format: "der", type: "spki" }).export({ format: "jwk" });
    return key.crv === "P-256" ? createPublicKey({ key, format: "jwk" }) : undefined;
  } catch {
    return undefined;
  }
}

function requestInfo(identity: Identity, key: KeyObject): CertificationRequestInfo {
  const names = alternativeNames(identity);
  return new CertificationRequestInfo({
    subject: subjectOf(identity),
    subjectPKInfo: AsnConvert.parse(key.export({ format: "der", type: "spki" }), SubjectPublicKeyInfo),
    attributes: new Attributes(
      names ? [new Attribute({ type: extensionRequest, values: [AsnConvert.serialize(new Extensions([names]))] })] : [],
    ),
  });
}
