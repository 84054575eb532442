/** Certificates as the plan wants them: names, addresses, uses and authorities of a production cluster, with keys of a test. */
import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { ApiAccess } from "../../../components/pki/operator-access";
import type { Authority } from "../../../components/plan/authorities";
import type { CertificatePlan, PublicPem } from "../../../components/plan/types";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const { crypto } = globalThis;
const day = 24 * 3600 * 1000;
const validity = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + day) };

interface Signer {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: x509.X509Certificate;
}

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
}

async function newSigner(name: string): Promise<Signer> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: "01",
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, crypto),
      ],
      ...validity,
    },
    crypto,
  );
  return { keys, certificate };
}

export class Credentials {
  private serial = 1;
  private readonly signers = new Map<Authority, Promise<Signer>>();

  private constructor(private readonly serviceAccount: webcrypto.CryptoKeyPair) {}

  static async make(): Promise<Credentials> {
    return new Credentials(await newKeys());
  }

  private signing(authority: Authority): Promise<Signer> {
    const signer = this.signers.get(authority) ?? newSigner(authority);
    this.signers.set(authority, signer);
    return signer;
  }

  async issue(
    of: Pick<CertificatePlan, "authority" | "commonName" | "dnsNames" | "ipAddresses" | "uses"> & {
      readonly organization?: string;
    },
  ): Promise<Pair> {
    const signer = await this.signing(of.authority);
    const keys = await newKeys();
    const names = [
      ...of.dnsNames.map((value) => ({ type: "dns" as const, value })),
      ...of.ipAddresses.map((value) => ({ type: "ip" as const, value })),
    ];
    const usage = { server_auth: x509.ExtendedKeyUsage.serverAuth, client_auth: x509.ExtendedKeyUsage.clientAuth };
    this.serial += 1;
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: this.serial.toString(16).padStart(4, "0"),
        issuer: signer.certificate.subject,
        subject: of.organization ? `O=${of.organization},CN=${of.commonName}` : `CN=${of.commonName}`,
        publicKey: keys.publicKey,
        signingKey: signer.keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.ExtendedKeyUsageExtension(of.uses.map((use) => usage[use])),
          ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
        ],
        ...validity,
      },
      crypto,
    );
    return { cert: certificate.toString("pem"), key: await privatePem(keys.privateKey) };
  }

  /** What an authority signs with. */
  async signer(name: Authority): Promise<ApiAccess["signer"]> {
    const { certificate, keys } = await this.signing(name);
    return { certPem: certificate.toString("pem"), keyPem: await privatePem(keys.privateKey) };
  }

  /** The public text that the plan puts at a path. */
  async publicPem(of: PublicPem): Promise<string> {
    if (of.kind === "authorities") {
      const signers = await Promise.all(of.authorities.map((authority) => this.signing(authority)));
      return signers.map(({ certificate }) => `${certificate.toString("pem")}\n`).join("");
    }
    return x509.PemConverter.encode(await crypto.subtle.exportKey("spki", this.serviceAccount.publicKey), "PUBLIC KEY");
  }

  serviceAccountKey(): Promise<string> {
    return privatePem(this.serviceAccount.privateKey);
  }
}
