/** The benchmark's items, judged by hosts as they are planned, and by hosts that differ. */
import { describe, expect, test } from "vitest";
import { diagnose } from "../../cli/doctor";
import { cisItems } from "../../cli/doctor/cis";
import type { Binding, PodSample } from "../../cli/doctor/cis/ask";
import { levelOf, readAuditPolicy } from "../../cli/doctor/cis/audit-policy";
import { readEvidence } from "../../cli/doctor/evidence";
import type { Gathered } from "../../cli/doctor/gather";
import { cisText, doctorText } from "../../cli/doctor/show";
import type { CheckStatus, Verdict } from "../../cli/doctor/types";
import { verdictOf } from "../../cli/doctor/verdict";
import { plainStyle } from "../../cli/show/style";
import { plan as planOf } from "../../components/plan/plan";
import { clusterOf } from "../support/plans";
import { smallConfiguration, smallPlan } from "./cli-fixture";
import { asPlanned, authoritiesOf } from "./doctor-cis-evidence";
import { onApi, onHosts, recordedForCis } from "./doctor-recorded/fixture";

type Change = (gathered: Gathered) => Gathered;
const plan = smallPlan();
const authorities = await authoritiesOf(plan);
const asItIs = asPlanned(plan, authorities);
const same: Change = (gathered) => gathered;
const report = (change = same) => diagnose(plan, change(asItIs));

function item(id: string, change = same): Verdict {
  const found = cisItems.find((one) => one.id === id);
  if (!found) throw new Error(`no item ${id}`);
  return verdictOf(found.judge, readEvidence(plan, change(asItIs)));
}

test("the items are those of the benchmark: 131, each once, in its order", () => {
  const chapters: [string, number][] = [
    ["1.1", 21],
    ["1.2", 30],
    ["1.3", 7],
    ["1.4", 2],
    ["2", 7],
    ["3.1", 3],
    ["3.2", 2],
    ["4.1", 10],
    ["4.2", 14],
    ["4.3", 1],
    ["5.1", 13],
    ["5.2", 12],
    ["5.3", 2],
    ["5.4", 2],
    ["5.5", 1],
    ["5.6", 4],
  ];
  const all = chapters.flatMap(([prefix, count]) =>
    Array.from({ length: count }, (_, index) => `${prefix}.${index + 1}`),
  );
  expect(cisItems.map(({ id }) => id)).toEqual(all);
  expect(cisItems).toHaveLength(131);
});

test.each(["systemd", "static-pod"] as const)(
  "hosts as they are planned (%s): nothing fails, and every departure has a reason",
  async (runtime) => {
    const of = runtime === "systemd" ? plan : staticPods();
    const { items } = diagnose(of, asPlanned(of, authorities)).cis;
    const wrong = items.filter(({ status }) => !["ok", "explained", "skipped"].includes(status));
    expect(wrong.map(({ id, title, found }) => `${id} ${title}: ${found}`)).toEqual([]);
    for (const { id, because } of items.filter(({ status }) => status === "explained" || status === "skipped"))
      expect(because?.length, id).toBeGreaterThan(20);
  },
);

function staticPods() {
  const { spec, platform } = clusterOf("lab-small", smallConfiguration);
  return planOf(spec, { ...platform.facts(spec), runtimes: ["static-pod"] });
}

test("a recorded lab: what failed when it was recorded does, and nothing else", () => {
  const { counts, items } = diagnose(plan, recordedForCis()).cis;
  const of = (status: CheckStatus) => items.flatMap((one) => (one.status === status ? [one.id] : [])).join(" ");
  expect(counts).toEqual({ ok: 67, warning: 0, failed: 19, unknown: 0, explained: 11, skipped: 34 });
  expect(of("failed")).toBe(
    "1.2.3 1.2.9 1.2.15 1.2.30 1.3.2 1.4.1 3.1.1 5.1.7 5.2.2 5.2.3 5.2.4 5.2.5 5.2.6 5.2.7 5.2.8 5.2.9 5.2.10 5.2.11 5.2.12",
  );
  expect(of("explained")).toBe("1.1.1 1.1.3 1.1.5 1.1.7 1.1.15 1.1.17 1.1.19 1.2.11 1.3.4 5.4.2 5.5.1");
});

