import { describe, expect, test } from "vitest";
import {
  apiserverFlags,
  controllerManagerFlags,
  etcdFlags,
  kubeletConfiguration,
  kubeProxyConfiguration,
  renderConfiguration,
  renderFlags,
  schedulerConfiguration,
  sysctlsFor,
} from "../../config/flags";
import { fullTable, kernelProfiles, renderScaleDocument } from "../../config/scale";
import { goldenSizes, scaleOf } from "./scale-samples";

describe("golden tables of the scale model (refresh: npm run golden)", () => {
  test.each(goldenSizes)("values at $nodes nodes", async (workload) => {
    await expect(fullTable(scaleOf(workload))).toMatchFileSnapshot(`golden/scale/${workload.nodes}-nodes.txt`);
  });

  test("docs/scale.md is current", async () => {
    const scales = goldenSizes.map((size) => scaleOf(size));
    const onVolumes = goldenSizes.map((size) => scaleOf(size, { etcdVolumes: true }));
    await expect(renderScaleDocument(scales, onVolumes, 1300)).toMatchFileSnapshot("../../docs/scale.md");
  });

  test.each(goldenSizes)("flags at $nodes nodes", async (workload) => {
    const scale = scaleOf(workload);
    const part = (title: string, lines: readonly string[]) => [`# ${title}`, ...lines, ""];
    const text = [
      ...part("kube-apiserver", renderFlags(apiserverFlags(scale))),
      ...part("kube-controller-manager", renderFlags(controllerManagerFlags(scale))),
      ...Object.keys(scale.etcd.shards).flatMap((shard) =>
        part(`etcd, shard ${shard}`, renderFlags(etcdFlags(scale, shard))),
      ),
      ...part("kube-scheduler", [
        renderConfiguration(schedulerConfiguration(scale, "/etc/kubernetes/scheduler.kubeconfig")),
      ]),
      ...part("kubelet", [renderConfiguration(kubeletConfiguration(scale, "/etc/kubernetes/pki"))]),
      ...part("kube-proxy", [
        renderConfiguration(kubeProxyConfiguration(scale, "/etc/kubernetes/kube-proxy.kubeconfig")),
      ]),
      ...kernelProfiles.flatMap((profile) =>
        part(
          `sysctls, ${profile}`,
          Object.entries(sysctlsFor(profile, scale)).map(
            ([key, { value, floor }]) => `${key} = ${value}${floor ? "  (at least)" : ""}`,
          ),
        ),
      ),
    ].join("\n");
    await expect(text).toMatchFileSnapshot(`golden/scale/${workload.nodes}-nodes.flags.txt`);
  });
});
