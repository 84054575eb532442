/**
 * The authorities and the few keys that hosts share. The state holds these keys, encrypted; every other private key is made
 * on its host and stays there.
 */
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { stringify } from "yaml";
import type { ClusterSpec } from "../../config/cluster";
import { type Authority, authorities, type CertificatePlan } from "../plan/types";
import { resourceNames } from "../resources";

/** P-256: a handshake costs a fraction of RSA's, which matters with thousands of clients. */
const elliptic = { algorithm: "ECDSA", ecdsaCurve: "P256" } as const;
const hoursPerDay = 24;

export type PkiArgs = Pick<ClusterSpec, "stack" | "certificates" | "ephemeral">;

interface AuthorityKeys {
  readonly keyPem: pulumi.Output<string>;
  readonly certPem: pulumi.Output<string>;
}

export class Pki extends pulumi.ComponentResource {
  readonly serviceAccountKeyPem: pulumi.Output<string>;
  readonly serviceAccountPublicPem: pulumi.Output<string>;
  /** EncryptionConfiguration for Secrets at rest. */
  readonly encryptionConfig: pulumi.Output<string>;
  private readonly keys: Record<Authority, AuthorityKeys>;
  /** Of what data that is kept cannot do without: also when all else is destroyed. */
  private readonly kept: pulumi.CustomResourceOptions;
  private readonly validity: { validityPeriodHours: number; earlyRenewalHours: number };

  constructor(
    name: string,
    private readonly args: PkiArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("kilonode:index:Pki", name, {}, options);
    this.kept = { parent: this, protect: !args.ephemeral };
    const { days, renewBeforeDays } = args.certificates;
    this.validity = { validityPeriodHours: days * hoursPerDay, earlyRenewalHours: renewBeforeDays * hoursPerDay };
    this.keys = Object.fromEntries(authorities.map((authority) => [authority, this.authority(authority)])) as Record<
      Authority,
      AuthorityKeys
    >;
    const serviceAccount = new tls.PrivateKey("service-account", elliptic, this.kept);
    this.serviceAccountKeyPem = serviceAccount.privateKeyPem;
    this.serviceAccountPublicPem = serviceAccount.publicKeyPem;
    const encryptionKey = new random.RandomBytes("encryption-at-rest", { length: 32 }, this.kept);
    this.encryptionConfig = pulumi.secret(encryptionKey.base64.apply(encryptionConfiguration));
    this.registerOutputs({});
  }

  authorityPem(authority: Authority): pulumi.Output<string> {
    return this.keys[authority].certPem;
  }

  /** Signs a host's request; the caller has checked that it is the planned one. */
  sign(
    host: string,
    plan: CertificatePlan,
    requestPem: pulumi.Input<string>,
    parent: pulumi.Resource,
  ): tls.LocallySignedCert {
    return this.signed(`${host}-${plan.name}`, plan.authority, plan.uses, requestPem, parent);
  }

  /**
   * This program as a client of the Kubernetes API. Its key is in the state, where the authority's is, too: it is no more than who opens
   * the state can have anyway.
   */
  program(commonName: string, organization: string): { keyPem: pulumi.Output<string>; certPem: pulumi.Output<string> } {
    const name = resourceNames.program;
    const key = new tls.PrivateKey(name, elliptic, { parent: this });
    const request = new tls.CertRequest(
      name,
      { privateKeyPem: key.privateKeyPem, subject: { commonName, organization } },
      { parent: this },
    );
    const cert = this.signed(name, "kubernetes", ["client_auth"], request.certRequestPem, this);
    return { keyPem: key.privateKeyPem, certPem: cert.certPem };
  }

  private signed(
    name: string,
    authority: Authority,
    uses: CertificatePlan["uses"],
    requestPem: pulumi.Input<string>,
    parent: pulumi.Resource,
  ): tls.LocallySignedCert {
    return new tls.LocallySignedCert(
      name,
      {
        certRequestPem: requestPem,
        caPrivateKeyPem: this.keys[authority].keyPem,
        caCertPem: this.keys[authority].certPem,
        allowedUses: ["digital_signature", "key_encipherment", ...uses],
        ...this.validity,
      },
      { parent },
    );
  }

  private authority(authority: Authority): AuthorityKeys {
    const { authorityDays, days } = this.args.certificates;
    const key = new tls.PrivateKey(`${authority}-ca`, elliptic, this.kept);
    const cert = new tls.SelfSignedCert(
      `${authority}-ca`,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: `${this.args.stack} ${authority} CA` },
        isCaCertificate: true,
        allowedUses: ["cert_signing", "crl_signing", "digital_signature"],
        validityPeriodHours: authorityDays * hoursPerDay,
        // With the same key and subject, so what the old one has signed stays valid. So early that no certificate outlives its
        // authority: whatever is signed now ends before the next renewal is due. A day more, since signing comes after looking.
        earlyRenewalHours: (days + 1) * hoursPerDay,
        setSubjectKeyId: true,
      },
      { parent: this },
    );
    return { keyPem: key.privateKeyPem, certPem: cert.certPem };
  }
}

/** https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/ ; identity last, to read what was written before. */
function encryptionConfiguration(keyBase64: string): string {
  return stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [
      {
        resources: ["secrets"],
        providers: [{ secretbox: { keys: [{ name: "key1", secret: keyBase64 }] } }, { identity: {} }],
      },
    ],
  });
}