const rights =
  (...bindings: Partial<Binding>[]): Change =>
  (gathered) => {
    const { value } = gathered.api.rights;
    if (!value) throw new Error("no rights");
    const added = bindings.map(
      (one): Binding => ({
        name: "extra",
        builtIn: false,
        role: { kind: "ClusterRole", name: "cluster-admin" },
        subjects: ["User eve"],
        ...one,
      }),
    );
    const kept = value.bindings.filter(({ name }) => !bindings.some((one) => one.name === name));
    return onApi({ rights: { value: { ...value, bindings: [...kept, ...added] } } })(gathered);
  };

const pods = (traits: PodSample["traits"]) => onApi({ pods: { value: { seen: 9, complete: true, traits } } });
const three = { count: 3, examples: ["web/a"] };
const credential =
  (of: Partial<Gathered["credential"]>): Change =>
  (gathered) => ({
    ...gathered,
    credential: { ...gathered.credential, ...of },
  });
const namespaces = (...value: { name: string; enforce?: string; policed: boolean }[]) =>
  onApi({ namespaces: { value } });

/** A kubelet that is as it should be, with one setting changed. */
const kubelet = (change: Record<string, unknown>) =>
  onApi({
    realNodes: { value: ["n1"] },
    kubelets: {
      value: [
        {
          node: "n1",
          config: {
            authentication: { anonymous: { enabled: false }, x509: { clientCAFile: "/etc/kubernetes/pki/ca.crt" } },
            authorization: { mode: "Webhook" },
            streamingConnectionIdleTimeout: "4h0m0s",
            makeIPTablesUtilChains: true,
            eventRecordQPS: 50,
            serverTLSBootstrap: true,
            rotateCertificates: true,
            tlsMinVersion: "VersionTLS13",
            podPidsLimit: 4096,
            seccompDefault: true,
            ...change,
          },
        },
      ],
    },
  });

/** A host that runs a kubelet, with the line of one of its files. */
const kubeletHost = (file: string, flag = ""): Change =>
  onHosts(
    /master-1/,
    /(== processes 0\n)([\s\S]*?)(== files 0\n)/,
    `$1@ kubelet 7 9 none\n${flag}@ kube-proxy 8 9 none\na --metrics-bind-address=127.0.0.1:10249\n$2$3${file}\n`,
  );

const apiserver = (from: string | RegExp, to: string) => onHosts(/master-2/, from, to);
const members = (from: string | RegExp, to: string) => onHosts(/main-2/, from, to);

type Form = readonly [id: string, status: CheckStatus, change: Change, told: RegExp];

