/** Checks what the signer has issued, before a host uses it. */
import { X509Certificate } from "node:crypto";
import { CertificationRequest } from "@peculiar/asn1-csr";
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
} from "@peculiar/asn1-x509";
import { UserError } from "../../config/errors";
import type { CertificatePlan } from "../plan/types";
import { alternativeNames, derOf, extension, fromPem, read, subjectOf, textOf } from "./identity";

const purposes = { server_auth: id_kp_serverAuth, client_auth: id_kp_clientAuth } as const;

/**
 * @param requestPem what was signed
 * @param authorityPem who is to have signed it
 * @returns the certificate itself when it says what is planned, for the key that asked, and nothing else
 */
export function verifiedCertificate(
  host: string,
  planned: CertificatePlan,
  requestPem: string,
  certPem: string,
  authorityPem: string,
): string {
  const problem = problemOf(planned, requestPem, certPem, authorityPem);
  if (problem === undefined) return certPem;
  throw new UserError(
    `the certificate "${planned.name}" that was issued for ${host} ${problem}; it was not put on the host. Look at what signs on this machine (the tls provider) before you go on.`,
  );
}

function problemOf(
  planned: CertificatePlan,
  requestPem: string,
  certPem: string,
  authorityPem: string,
): string | undefined {
  const der = fromPem("CERTIFICATE", certPem);
  const issued = der && read(der, Certificate)?.tbsCertificate;
  const request = read(fromPem("CERTIFICATE REQUEST", requestPem) ?? Buffer.alloc(0), CertificationRequest);
  if (!issued || !request) return "cannot be read";
  const [certificate, authority] = [new X509Certificate(der), new X509Certificate(authorityPem)];
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey))
    return `is not signed by the authority "${planned.authority}"`;
  const [got, want] = [textOf(issued.subject), textOf(subjectOf(planned))];
  if (got !== want) return `is for ${got}, planned is ${want}`;
  if (!derOf(issued.subjectPublicKeyInfo).equals(derOf(request.certificationRequestInfo.subjectPKInfo)))
    return "is for another key than the host's";
  if (listed(issued.extensions ?? []) !== listed(extensionsOf(planned)))
    return "has other names, uses or extensions than planned";
  return undefined;
}

/** All that a certificate has, apart from a hint at who signed it. */
function extensionsOf(planned: CertificatePlan): Extension[] {
  const usage = new KeyUsage();
  usage.fromNumber(KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment);
  const names = alternativeNames(planned);
  return [
    extension(id_ce_keyUsage, usage, true),
    extension(id_ce_extKeyUsage, new ExtendedKeyUsage(planned.uses.map((use) => purposes[use]))),
    extension(id_ce_basicConstraints, new BasicConstraints(), true),
    ...(names ? [names] : []),
  ];
}

function listed(extensions: readonly Extension[]): string {
  const told = extensions.filter(({ extnID }) => extnID !== id_ce_authorityKeyIdentifier);
  return told
    .map((one) => derOf(one).toString("hex"))
    .sort()
    .join();
}
