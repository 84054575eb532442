import { describe, expect, test } from "vitest";
import { kubeProxyConfiguration } from "../../config/flags";
import { type KernelProfile, kernelProfiles, modulesFor, sysctlsFor } from "../../config/scale";
import { scaleOf } from "./scale-samples";

const scale = scaleOf({ nodes: 1300, pods: 100_000 });
const setting = (profile: KernelProfile, key: string, of = scale) => sysctlsFor(profile, of)[key]?.value;

/** Section 3.2 of the article, without the connection table and the neighbour table, which the scale decides. */
const article = {
  "vm.max_map_count": "262144",
  "kernel.softlockup_panic": "1",
  "kernel.softlockup_all_cpu_backtrace": "1",
  "net.ipv4.ip_local_reserved_ports": "30000-32767",
  "net.core.somaxconn": "32768",
  "net.core.rmem_max": "16777216",
  "net.core.wmem_max": "16777216",
  "net.ipv4.tcp_wmem": "4096 87380 16777216",
  "net.ipv4.tcp_rmem": "4096 87380 16777216",
  "net.ipv4.tcp_max_syn_backlog": "8096",
  "net.ipv4.tcp_slow_start_after_idle": "0",
  "net.ipv4.tcp_tw_reuse": "1",
  "net.core.netdev_max_backlog": "16384",
  "fs.file-max": "2097152",
  "fs.inotify.max_user_instances": "8192",
  "fs.inotify.max_user_watches": "524288",
  "vm.overcommit_memory": "1",
  "kernel.panic": "10",
  "kernel.panic_on_oops": "1",
};

describe("kernel settings", () => {
  test("the article's list, on every profile that it concerns", () => {
    const onlyWithPods = ["net.ipv4.ip_local_reserved_ports", "vm.max_map_count"];
    for (const profile of kernelProfiles) {
      for (const [key, value] of Object.entries(article)) {
        const concerned = !onlyWithPods.includes(key) || profile === "master" || profile === "node";
        expect(setting(profile, key), `${profile} ${key}`).toBe(concerned ? value : undefined);
      }
    }
  });

  test("neighbour tables hold everybody that a host speaks to", () => {
    for (const nodes of [10, 1300, 15_000]) {
      const of = scaleOf({ nodes });
      expect(Number(setting("node", "net.ipv4.neigh.default.gc_thresh2", of))).toBeGreaterThan(
        of.workload.nodes + of.workload.pods,
      );
      expect(Number(setting("master", "net.ipv4.neigh.default.gc_thresh2", of))).toBeGreaterThanOrEqual(
        of.workload.nodes,
      );
      for (const family of ["ipv4", "ipv6"]) {
        const [second, third] = [2, 3].map((step) =>
          Number(setting("node", `net.${family}.neigh.default.gc_thresh${step}`, of)),
        );
        expect(third).toBe(2 * (second ?? 0));
        // Addresses move between machines: no old entry lingers.
        expect(setting("node", `net.${family}.neigh.default.gc_thresh1`, of)).toBe("0");
      }
    }
  });

  test("kube-proxy sets the connection table that the kernel settings say", () => {
    for (const coresPerNode of [2, 16, 48, 192]) {
      const of = scaleOf({ nodes: 1300, coresPerNode });
      const { maxPerCore, min } = kubeProxyConfiguration(of, "/k").conntrack as { maxPerCore: number; min: number };
      expect(String(Math.max(min, maxPerCore * coresPerNode))).toBe(
        setting("node", "net.netfilter.nf_conntrack_max", of),
      );
    }
  });

  test("a table never takes more than 2 % of the memory, nor less than kube-proxy's default", () => {
    const small = scaleOf({ nodes: 10, coresPerNode: 64, memoryPerNodeGiB: 4 });
    expect(small.kernel.conntrack.node * 320).toBeLessThanOrEqual(0.02 * 4 * 2 ** 30);
    expect(scaleOf({ nodes: 10, memoryPerNodeGiB: 1 }).kernel.conntrack.node).toBe(131_072);
  });

  test("etcd's hosts track no connections and load no module; nodes load what kube-proxy's mode needs", () => {
    expect(setting("etcd", "net.netfilter.nf_conntrack_max")).toBeUndefined();
    expect(modulesFor("etcd", scale)).toEqual([]);
    expect(modulesFor("node", scale)).toEqual(expect.arrayContaining(["ip_vs", "ip_vs_lc", "nf_conntrack"]));
    expect(modulesFor("node", scaleOf({ nodes: 10 }, { proxyMode: "nftables" }))).not.toContain("ip_vs");
  });

  test("a busy balancer gets a longer queue, sorted keys everywhere", () => {
    expect(Number(setting("lb", "net.core.somaxconn", scaleOf({ nodes: 15_000 })))).toBe(65_535);
    for (const profile of kernelProfiles)
      expect(Object.keys(sysctlsFor(profile, scale))).toEqual(Object.keys(sysctlsFor(profile, scale)).sort());
  });
});
