/** The files of the nodes' components at every size: the real programs read them strictly, check them, and say what they took. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { componentKubeconfig } from "../../components/pki/kubeconfig";
import { trusted } from "../../components/plan/parts";
import {
  atLeast,
  type ConfigObject,
  kubeletConfiguration,
  kubeProxyConfiguration,
  renderConfiguration,
} from "../../config/flags";
import { planWithPools, poolOf, samplePools } from "../unit/pool-samples";
import { complaints, differences } from "./support/compare";
import { accepted } from "./support/count";
import { Credentials } from "./support/credentials";
import { productionPlan, sizes } from "./support/plans";
import { type Ended, run } from "./support/process";
import { type AtHand, forEachVersion } from "./support/versions";

const root = mkdtempSync(join(tmpdir(), "kilonode-nodes-"));
afterAll(() => rmSync(root, { recursive: true }));

const pki = join(root, "pki");
beforeAll(async () => {
  const credentials = await Credentials.make();
  const name = { commonName: "kubelet", dnsNames: ["kubelet"], ipAddresses: [] };
  const { cert, key } = await credentials.issue({ ...name, authority: "kubernetes", uses: ["server_auth"] });
  const authority = await credentials.publicPem(trusted("kubernetes"));
  mkdirSync(pki);
  for (const [file, pem] of Object.entries({ "kubelet.crt": cert, "kubelet.key": key, "kubernetes-ca.crt": authority }))
    writeFileSync(join(pki, file), pem);
});

const written = (name: string, content: string): string => {
  const path = join(root, name);
  writeFileSync(path, content);
  return path;
};

/**
 * The configuration that a kubelet printed. Before 1.37 it is the internal one, as JSON: its fields have the same names with a capital
 * first (TLSCertFile), and it has no type.
 */
function effective(output: string): unknown {
  const [, label, text = ""] =
    /"((?:Effective )?KubeletConfiguration)" config(?:uration)?=<\n([\s\S]*?)\n >/.exec(output) ?? [];
  const said: unknown = parse(text.replaceAll(/^\t/gm, ""));
  if (label !== "KubeletConfiguration") return said;
  return { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: label, ...(withSmallNames(said) as object) };
}

function withSmallNames(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]/, (capitals) => capitals.toLowerCase()),
      withSmallNames(one),
    ]),
  );
}

forEachVersion("kubernetes", (kubernetes: AtHand) => {
  const scaleAt = (size: (typeof sizes)[number]) =>
    productionPlan(size, { releases: { kubernetes: kubernetes.version } }).scale;

  // Before 1.37 the kubelet prints its configuration only to those who ask for more words.
  const asks = atLeast(kubernetes.version, "1.37") ? [] : ["-v=5"];

  /** It goes on past its file, without a change to the machine, until it looks for its kubeconfig. */
  const kubelet = (configuration: ConfigObject): Promise<Ended> =>
    run(kubernetes.path("kubelet"), [
      // The machine of the test may have no cgroup v2, which the kubelet wants of its node, not of its file.
      `--config=${written("kubelet.json", renderConfiguration({ ...configuration, failCgroupV1: false }))}`,
      `--kubeconfig=${join(root, "absent")}`,
      `--root-dir=${join(root, "kubelet")}`,
      `--cert-dir=${join(root, "kubelet-pki")}`,
      ...asks,
    ]);
  const proxy = (configuration: ConfigObject, out: string): Promise<Ended> =>
    run(kubernetes.path("kube-proxy"), [
      `--config=${written("kube-proxy.json", renderConfiguration(configuration))}`,
      `--write-config-to=${out}`,
    ]);
  const kubeconfig = written(
    "kubeconfig",
    componentKubeconfig({ server: "https://127.0.0.1:1", authorityPath: "ca", certPath: "c", keyPath: "k", user: "u" }),
  );

  describe.each(sizes)("at $nodes nodes", (size) => {
    test("kubelet loads and validates its file, and keeps our values", async () => {
      const ours = kubeletConfiguration(scaleAt(size), pki);
      const { output } = await kubelet(ours);
      expect(output).toContain(`invalid kubeconfig: stat ${join(root, "absent")}`);
      expect(complaints(output)).toEqual([]);
      expect(differences(ours, effective(output))).toEqual([]);
      accepted({ binary: `kubelet ${kubernetes.version}`, nodes: size.nodes, files: ["KubeletConfiguration"] });
    });

    test("kubelet takes the file of a pool that says much", async () => {
      // CPUs are overcommitted from 1.36 on alone; the file is the same.
      const ours = parse(
        poolOf(planWithPools(samplePools, size), "batch").node.machine.files["/etc/kubernetes/kubelet.yaml"]?.content ??
          "",
      ) as ConfigObject;
      const here = parse(JSON.stringify(ours).replaceAll("/etc/kubernetes/pki", pki)) as ConfigObject;
      const { output } = await kubelet(here);
      expect(output).toContain(`invalid kubeconfig: stat ${join(root, "absent")}`);
      expect(complaints(output)).toEqual([]);
      expect(differences(here, effective(output))).toEqual([]);
    });

    test("kube-proxy loads its file, and keeps our values", async () => {
      const ours = kubeProxyConfiguration(scaleAt(size), kubeconfig);
      const out = join(root, `proxy-${size.nodes}.yaml`);
      const { code, output } = await proxy(ours, out);
      expect(code, output).toBe(0);
      expect(complaints(output)).toEqual([]);
      expect(differences(ours, parse(readFileSync(out, "utf8")))).toEqual([]);
      accepted({ binary: `kube-proxy ${kubernetes.version}`, nodes: size.nodes, files: ["KubeProxyConfiguration"] });
    });
  });

  test.for(["workers", "batch"] as const)("kube-proxy takes the file of the pool %s", async (pool) => {
    const { files } = poolOf(planWithPools(), pool).node.machine;
    const file = parse(files["/etc/kubernetes/kube-proxy.yaml"]?.content ?? "") as ConfigObject;
    const ours = { ...file, clientConnection: { ...(file.clientConnection as object), kubeconfig } };
    const out = join(root, `proxy-${pool}.yaml`);
    const { code, output } = await proxy(ours, out);
    expect(code, output).toBe(0);
    expect(complaints(output)).toEqual([]);
    expect(differences(ours, parse(readFileSync(out, "utf8")))).toEqual([]);
  });

  describe("what these tests rely on", () => {
    const scale = scaleAt({ nodes: 100 });

    test("kubelet complains about a field that it does not have, and refuses a value out of range", async () => {
      const ours = kubeletConfiguration(scale, pki);
      expect(complaints((await kubelet({ ...ours, noSuchField: 1 })).output).join()).toContain("noSuchField");
      expect((await kubelet({ ...ours, imageGCLowThresholdPercent: 95 })).output).toContain("failed to validate");
    });

    test("kube-proxy complains about a field that it does not have, and refuses a value out of range", async () => {
      const ours = kubeProxyConfiguration(scale, kubeconfig);
      const out = join(root, "proxy-broken.yaml");
      expect(complaints((await proxy({ ...ours, noSuchField: 1 }, out)).output).join()).toContain("noSuchField");
      expect((await proxy({ ...ours, oomScoreAdj: -5000 }, out)).output).toContain("OOMScoreAdj: Invalid value");
    });
  });
});
