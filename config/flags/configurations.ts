/**
 * The components that are configured by a file: the objects, scale part only. The plan adds addresses and files, and writes
 * them as YAML or JSON.
 */
import { type Eviction, evictionOf, softGrace } from "../eviction";
import { ipvsScheduler } from "../scale/kernel";
import type { Scale } from "../scale/types";

/** A value of a configuration file. */
export type ConfigValue = string | number | boolean | readonly ConfigValue[] | { readonly [key: string]: ConfigValue };
export type ConfigObject = { readonly [key: string]: ConfigValue };

/** kube-scheduler's file. Reference: https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/ */
export function schedulerConfiguration(
  scale: Scale,
  kubeconfig: string,
  profiles: readonly ConfigObject[] = [],
  extenders: readonly ConfigObject[] = [],
): ConfigObject {
  const s = scale.scheduler;
  return {
    apiVersion: "kubescheduler.config.k8s.io/v1",
    kind: "KubeSchedulerConfiguration",
    clientConnection: { kubeconfig, qps: s.qps, burst: s.burst },
    leaderElection: {
      leaderElect: true,
      resourceLock: "leases",
      resourceName: "kube-scheduler",
      resourceNamespace: "kube-system",
      leaseDuration: "15s",
      renewDeadline: "10s",
      retryPeriod: "2s",
    },
    parallelism: s.parallelism,
    percentageOfNodesToScore: s.percentageOfNodesToScore,
    // The standby keeps its caches warm: it takes over without reading the cluster first.
    delayCacheUntilActive: false,
    enableProfiling: false,
    ...(profiles.length > 0 ? { profiles } : {}),
    ...(extenders.length > 0 ? { extenders } : {}),
  };
}

/**
 * kube-apiserver's admission. Pods as anybody may run them without harm to their node (Pod Security Standard "baseline"), unless their
 * namespace's labels say otherwise; what hardened ones would lack is told to who makes them, and in the audit log.
 * Reference: https://kubernetes.io/docs/reference/config-api/apiserver-config.v1/
 */
export function admissionConfiguration({ eventLimits }: Scale): ConfigObject {
  const { serverQps, serverBurst, userQps, userBurst, users } = eventLimits;
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AdmissionConfiguration",
    plugins: [
      {
        name: "PodSecurity",
        configuration: {
          apiVersion: "pod-security.admission.config.k8s.io/v1",
          kind: "PodSecurityConfiguration",
          defaults: {
            enforce: "baseline",
            "enforce-version": "latest",
            audit: "restricted",
            "audit-version": "latest",
            warn: "restricted",
            "warn-version": "latest",
          },
          // Static pods, kube-proxy and the network's agents are parts of a node.
          exemptions: { usernames: [], runtimeClasses: [], namespaces: ["kube-system"] },
        },
      },
      {
        name: "EventRateLimit",
        configuration: {
          apiVersion: "eventratelimit.admission.k8s.io/v1alpha1",
          kind: "Configuration",
          limits: [
            { type: "Server", qps: serverQps, burst: serverBurst },
            { type: "User", qps: userQps, burst: userBurst, cacheSize: users },
          ],
        },
      },
    ],
  };
}

/** kubelet's file. Reference: https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/ */
export function kubeletConfiguration(scale: Scale, pki: string, eviction: Eviction = evictionOf()): ConfigObject {
  const n = scale.node;
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    // Whoever asks shows a certificate of the cluster or a token, and may ask what the API server says: the API server and the operator.
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${pki}/kubernetes-ca.crt` },
    },
    authorization: { mode: "Webhook" },
    readOnlyPort: 0,
    tlsCertFile: `${pki}/kubelet.crt`,
    tlsPrivateKeyFile: `${pki}/kubelet.key`,
    // Its cipher suites are all sound, and cannot be chosen.
    tlsMinVersion: "VersionTLS13",
    // No signer of the cluster answers a kubelet's request, by which it would renew its certificates itself.
    rotateCertificates: false,
    serverTLSBootstrap: false,
    enableProfilingHandler: false,
    // The runtime's profile for pods that name none.
    seccompDefault: true,
    // A pod that forks without end takes no more than these of its node.
    podPidsLimit: n.podPids,
    cgroupDriver: "systemd",
    maxPods: n.maxPods,
    kubeAPIQPS: n.apiQps,
    kubeAPIBurst: 2 * n.apiQps,
    nodeStatusUpdateFrequency: `${n.statusUpdateSeconds}s`,
    // Given on purpose: left out, the kubelet takes nodeStatusUpdateFrequency for it, 30 times the writes.
    nodeStatusReportFrequency: `${n.statusReportSeconds}s`,
    nodeLeaseDurationSeconds: n.leaseSeconds,
    serializeImagePulls: false,
    maxParallelImagePulls: n.parallelImagePulls,
    registryPullQPS: n.parallelImagePulls,
    registryBurst: 2 * n.parallelImagePulls,
    imageGCHighThresholdPercent: 85,
    imageGCLowThresholdPercent: 80,
    imageMinimumGCAge: "2m",
    ...evictionSettings(eviction),
    kubeReserved: { cpu: `${n.kubeReservedMilliCpu}m`, memory: `${n.kubeReservedMiB}Mi` },
    containerLogMaxSize: "100Mi",
    containerLogMaxFiles: 5,
    protectKernelDefaults: true,
  };
}

/** Without a soft threshold there is nothing whose pods would get a time to end. */
function evictionSettings({ hard, soft }: Eviction): ConfigObject {
  const signals = Object.keys(soft);
  return {
    evictionHard: { ...hard },
    ...(signals.length > 0 && {
      evictionSoft: { ...soft },
      evictionSoftGracePeriod: Object.fromEntries(signals.map((signal) => [signal, softGrace(signal)])),
      evictionMaxPodGracePeriod: 60,
    }),
  };
}

/** kube-proxy's file. Reference: https://kubernetes.io/docs/reference/config-api/kube-proxy-config.v1alpha1/ */
export function kubeProxyConfiguration(scale: Scale, kubeconfig: string): ConfigObject {
  const n = scale.node;
  const sync = { syncPeriod: "30s", minSyncPeriod: `${n.proxyMinSyncSeconds}s` };
  return {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    clientConnection: { kubeconfig, qps: 5, burst: 10 },
    mode: n.proxyMode,
    ...(n.proxyMode === "ipvs"
      ? { ipvs: { ...sync, scheduler: ipvsScheduler, strictARP: true } }
      : { [n.proxyMode]: sync }),
    conntrack: {
      maxPerCore: n.conntrackPerCore,
      min: n.conntrackMin,
      tcpEstablishedTimeout: "24h0m0s",
      tcpCloseWaitTimeout: "1h0m0s",
    },
    configSyncPeriod: "15m0s",
    enableProfiling: false,
  };
}

/** Configuration as text that every component reads: JSON is YAML. */
export const renderConfiguration = (configuration: ConfigObject): string =>
  `${JSON.stringify(configuration, null, 2)}\n`;
