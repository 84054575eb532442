/**
 * How an item of a flag is written, and which ones nobody may give. One spelling of several is taken (the components read blanks,
 * quotes, `kube:Name=F` as well), so that each item is known by its text.
 */
import { lookup } from "../lookup";

interface Items {
  readonly form: RegExp;
  readonly wants: string;
  /** Item to reason. */
  readonly refused?: Readonly<Record<string, string>>;
}

const refusedGates = {
  "large clusters live by it, and upstream has it on": [
    "WatchList=false",
    "ListFromCacheSnapshot=false",
    "SizeBasedListCostEstimate=false",
    "WatchBookmark=false",
  ],
  "it switches features that nobody has named": ["AllAlpha=true", "AllBeta=true", "AllBeta=false"],
  "without it one client's HTTP/2 streams stop a server before it has said who it is": [
    "UnauthenticatedHTTP2DOSMitigation=false",
  ],
  "a node would read objects that are none of its own": ["AuthorizeNodeWithSelectors=false"],
  "a node would get tokens of its pods for whatever audience it names": ["ServiceAccountNodeAudienceRestriction=false"],
  "a node would get a certificate that does not name it as a node": [
    "AllowDNSOnlyNodeCSR=true",
    "AllowInsecureKubeletCertificateSigningRequests=true",
  ],
  "a kubelet's certificate would end and not be renewed": ["RotateKubeletServerCertificate=false"],
};

const refusedPlugins = {
  NamespaceLifecycle: "objects would be made in namespaces that are being deleted",
  ServiceAccount: "pods would run without an account, or with one that is not there",
  NodeRestriction: "a node would change other nodes and their pods",
  PodSecurity: "any pod would run as root of its node",
  LimitRanger: "a namespace's limits would be passed over in silence",
  ResourceQuota: "one namespace would take the whole cluster",
  Priority: "any pod would push those of the system from their nodes",
  CertificateApproval: "whoever may update a certificate request would approve it",
  CertificateSigning: "whoever may update a certificate request would sign it",
  CertificateSubjectRestriction: "a certificate of system:masters could be asked for",
  ClusterTrustBundleAttest: "anybody who may write trust bundles would speak for any signer",
  MutatingAdmissionPolicy: "the cluster's own policies would be passed over in silence",
  MutatingAdmissionWebhook: "the cluster's own policies would be passed over in silence",
  ValidatingAdmissionPolicy: "the cluster's own policies would be passed over in silence",
  ValidatingAdmissionWebhook: "the cluster's own policies would be passed over in silence",
  StorageObjectInUseProtection: "a volume that is in use could be deleted with its data",
};

const plugin = { form: /^[A-Z][A-Za-z]*$/, wants: "names of admission plugins, without blanks and quotes" };
const bodies = "from 8 on requests are logged with their bodies, Secrets among them";

const itemsOf: Readonly<Record<string, Items>> = {
  "feature-gates": {
    form: /^[A-Z][A-Za-z0-9]*=(true|false)$/,
    wants: "Name=true or Name=false, without blanks and quotes",
    refused: Object.fromEntries(
      Object.entries(refusedGates).flatMap(([reason, gates]) => gates.map((gate) => [gate, reason])),
    ),
  },
  "enable-admission-plugins": {
    ...plugin,
    refused: {
      AlwaysAdmit: "it admits everything, and checks nothing",
      AlwaysDeny: "it denies every request",
    },
  },
  "disable-admission-plugins": { ...plugin, refused: refusedPlugins },
  "runtime-config": {
    form: /^[a-z0-9.]+\/[a-z0-9]+(\/[a-z]+)?=(true|false)$/,
    wants: "group/version=true or =false, without blanks and quotes",
  },
  controllers: {
    form: /^(\*|-?[a-z][a-z-]*)$/,
    wants: '"*", the name of a controller, or one with a dash in front, without blanks and quotes',
  },
  v: { form: /^[0-7]$/, wants: `0 to 7: ${bodies}` },
  vmodule: { form: /^[a-z0-9_*?/-]+=[0-7]$/, wants: `file=0 to file=7: ${bodies}` },
};

/** Why an item may not be given; undefined when it may. */
export function itemRefusal(flag: string, item: string): string | undefined {
  const items = lookup(itemsOf, flag);
  if (!items) return undefined;
  if (!items.form.test(item)) return `${JSON.stringify(item)} is no item of this list: wants ${items.wants}`;
  const reason = lookup(items.refused ?? {}, item);
  return reason === undefined ? undefined : `${item} is refused: ${reason}; remove the item`;
}