const wrong: readonly Form[] = [
  ["1.1.1", "failed", apiserver(/644 root:root f (.*kube-apiserver.flags)/, "666 root:root f $1"), /0666/],
  ["1.1.1", "failed", apiserver(/644 root:root f (.*kube-apiserver.flags)/, "777 root:root l $1"), /symbolic link/],
  [
    "1.1.2",
    "failed",
    apiserver(/644 root:root f (.*kube-apiserver.flags)/, "644 kube-apiserver:root f $1"),
    /kube-apiserver:root/,
  ],
  ["1.1.3", "failed", apiserver(/644 root:root f (.*kube-controller-manager.flags)/, "664 root:root f $1"), /0664/],
  ["1.1.4", "failed", apiserver(/root:root f (.*kube-controller-manager.service)/, "eve:root f $1"), /eve:root/],
  ["1.1.5", "failed", apiserver(/644 root:root f (.*kube-scheduler.flags)/, "664 root:root f $1"), /0664/],
  ["1.1.6", "failed", apiserver(/root:root f (.*kube-scheduler.flags)/, "eve:root f $1"), /eve:root/],
  ["1.1.7", "failed", members(/644 root:root f (.*etcd.env)/, "646 root:root f $1"), /0646/],
  ["1.1.8", "failed", members(/root:root f (.*etcd.env)/, "etcd:etcd f $1"), /etcd:etcd/],
  ["1.1.9", "failed", apiserver("== files 0\n", "== files 0\n644 root:root f /etc/cni/net.d/10-a.conflist\n"), /0644/],
  ["1.1.10", "failed", apiserver("== files 0\n", "== files 0\n600 eve:root f /etc/cni/net.d/10-a.conflist\n"), /eve/],
  ["1.1.11", "failed", members(/700 etcd:etcd d \/var\/lib\/etcd$/m, "755 etcd:etcd d /var/lib/etcd"), /0755/],
  ["1.1.12", "failed", members(/700 etcd:etcd d \/var\/lib\/etcd$/m, "700 root:root d /var/lib/etcd"), /root:root/],
  ["1.1.13", "failed", apiserver("== files 0\n", "== files 0\n644 root:root f /etc/kubernetes/admin.conf\n"), /0644/],
  ["1.1.14", "failed", apiserver("== files 0\n", "== files 0\n600 eve:root f /etc/kubernetes/admin.conf\n"), /eve/],
  ["1.1.15", "failed", apiserver(/644 root:root f (.*scheduler.kubeconfig)/, "666 root:root f $1"), /0666/],
  ["1.1.16", "failed", apiserver(/root:root f (.*scheduler.kubeconfig)/, "eve:root f $1"), /eve/],
  ["1.1.17", "failed", apiserver(/644 root:root f (.*controller-manager.kubeconfig)/, "666 root:root f $1"), /0666/],
  ["1.1.18", "failed", apiserver(/root:root f (.*controller-manager.kubeconfig)/, "eve:root f $1"), /eve/],
  ["1.1.19", "failed", members(/etcd:etcd f (.*peer.key)/, "eve:eve f $1"), /eve:eve/],
  ["1.1.20", "failed", members(/644 root:root f (.*peer.crt)/, "666 root:root f $1"), /0666/],
  ["1.1.21", "failed", members(/600 etcd:etcd f (.*peer.key)/, "640 etcd:etcd f $1"), /0640/],
  ["1.2.1", "failed", apiserver("a --anonymous-auth=false\n", ""), /anonymous-auth not set, which is true/],
  [
    "1.2.1",
    "failed",
    apiserver("a --anonymous-auth=false\n", "a --anonymous-auth=false\na --anonymous-auth\n"),
    /anonymous-auth=true/,
  ],
  ["1.2.2", "failed", apiserver("a --watch-cache", "a --token-auth-file=/x\na --watch-cache"), /token-auth-file/],
  ["1.2.3", "failed", apiserver(/enable-admission-plugins=.*/, "enable-admission-plugins=X"), /DenyService/],
  ["1.2.4", "failed", apiserver(/a --kubelet-client-key=.*\n/, ""), /kubelet-client-key not set/],
  ["1.2.5", "failed", apiserver(/a --kubelet-certificate-authority=.*\n/, ""), /not set/],
  ["1.2.6", "failed", apiserver("authorization-mode=Node,RBAC", "authorization-mode=RBAC,AlwaysAllow"), /AlwaysAllow/],
  ["1.2.6", "failed", apiserver("authorization-mode=Node,RBAC", "authorization-config=/x"), /may hold anything/],
  ["1.2.7", "failed", apiserver("authorization-mode=Node,RBAC", "authorization-mode=RBAC"), /mode=RBAC/],
  ["1.2.8", "failed", apiserver("authorization-mode=Node,RBAC", "authorization-mode=Node"), /mode=Node/],
  ["1.2.9", "failed", apiserver(/enable-admission-plugins=.*/, "enable-admission-plugins=X"), /EventRate/],
  ["1.2.10", "failed", apiserver("enable-admission-plugins=", "enable-admission-plugins=AlwaysAdmit,"), /is on/],
  ["1.2.11", "explained", same, /AlwaysPullImages is not on/],
  [
    "1.2.12",
    "failed",
    apiserver("a --watch-cache", "a --disable-admission-plugins=ServiceAccount\na --watch-cache"),
    /is off/,
  ],
  [
    "1.2.13",
    "failed",
    apiserver("a --watch-cache", "a --disable-admission-plugins=X,NamespaceLifecycle\na --watch-cache"),
    /is off/,
  ],
  ["1.2.14", "failed", apiserver("NodeRestriction", "X"), /is not on/],
  ["1.2.15", "failed", apiserver(/--profiling=\w+/, "--profiling=yes"), /yes/],
  ["1.2.16", "failed", apiserver(/a --audit-log-path=.*\n/, ""), /not set/],
  ["1.2.17", "failed", apiserver("audit-log-maxage=30", "audit-log-maxage=3"), /less than 30/],
  ["1.2.18", "failed", apiserver("audit-log-maxbackup=10", "audit-log-maxbackup=1"), /less than 10/],
  ["1.2.19", "failed", apiserver("audit-log-maxsize=100", "audit-log-maxsize=x"), /less than 100/],
  ["1.2.20", "failed", apiserver("a --watch-cache", "a --request-timeout=2h\na --watch-cache"), /2h/],
  ["1.2.20", "failed", apiserver("a --watch-cache", "a --request-timeout=0\na --watch-cache"), /=0/],
  ["1.2.21", "failed", apiserver("a --watch-cache", "a --service-account-lookup=false\na --watch-cache"), /false/],
  ["1.2.22", "failed", apiserver(/a --service-account-key-file=.*\n/, ""), /not set/],
  ["1.2.23", "failed", apiserver(/a --etcd-keyfile=.*\n/, ""), /not set/],
  ["1.2.24", "failed", apiserver(/a --tls-cert-file=.*\n/, ""), /not set/],
  ["1.2.25", "failed", apiserver(/a --client-ca-file=.*\n/, ""), /not set/],
  ["1.2.26", "failed", apiserver(/a --etcd-cafile=.*\n/, ""), /not set/],
  ["1.2.27", "failed", apiserver(/a --encryption-provider-config=.*\n/, ""), /not set/],
  ["1.2.28", "failed", apiserver("| - secretbox\n| - identity", "| - identity\n| - secretbox"), /writes with identity/],
  [
    "1.2.29",
    "failed",
    apiserver("tls-min-version=VersionTLS13", "tls-cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA"),
    /weak/,
  ],
  [
    "1.2.30",
    "failed",
    apiserver("a --watch-cache", "a --service-account-extend-token-expiration=true\na --watch-cache"),
    /true/,
  ],
  ["1.3.1", "failed", apiserver(/a --terminated-pod-gc-threshold=.*\n/, ""), /not set/],
  ["1.3.2", "failed", apiserver(/(@ kube-controller-manager[\s\S]*?--profiling=)\w+/, "$1yes"), /yes/],
  ["1.3.3", "failed", apiserver("a --use-service-account-credentials=true\n", ""), /not set/],
  ["1.3.4", "explained", same, /not set/],
  ["1.3.5", "failed", apiserver(/a --root-ca-file=.*\n/, ""), /not set/],
  [
    "1.3.6",
    "failed",
    apiserver("ControllerManagerReleaseLeaderElectionLockOnExit=true", "RotateKubeletServerCertificate=false"),
    /false/,
  ],
  ["1.3.7", "failed", apiserver(/(@ kube-controller-manager[\s\S]*?--bind-address=)\S+/, "$10.0.0.0"), /0\.0\.0\.0/],
  ["1.4.1", "failed", apiserver(/enableProfiling: \w+/, "enableProfiling: yes"), /yes/],
  ["1.4.2", "failed", apiserver(/(@ kube-scheduler[\s\S]*?--bind-address=)\S+/, "$10.0.0.0"), /0\.0\.0\.0/],
  ["2.1", "failed", members(/e ETCD_KEY_FILE=.*\n/, ""), /--key-file not set/],
  ["2.2", "failed", members("e ETCD_CLIENT_CERT_AUTH=true", "e ETCD_CLIENT_CERT_AUTH=false"), /false/],
  ["2.3", "failed", members("e ETCD_CLIENT_CERT_AUTH", "e ETCD_AUTO_TLS=true\ne ETCD_CLIENT_CERT_AUTH"), /true/],
  ["2.4", "failed", members(/e ETCD_PEER_CERT_FILE=.*\n/, ""), /not set/],
  ["2.5", "failed", members("e ETCD_PEER_CLIENT_CERT_AUTH=true\n", ""), /not set/],
  ["2.6", "failed", members("e ETCD_CLIENT_CERT_AUTH", "e ETCD_PEER_AUTO_TLS=true\ne ETCD_CLIENT_CERT_AUTH"), /true/],
  ["2.7", "failed", sharedAuthority, /trusts an authority of the API's clients/],
  ["3.1.1", "failed", credential({ hours: 8760 }), /8760 hours/],
  ["3.1.1", "ok", apiserver("a --watch-cache", "a --oidc-issuer-url=https://a\na --watch-cache"), /provider is set/],
  ["3.1.2", "warning", onApi({ tokenSecrets: { value: three } }), /3 tokens/],
  ["3.1.3", "failed", apiserver("a --watch-cache", "a --enable-bootstrap-token-auth=true\na --watch-cache"), /true/],
  ["3.2.1", "failed", apiserver(/a --audit-policy-file=.*\n/, ""), /not set/],
  ["3.2.2", "failed", apiserver(/\| rules:\n/, "| rules:\n|   - {level: None}\n"), /get secrets: None/],
  ["3.2.2", "failed", apiserver(/\| rules:\n/, "| rules:\n|   - {level: Request}\n"), /get secrets: Request/],
  ["3.2.2", "failed", apiserver(/\| rules:\n/, "| rules: [\n"), /cannot be read/],
  ["4.1.1", "failed", kubeletHost("666 root:root f /etc/systemd/system/kubelet.service"), /0666/],
  ["4.1.1", "explained", kubeletHost("644 root:root f /etc/systemd/system/kubelet.service"), /0644/],
  ["4.1.2", "failed", kubeletHost("600 eve:root f /etc/systemd/system/kubelet.service"), /eve/],
  ["4.1.3", "failed", kubeletHost("644 root:root f /var/lib/kube-proxy/kubeconfig"), /0644/],
  ["4.1.4", "failed", kubeletHost("600 eve:root f /var/lib/kube-proxy/kubeconfig"), /eve/],
  ["4.1.5", "failed", kubeletHost("644 root:root f /etc/kubernetes/kubelet.conf"), /0644/],
  ["4.1.6", "failed", kubeletHost("600 eve:root f /etc/kubernetes/kubelet.conf"), /eve/],
  ["4.1.7", "failed", withAuthority("666 root:root"), /0666/],
  ["4.1.8", "failed", withAuthority("644 eve:root"), /eve/],
  ["4.1.9", "failed", kubeletHost("644 root:root f /var/lib/kubelet/config.yaml"), /0644/],
  ["4.1.10", "failed", kubeletHost("600 eve:root f /var/lib/kubelet/config.yaml"), /eve/],
  ["4.2.1", "failed", kubelet({ authentication: { anonymous: { enabled: true } } }), /true/],
  ["4.2.2", "failed", kubelet({ authorization: { mode: "AlwaysAllow" } }), /AlwaysAllow/],
  ["4.2.3", "failed", kubelet({ authentication: { x509: {} } }), /not set/],
  ["4.2.4", "failed", kubelet({ readOnlyPort: 10255 }), /10255/],
  ["4.2.5", "failed", kubelet({ streamingConnectionIdleTimeout: "0s" }), /0s/],
  ["4.2.6", "failed", kubelet({ makeIPTablesUtilChains: false }), /false/],
  ["4.2.7", "failed", kubeletHost("", "a --hostname-override=x\n"), /hostname-override=x/],
  ["4.2.8", "failed", kubelet({ eventRecordQPS: -1 }), /-1/],
  ["4.2.9", "failed", kubelet({ serverTLSBootstrap: false }), /signs itself/],
  ["4.2.10", "failed", kubelet({ rotateCertificates: false }), /false/],
  ["4.2.11", "failed", kubelet({ featureGates: { RotateKubeletServerCertificate: false } }), /false/],
  ["4.2.12", "failed", kubelet({ tlsMinVersion: "VersionTLS12" }), /below 1.3/],
  ["4.2.13", "failed", kubelet({ podPidsLimit: -1 }), /-1/],
  ["4.2.14", "failed", kubelet({ seccompDefault: undefined }), /not set/],
  [
    "4.3.1",
    "failed",
    (gathered) => onHosts(/master-1/, "127.0.0.1:10249", "0.0.0.0:10249")(kubeletHost("")(gathered)),
    /0\.0\.0\.0/,
  ],
  ["5.1.1", "warning", rights({}), /extra to User eve/],
  ["5.1.2", "failed", rights({ subjects: ["Group system:authenticated"] }), /everybody/],
  [
    "5.1.2",
    "warning",
    rights({ name: "cluster-admin", builtIn: true, subjects: ["Group system:masters", "User eve"] }),
    /eve/,
  ],
  ["5.1.3", "warning", wildcardRole, /everything of a kind[\s\S]*extra/],
  ["5.1.4", "warning", rights({}), /extra to User eve/],
  ["5.1.5", "warning", rights({ subjects: ["ServiceAccount web/default"] }), /web\/default/],
  ["5.1.5", "explained", pods({ "default account": three }), /3 pods/],
  ["5.1.6", "warning", pods({ "mounts a token": three }), /3 of 9 pods/],
  ["5.1.7", "failed", credential({ groups: ["system:masters"] }), /system:masters/],
  ...["5.1.8", "5.1.9", "5.1.10", "5.1.11", "5.1.12", "5.1.13"].map(
    (id): Form => [id, "warning", rights({}), /extra to User eve/],
  ),
  [
    "5.2.1",
    "failed",
    apiserver("a --watch-cache", "a --disable-admission-plugins=PodSecurity\na --watch-cache"),
    /is off/,
  ],
  ...["5.2.2", "5.2.3", "5.2.4", "5.2.5", "5.2.10", "5.2.11", "5.2.12"].map(
    (id): Form => [id, "ok", podSecurity("baseline", "restricted"), /held to baseline/],
  ),
  ...["5.2.6", "5.2.7", "5.2.8", "5.2.9"].map(
    (id): Form => [id, "explained", podSecurity("baseline", "restricted"), /warned about restricted/],
  ),
  ["5.2.6", "failed", podSecurity("baseline", "privileged"), /held to baseline/],
  ["5.2.6", "ok", podSecurity("restricted", "restricted"), /held to restricted/],
  ["5.2.2", "failed", podSecurity("privileged", "restricted"), /held to privileged/],
  [
    "5.2.2",
    "warning",
    (gathered) =>
      namespaces({ name: "agents", enforce: "privileged", policed: false })(
        podSecurity("baseline", "restricted")(gathered),
      ),
    /agents: privileged/,
  ],
  ["5.3.1", "explained", kubelet({}), /workload's choice/],
  [
    "5.3.2",
    "warning",
    (gathered) => namespaces({ name: "web", policed: false })(kubelet({})(gathered)),
    /1 of 1 namespaces/,
  ],
  ["5.4.1", "warning", pods({ "Secret in its environment": three }), /3 of 9/],
  ["5.4.2", "explained", same, /encrypted/],
  ["5.4.2", "failed", apiserver(/a --encryption-provider-config=.*\n/, ""), /in clear/],
  ["5.5.1", "explained", same, /not on/],
  ["5.6.1", "ok", namespaces({ name: "web", policed: true }), /1 namespaces/],
  ["5.6.2", "warning", pods({ "no seccomp profile": three }), /3 of 9/],
  ["5.6.3", "warning", pods({ "no security context": three }), /3 of 9/],
  ["5.6.4", "warning", onApi({ defaultNamespace: { value: three } }), /3 pods and Services/],
];

function sharedAuthority(gathered: Gathered): Gathered {
  const master = gathered.hosts.find(({ name }) => name.endsWith("master-1"))?.report ?? "";
  const [, pem = ""] =
    /# \/etc\/kubernetes\/pki\/kubernetes-ca\.crt\n(-----BEGIN[\s\S]*?END CERTIFICATE-----)/.exec(master) ?? [];
  return onHosts(/main-2/, "-----BEGIN", `${pem}\n-----BEGIN`)(gathered);
}

function withAuthority(facts: string): Change {
  return (gathered) =>
    onHosts(
      /master-1/,
      /644 root:root f (\/etc\/kubernetes\/pki\/kubernetes-ca.crt)/,
      `${facts} f $1`,
    )(kubeletHost("")(gathered));
}

function wildcardRole(gathered: Gathered): Gathered {
  const { value } = gathered.api.rights;
  if (!value) throw new Error("no rights");
  const role = { name: "extra", builtIn: false, rules: [{ apiGroups: ["apps"], resources: ["*"], verbs: ["get"] }] };
  return onApi({ rights: { value: { ...value, roles: [...value.roles, role] } } })(gathered);
}

/** The admission plugin's defaults on every master. */
function podSecurity(enforce: string, warn: string): Change {
  const block = [
    "@ admission-control-config-file",
    "| plugins:",
    "|   - name: PodSecurity",
    `|     configuration: {defaults: {enforce: ${enforce}, warn: ${warn}}}`,
  ].join("\n");
  return onHosts(/master/, /== configuration 0\n(@ admission[\s\S]*?(?=@ audit))?/, `== configuration 0\n${block}\n`);
}

test.each(wrong)("%s: %s when it is so", (id, status, change, told) => {
  const { status: got, found, details = [] } = item(id, change);
  expect({ status: got, text: [found, ...details].join("\n") }).toEqual({ status, text: expect.stringMatching(told) });
});

test("every item was seen to be judged otherwise", () => {
  const seen = new Set(wrong.map(([id]) => id));
  expect(cisItems.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
});

test("a kubelet as it should be passes", () => {
  const items = report(kubelet({})).cis.items.filter(({ id }) => /^4\.2\./.test(id) && id !== "4.2.7");
  expect(items.filter(({ status }) => status !== "ok")).toEqual([]);
});

describe("what hosts say is not believed", () => {
  test("lines that are no files, and files outside of the folders, count for nothing", () => {
    const noise = "== files 0\nnonsense\n999 root:root f /etc/kubernetes/admin.conf\n644 root:root f relative\n";
    expect(item("1.1.13", onHosts(/master-1/, "== files 0\n", noise)).status).toBe("ok");
  });
  test("nothing of it moves the cursor of a terminal", () => {
    const { found } = item("1.2.2", apiserver("a --watch-cache", "a --token-auth-file=/x\x1b[2J\x07\na --watch-cache"));
    expect(found).toContain("--token-auth-file=/x?[2J?");
  });
  test("a policy that unfolds into gigabytes is refused", () => {
    const bomb = "| a: &a [x, x]\n| b: &b [*a, *a]\n| rules: *b\n";
    expect(item("3.2.2", apiserver(/\| apiVersion: audit[\s\S]*?(?=@ )/, bomb))).toMatchObject({
      status: "failed",
      found: expect.stringContaining("cannot be read"),
    });
  });
  test("one that has not answered in time makes nothing fail", () => {
    const cut = (gathered: Gathered): Gathered => ({
      ...gathered,
      hosts: gathered.hosts.map(({ name }) => ({ name, error: "not answered within 60 s", late: true })),
    });
    const { counts } = report(cut).cis;
    expect(counts.failed).toBe(0);
    expect(counts.unknown).toBeGreaterThan(80);
  });
});

describe("the level of an audit policy", () => {
  const rules = readAuditPolicy({
    rules: [
      { level: "None", users: ["system:apiserver"] },
      { level: "None", userGroups: ["system:nodes"], verbs: ["get"] },
      { level: "None", namespaces: ["kube-system"] },
      { level: "Metadata", resources: [{ group: "", resources: ["secrets", "pods/*", "*/status"] }] },
      { level: "Request", verbs: ["create"], resources: [{ group: "apps" }] },
      { level: "None", nonResourceURLs: ["/healthz*"] },
      {
        level: "RequestResponse",
        userGroups: ["system:authenticated"],
        resources: [{ group: "", resources: ["pods"] }],
      },
    ],
  });
  test.each([
    ["get", "", "secrets", "Metadata"],
    ["get", "", "pods/exec", "Metadata"],
    ["get", "", "nodes/status", "Metadata"],
    ["get", "", "nodes", "None"],
    ["create", "apps", "deployments", "Request"],
    ["get", "apps", "deployments", "None"],
  ])("%s %s/%s is %s", (verb, group, resource, level) => {
    expect(levelOf(rules, { verb, group, resource })).toBe(level);
  });
});

describe("as text", () => {
  const eve = () => report(rights({ subjects: ["Group system:authenticated"] }));
  test("folded: a line for each chapter, and the items that are not as they should be", () => {
    const lines = doctorText(eve(), plainStyle);
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}CIS Kubernetes Benchmark 1\.12: 131 items, /));
    expect(lines).toContainEqual(expect.stringMatching(/^ {4}2 {2}etcd +7 ok$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ {4}failed +5\.1\.2 +few read Secrets: everybody has it$/));
    expect(lines).not.toContainEqual(expect.stringContaining("1.2.11"));
    expect(lines[0]).toMatch(/\d+ FAILED/);
  });
  test("item by item, with the reason of a departure", () => {
    const lines = cisText(eve(), plainStyle);
    expect(lines.filter((line) => /^ {4}\S+ +\d(\.\d+)+ /.test(line))).toHaveLength(131);
    const at = lines.findIndex((line) => line.includes("1.2.11"));
    expect(lines[at]).toMatch(/^ {4}explained +1\.2\.11 +images are always pulled: AlwaysPullImages is not on$/);
    expect(lines[at + 1]).toContain("wait for its registry");
  });
});
