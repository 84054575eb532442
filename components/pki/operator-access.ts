/**
 * Access of people to the Kubernetes API: a certificate for hours, signed here with the authority's key, as often as somebody asks.
 * There is no other way to take one back before its end than to take the rights of its group, so what is for every day is bound by RBAC.
 */
import "reflect-metadata";
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { operatorsGroup } from "../objects/plan";
import { kubeconfigWithKey } from "./kubeconfig";

/** What a certificate makes of a person. */
const roles = {
  operator: { name: "kilonode:operator", groups: [operatorsGroup], hours: 8 },
  // Past RBAC, and past the queues of a server that is flooded. By the second group the audit policy finds all that is done with it.
  "break-glass": { name: "kilonode:break-glass", groups: ["system:masters", "kilonode:break-glass"], hours: 1 },
} as const;

export type Role = keyof typeof roles;

/** Where the API is, whom to trust there, and the authority that it trusts. */
export interface ApiAccess {
  readonly stack: string;
  readonly endpoint: string;
  /** One certificate or several. */
  readonly authorityPem: string;
  readonly signer: { readonly certPem: string; readonly keyPem: string };
}

export interface IssuedKubeconfig {
  readonly text: string;
  /** As audit logs name it. */
  readonly user: string;
  readonly ends: Date;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** Clocks differ; the cluster's own signer takes as much. */
const backdatedMs = 5 * 60_000;

/**
 * @param person told apart in audit logs; the rights are those of the role
 * @param now when its hours begin
 */
export async function issueKubeconfig(
  { stack, endpoint, authorityPem, signer }: ApiAccess,
  role: Role,
  person: string,
  now: Date,
): Promise<IssuedKubeconfig> {
  const { name, groups, hours } = roles[role];
  const user = `${name}:${person}`;
  const ends = new Date(now.getTime() + hours * 3_600_000);
  const authority = new x509.X509Certificate(signer.certPem);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    // Positive, as RFC 5280 wants it.
    serialNumber: `01${randomBytes(15).toString("hex")}`,
    issuer: authority.subjectName,
    subject: [{ CN: [user] }, ...groups.map((group) => ({ O: [group] }))],
    notBefore: new Date(now.getTime() - backdatedMs),
    notAfter: ends,
    publicKey: keys.publicKey,
    signingKey: await signingKey(signer.keyPem),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
      await x509.AuthorityKeyIdentifierExtension.create(authority),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  const keyPem = x509.PemConverter.encode(key, x509.PemConverter.PrivateKeyTag);
  const certPem = certificate.toString("pem");
  return { text: kubeconfigWithKey({ stack, endpoint, authorityPem, certPem, keyPem, user }), user, ends };
}

function signingKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, algorithm, false, ["sign"]);
}
