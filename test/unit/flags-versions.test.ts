import { describe, expect, test } from "vitest";
import {
  apiserverFlags,
  checkFlags,
  checkVersions,
  components,
  controllerManagerFlags,
  etcdFlags,
  etcdMemoryLimit,
  goMemoryLimit,
  knownFlags,
  listedMinors,
  minorOf,
  policyFor,
  replacementFor,
} from "../../config/flags";
import { etcdVersions, kubernetesVersions } from "../../config/releases";
import { deriveScale } from "../../config/scale";
import { goldenSizes, scaleOf, versions } from "./scale-samples";

describe("versions", () => {
  test("releases of the catalogue pass", () => {
    for (const kubernetesVersion of kubernetesVersions)
      for (const etcdVersion of etcdVersions) expect(checkVersions({ kubernetesVersion, etcdVersion })).toEqual([]);
  });

  test("every unsupported version is refused at once, with what is supported", () => {
    expect(checkVersions({ kubernetesVersion: "1.37", etcdVersion: "v3.7.3" })).toEqual([
      '"1.37" is no release of Kubernetes that can be installed; there are 1.35.4, 1.36.3, 1.37.2 (written in full: "1.37.2")',
      '"v3.7.3" is no release of etcd that can be installed; there are 3.6.16, 3.7.3 (written in full: "3.7.3")',
    ]);
    expect(() => deriveScale({ nodes: 10 }, { kubernetesVersion: "1.34.1", etcdVersion: "latest" })).toThrow(
      /"1.34.1" is no release of Kubernetes.*\n.*"latest" is no release of etcd/,
    );
  });

  test("the flags of every release are listed", () => {
    expect([...new Set(kubernetesVersions.map(minorOf))]).toEqual(listedMinors.kubernetes);
    expect([...new Set(etcdVersions.map(minorOf))]).toEqual(listedMinors.etcd);
  });
});

