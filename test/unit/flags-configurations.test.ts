import { describe, expect, test } from "vitest";
import {
  apiserverFlags,
  checkFlags,
  controllerManagerFlags,
  haproxyGlobal,
  kubeletConfiguration,
  kubeProxyConfiguration,
  policyFor,
  renderConfiguration,
  schedulerConfiguration,
} from "../../config/flags";
import { scaleOf, versions } from "./scale-samples";

const scale = scaleOf({ nodes: 5000 });

describe("what a component is told", () => {
  test("node monitor settings and default tolerations", () => {
    expect(controllerManagerFlags(scale)).toMatchObject({
      "node-monitor-period": "5s",
      "node-monitor-grace-period": "50s",
      "node-startup-grace-period": "60s",
      "node-eviction-rate": 0.1,
      "unhealthy-zone-threshold": 0.55,
      "large-cluster-size-threshold": 50,
    });
    expect(apiserverFlags(scale)).toMatchObject({
      "default-not-ready-toleration-seconds": 300,
      "default-unreachable-toleration-seconds": 300,
    });
  });

  test("masters register themselves by lease", () => {
    expect(apiserverFlags(scale)["endpoint-reconciler-type"]).toBe("lease");
    expect(
      checkFlags({}, {}, { "endpoint-reconciler-type": "none" }, policyFor("kube-apiserver", versions)),
    ).toHaveLength(1);
  });

  test("leader election is on and protected", () => {
    expect(controllerManagerFlags(scale)).toMatchObject({
      "leader-elect": true,
      "leader-elect-resource-lock": "leases",
    });
    expect(
      checkFlags(
        {},
        controllerManagerFlags(scale),
        { "leader-elect": false },
        policyFor("kube-controller-manager", versions),
      )[0],
    ).toContain("undo each other's work");
    expect(schedulerConfiguration(scale, "/k").leaderElection).toMatchObject({
      leaderElect: true,
      resourceLock: "leases",
    });
    expect(checkFlags({}, {}, { "leader-elect": false }, policyFor("kube-scheduler", versions))).toHaveLength(1);
  });

  test("kube-scheduler: rate, parallelism and the share of nodes from the scale", () => {
    expect(schedulerConfiguration(scale, "/k")).toMatchObject({
      clientConnection: { kubeconfig: "/k", qps: 100, burst: 100 },
      parallelism: 32,
      percentageOfNodesToScore: 0,
    });
    const profiles = [{ schedulerName: "batch" }];
    expect(schedulerConfiguration(scale, "/k", profiles, [{ urlPrefix: "http://gpu" }])).toMatchObject({
      profiles,
      extenders: [{ urlPrefix: "http://gpu" }],
    });
  });

  test("kubelet: nobody without a certificate or token, no renewal that nobody would sign, the runtime's seccomp profile", () => {
    expect(kubeletConfiguration(scale, "/pki")).toMatchObject({
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true },
        x509: { clientCAFile: "/pki/kubernetes-ca.crt" },
      },
      authorization: { mode: "Webhook" },
      readOnlyPort: 0,
      tlsCertFile: "/pki/kubelet.crt",
      tlsMinVersion: "VersionTLS13",
      rotateCertificates: false,
      serverTLSBootstrap: false,
      enableProfilingHandler: false,
      seccompDefault: true,
      podPidsLimit: 4096,
      protectKernelDefaults: true,
    });
  });

  test("kubelet: the report of an unchanged status is given, so that it stays at 5 min", () => {
    expect(kubeletConfiguration(scale, "/pki")).toMatchObject({
      nodeStatusUpdateFrequency: "10s",
      nodeStatusReportFrequency: "300s",
      serializeImagePulls: false,
      maxParallelImagePulls: 10,
    });
    expect(Object.keys(kubeletConfiguration(scale, "/pki").evictionHard as object)).toHaveLength(6);
  });

  test("kube-proxy: the section of the mode, and no other", () => {
    expect(kubeProxyConfiguration(scale, "/k")).toMatchObject({ mode: "ipvs", ipvs: { strictARP: true } });
    const nftables = kubeProxyConfiguration(scaleOf({ nodes: 5000 }, { proxyMode: "nftables" }), "/k");
    expect(nftables).toMatchObject({ mode: "nftables", nftables: { minSyncPeriod: "5s" } });
    expect(nftables).not.toHaveProperty("ipvs");
  });

  test("haproxy holds twice the connections of every node", () => {
    expect(haproxyGlobal(scale)["fd-hard-limit"]).toBeGreaterThanOrEqual(4 * scale.rates.connections);
  });

  test("a file is text that ends with a line break", () => {
    expect(JSON.parse(renderConfiguration(schedulerConfiguration(scale, "/k")))).toHaveProperty(
      "kind",
      "KubeSchedulerConfiguration",
    );
    expect(renderConfiguration({ a: 1 }).endsWith("}\n")).toBe(true);
  });
});
