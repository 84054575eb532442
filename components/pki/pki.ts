/**
 * The authorities and the few keys that hosts share. The state holds these keys, encrypted; every other private key is made
 * on its host and stays there.
 */
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import * as tls from "@pulumi/tls";
import { stringify } from "yaml";
import type { ClusterSpec } from "../../config/cluster";
import { type Authority, clientAuthority, keysOf, peerAuthority, subjectOf } from "../plan/authorities";
import type { CertificatePlan, ClusterPlan, SecretName } from "../plan/types";
import { numbered, resourceNames } from "../resources";
import { BackupSecrets } from "./backup-secrets";

/** P-256: a handshake costs a fraction of RSA's, which matters with thousands of clients. */
const elliptic = { algorithm: "ECDSA", ecdsaCurve: "P256" } as const;
const hoursPerDay = 24;

export type PkiArgs = Pick<ClusterSpec, "certificates"> &
  Pick<ClusterPlan, "stack" | "ephemeral" | "authorities" | "keys" | "backup" | "shards">;

interface Numbered {
  readonly number: number;
}

interface AuthorityKeys extends Numbered {
  readonly keyPem: pulumi.Output<string>;
  readonly certPem: pulumi.Output<string>;
}

/** In front of each Secret that is stored with it. */
export const encryptionKeyName = (number: number): string => `key${number}`;

const ofGuests = ({ shards }: Pick<ClusterPlan, "shards">): readonly Authority[] =>
  shards.flatMap(({ guests }) => (guests ? [clientAuthority(guests.name), peerAuthority(guests.name)] : []));

/** By the order of the configuration: the first one is used, all are trusted. */
type Ordered<T> = readonly [T, ...T[]];

export class Pki extends pulumi.ComponentResource {
  /** Of all whose tokens are accepted. */
  readonly serviceAccountPublicPem: pulumi.Output<string>;
  private readonly serviceAccountKeyPem: pulumi.Output<string>;
  /** EncryptionConfiguration for Secrets at rest. */
  private readonly encryptionConfig: pulumi.Output<string>;
  private readonly backups: BackupSecrets;
  private readonly authorities: ReadonlyMap<Authority, Ordered<AuthorityKeys>>;
  private readonly validity: { validityPeriodHours: number; earlyRenewalHours: number };

  constructor(
    name: string,
    private readonly args: PkiArgs,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("kilonode:index:Pki", name, {}, options);
    const { days, renewBeforeDays } = args.certificates;
    this.validity = { validityPeriodHours: days * hoursPerDay, earlyRenewalHours: renewBeforeDays * hoursPerDay };
    this.authorities = new Map(
      args.authorities.map((authority) => [
        authority,
        this.ordered(
          keysOf(args, authority),
          (number, options) => this.authority(authority, number, options),
          // Nothing is signed by it yet, and a move that is taken back takes it along.
          !ofGuests(args).includes(authority),
        ),
      ]),
    );
    this.retired();
    const serviceAccounts = this.ordered(args.keys.serviceAccount, (number, options) => ({
      number,
      key: new tls.PrivateKey(numbered("service-account", number), elliptic, options),
    }));
    this.serviceAccountKeyPem = serviceAccounts[0].key.privateKeyPem;
    this.serviceAccountPublicPem = joined(byNumber(serviceAccounts).map(({ key }) => key.publicKeyPem));
    this.encryptionConfig = this.encryption();
    this.backups = new BackupSecrets(args, this);
    this.registerOutputs({});
  }

  /** The certificates of all keys of these authorities. */
  trusted(authorities: readonly Authority[]): pulumi.Output<string> {
    return joined(authorities.flatMap((authority) => byNumber(this.keys(authority)).map(({ certPem }) => certPem)));
  }

  /** The text of a secret that hosts are given. */
  secret(name: SecretName): pulumi.Output<string> {
    if (name === "service-account-key") return this.serviceAccountKeyPem;
    return name === "encryption-config" ? this.encryptionConfig : this.backups.secret(name);
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
    const [signer] = this.keys(authority);
    return new tls.LocallySignedCert(
      name,
      {
        certRequestPem: requestPem,
        caPrivateKeyPem: signer.keyPem,
        caCertPem: signer.certPem,
        allowedUses: ["digital_signature", "key_encipherment", ...uses],
        ...this.validity,
      },
      { parent },
    );
  }

  private keys(authority: Authority): Ordered<AuthorityKeys> {
    const keys = this.authorities.get(authority);
    if (!keys) throw new Error(`the cluster has no authority ${authority}`);
    return keys;
  }

  /**
   * What data that is kept cannot do without stays also when all else is destroyed. That is the key that is used; a protected one could not
   * be dropped when another has taken its place.
   */
  private ordered<T>(
    numbers: readonly number[],
    make: (number: number, options: pulumi.CustomResourceOptions) => T,
    kept = true,
  ) {
    const protect = kept && !this.args.ephemeral;
    return numbers.map((number, index) =>
      make(number, { parent: this, protect: protect && index === 0 }),
    ) as readonly T[] as Ordered<T>;
  }

  /** Every key that ever was: a snapshot of etcd can only be read with the key of its time. */
  private encryption(): pulumi.Output<string> {
    const numbers = this.args.keys.encryption;
    const ever = Array.from({ length: Math.max(...numbers) }, (_, index) => index + 1);
    const options = { parent: this, protect: !this.args.ephemeral };
    const keys = ever.map((number) => {
      const name = numbered("encryption-at-rest", number);
      return { number, key: new random.RandomBytes(name, { length: 32 }, options) };
    });
    const listed = numbers.flatMap((number) => keys.filter((one) => one.number === number));
    const named = listed.map(({ number, key }) =>
      key.base64.apply((secret) => ({ name: encryptionKeyName(number), secret })),
    );
    return pulumi.secret(pulumi.all(named).apply(encryptionConfiguration));
  }

  /** Keys of authorities that a cluster of version 0.1 had, and that its state protects: without that they can go with the next version. */
  private retired(): void {
    if (this.args.ephemeral) return;
    for (const authority of ["etcd-peer", "etcd-client"])
      new tls.PrivateKey(resourceNames.authority(authority), elliptic, { parent: this, protect: false });
  }

  private authority(authority: Authority, number: number, options: pulumi.CustomResourceOptions): AuthorityKeys {
    const { stack } = this.args;
    const { authorityDays, days } = this.args.certificates;
    const name = numbered(resourceNames.authority(authority), number);
    const key = new tls.PrivateKey(name, elliptic, options);
    const cert = new tls.SelfSignedCert(
      name,
      {
        privateKeyPem: key.privateKeyPem,
        subject: { commonName: subjectOf(stack, authority, number) },
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
    return { number, keyPem: key.privateKeyPem, certPem: cert.certPem };
  }
}

const joined = (texts: pulumi.Output<string>[]) => pulumi.all(texts).apply((all) => all.join(""));

/** What is trusted has no order: another one would be a change that restarts who reads it. */
const byNumber = <T extends Numbered>(keys: readonly T[]): T[] => [...keys].sort((a, b) => a.number - b.number);

/** https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/ ; identity last, to read what was written before. */
function encryptionConfiguration(keys: readonly { readonly name: string; readonly secret: string }[]): string {
  return stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [
      {
        resources: ["secrets"],
        providers: [{ secretbox: { keys } }, { identity: {} }],
      },
    ],
  });
}