describe("flags by version", () => {
  const all = kubernetesVersions.flatMap((kubernetesVersion) =>
    etcdVersions.map((etcdVersion) => ({ kubernetesVersion, etcdVersion })),
  );

  test.each(all)(
    "every emitted flag exists in Kubernetes $kubernetesVersion and etcd $etcdVersion, at every size",
    (pair) => {
      for (const size of goldenSizes) {
        const scale = scaleOf(size, pair);
        const problems = [
          ...checkFlags({}, apiserverFlags(scale), {}, policyFor("kube-apiserver", pair)),
          ...checkFlags({}, controllerManagerFlags(scale), {}, policyFor("kube-controller-manager", pair)),
          ...Object.keys(scale.etcd.shards).flatMap((shard) =>
            checkFlags({}, etcdFlags(scale, shard), {}, policyFor("etcd", pair)),
          ),
        ];
        expect(problems).toEqual([]);
      }
    },
  );

  test("the release of the leader's lease on exit is an alpha gate of 1.36 and later", () => {
    const gate = "ControllerManagerReleaseLeaderElectionLockOnExit=true";
    expect(controllerManagerFlags(scaleOf({ nodes: 10 }, { kubernetesVersion: "1.37.2" }))["feature-gates"]).toEqual([
      gate,
    ]);
    expect(controllerManagerFlags(scaleOf({ nodes: 10 }, { kubernetesVersion: "1.36.3" }))["feature-gates"]).toEqual([
      gate,
    ]);
    expect(
      controllerManagerFlags(scaleOf({ nodes: 10 }, { kubernetesVersion: "1.35.4" }))["feature-gates"],
    ).toBeUndefined();
  });

  test("gone flags of the article are not known, and their replacement is named", () => {
    for (const flag of ["target-ram-mb", "apiserver-count", "default-watch-cache-size"])
      expect(knownFlags("kube-apiserver", "1.37").has(flag)).toBe(false);
    expect(replacementFor("kube-controller-manager", "pod-eviction-timeout", "1.37.2")).toContain(
      "--default-not-ready-toleration-seconds",
    );
    expect(replacementFor("kubelet", "image-pull-progress-deadline", "1.37.2")).toContain("cri-dockerd");
    expect(replacementFor("kubelet", "pod-infra-container-image", "1.37.2")).toContain("pause image");
  });

  test("watch progress notify: the name follows etcd's version", () => {
    expect(knownFlags("etcd", "3.7.3").has("watch-progress-notify-interval")).toBe(true);
    expect(knownFlags("etcd", "3.7.3").has("experimental-watch-progress-notify-interval")).toBe(false);
    expect(replacementFor("etcd", "experimental-watch-progress-notify-interval", "3.7.3")).toBe(
      "its name is --watch-progress-notify-interval",
    );
    expect(etcdFlags(scaleOf({ nodes: 1300 }), "main")["watch-progress-notify-interval"]).toBe("5s");
  });

  test("a flag of a later version is refused with the version that has it", () => {
    const policy = policyFor("kube-controller-manager", { kubernetesVersion: "1.35.4", etcdVersion: "3.6.16" });
    expect(checkFlags({}, {}, { "concurrent-disruption-syncs": 5 }, policy)).toEqual([
      "kube-controller-manager: --concurrent-disruption-syncs=5: kube-controller-manager 1.35.4 does not have this flag; it exists from 1.37 on",
    ]);
  });

  test("what the cluster depends on is refused, with the reason", () => {
    const refused = checkFlags(
      {},
      apiserverFlags(scaleOf({ nodes: 10 })),
      { "watch-cache": false, "feature-gates": "WatchList=false,CBORServingAndStorage=true", "target-ram-mb": 78_000 },
      policyFor("kube-apiserver", versions),
    );
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatch(
      /watch-cache=false: protected \(the plan sets true\): without it every list and watch reads etcd/,
    );
    expect(refused[1]).toMatch(/WatchList=false is refused/);
    expect(refused[2]).toMatch(/does not have this flag; removed: the scale model sizes the master's memory/);
    expect(
      checkFlags(
        {},
        etcdFlags(scaleOf({ nodes: 10 }), "main"),
        { "unsafe-no-fsync": true },
        policyFor("etcd", versions),
      )[0],
    ).toContain("lose acknowledged writes");
  });

  test("every component has a list of flags", () => {
    for (const component of components)
      expect(knownFlags(component, component === "etcd" ? "3.7" : "1.37").size).toBeGreaterThan(40);
  });
});

describe("what follows from the scale", () => {
  test("no goaway and no waiting for a balancer where clients know one server only", () => {
    const flags = apiserverFlags(scaleOf({ nodes: 10 }, { loadBalanced: false, masters: 1 }));
    expect(flags).toMatchObject({
      "goaway-chance": 0,
      "shutdown-delay-duration": "0s",
      "shutdown-send-retry-after": false,
    });
  });

  test("GOMEMLIMIT in MiB for the components and each shard of etcd, an unknown one is an error", () => {
    const scale = scaleOf({ nodes: 1300, pods: 100_000 });
    expect(goMemoryLimit("kube-apiserver", scale)).toMatch(/^\d{5}MiB$/);
    // Of the 64 GiB that main's hosts need, and the 16 GiB of the others.
    expect(etcdMemoryLimit(scale, "main")).toBe("49152MiB");
    expect(etcdMemoryLimit(scale, "events")).toBe("7168MiB");
    expect(() => etcdMemoryLimit(scale, "pods")).toThrow("no etcd shard pods; there are main, events, leases");
    expect(() => goMemoryLimit("haproxy", scale)).toThrow("no memory limit for haproxy");
  });

  test("a shard that does not exist is named with those that do", () => {
    expect(() => etcdFlags(scaleOf({ nodes: 10 }), "pods")).toThrow(
      "no etcd shard pods; there are main, events, leases",
    );
  });
});
