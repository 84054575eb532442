import { describe, expect, test } from "vitest";
import {
  binaries,
  binariesOf,
  catalogue,
  defaultBinaries,
  defaultReleases,
  etcdVersions,
  kubernetesVersions,
  type Product,
  releaseProblem,
  releasesOf,
} from "../../config/releases";
import { upgradeOrder } from "../../config/releases/order";
import { clusterOf, problemsOf } from "../support/plans";

/** What is no knob has one release. */
const theOnlyOnes = {
  kwok: "0.8.0",
  restic: "0.18.1",
  versitygw: "1.8.0",
  containerd: "2.4.2",
  runc: "1.5.3",
  "cni-plugins": "1.10.0",
  "cri-tools": "1.37.0",
  crane: "0.22.1",
};

describe("the catalogue", () => {
  test("lists each release once, oldest first, and the newest is the default", () => {
    const inOrder = (a: string, b: string) => a.localeCompare(b, "en", { numeric: true });
    for (const product of Object.keys(catalogue) as Product[]) {
      const versions = catalogue[product].map(({ version }) => version);
      expect(versions).toEqual([...new Set(versions)].sort(inOrder));
    }
    expect(defaultReleases).toEqual({ kubernetes: kubernetesVersions.at(-1), etcd: etcdVersions.at(-1) });
  });

  test("has at least two releases of each to go between, without a gap", () => {
    for (const versions of [kubernetesVersions, etcdVersions]) {
      const minors = versions.map((version) => Number(version.split(".")[1]));
      expect(versions.length).toBeGreaterThan(1);
      for (const [index, minor] of minors.slice(1).entries()) expect(minor - (minors[index] as number)).toBeLessThan(2);
    }
  });

  test("gives every binary the version of the product that it belongs to", () => {
    for (const kubernetes of kubernetesVersions)
      for (const etcd of etcdVersions) {
        const expected = { ...theOnlyOnes, kubernetes, etcd };
        for (const { name, product, release } of binariesOf({ kubernetes, etcd }))
          expect([name, release.version]).toEqual([name, expected[product]]);
      }
    expect(() => binariesOf({ ...defaultReleases, etcd: "3.7" })).toThrow('"3.7" is no release of etcd');
  });

  test("the order of an upgrade has every service of Kubernetes and etcd once", () => {
    const services = (Object.keys(binaries) as (keyof typeof binaries)[]).filter(
      (name) => ["etcd", "kubernetes"].includes(binaries[name].product) && !/ctl$|utl$|kubeadm|pause/.test(name),
    );
    expect(upgradeOrder.flatMap((stage) => stage.binaries).sort()).toEqual([...services].sort());
    expect(upgradeOrder.map((stage) => stage.binaries[0])).toEqual([
      "etcd",
      "kube-apiserver",
      "kube-controller-manager",
      "kubelet",
    ]);
    expect(defaultBinaries).toEqual(expect.arrayContaining(["etcd", "kube-apiserver", "kube-controller-manager"]));
  });
});

describe("what is no release", () => {
  test.each<[unknown, string]>([
    [
      "1.37",
      '"1.37" is no release of Kubernetes that can be installed; there are 1.35.4, 1.36.3, 1.37.2 (written in full: "1.37.2")',
    ],
    [
      "v1.36.3",
      '"v1.36.3" is no release of Kubernetes that can be installed; there are 1.35.4, 1.36.3, 1.37.2 (written in full: "1.36.3")',
    ],
    [
      1.37,
      '1.37 is no release of Kubernetes that can be installed; there are 1.35.4, 1.36.3, 1.37.2 (written in full: "1.37.2")',
    ],
    [
      "1.37.99",
      '"1.37.99" is no release of Kubernetes that can be installed; there are 1.35.4, 1.36.3, 1.37.2 (docs/releases.md says how to add one)',
    ],
  ])("%j is told with what there is", (value, problem) => {
    expect(releaseProblem("kubernetes", value)).toBe(problem);
  });

  test.each([
    "constructor",
    "__proto__",
    "toString",
    "length",
    "0",
    "",
    " 1.37.2",
    "1.37.2\n",
    "1.37.20",
    "latest",
    null,
    undefined,
    true,
    {},
    ["1.37.2"],
    { version: "1.37.2" },
  ])("%j is none", (value) => {
    expect(releaseProblem("kubernetes", value)).toMatch(
      / is no release of Kubernetes .* there are 1\.35\.4, 1\.36\.3, 1\.37\.2/,
    );
    expect(releaseProblem("etcd", value)).toMatch(/ is no release of etcd .* there are 3\.6\.16, 3\.7\.3/);
  });

  test("every release of the catalogue is one, of its own product only", () => {
    for (const version of kubernetesVersions) {
      expect(releaseProblem("kubernetes", version)).toBeUndefined();
      expect(releaseProblem("etcd", version)).toBeDefined();
    }
    for (const version of etcdVersions) expect(releaseProblem("etcd", version)).toBeUndefined();
  });
});

describe("the configuration", () => {
  const problems = (raw: Readonly<Record<string, unknown>>) => problemsOf({ platform: "lab", ...raw });

  test("takes the default releases, and those that are named", () => {
    expect(releasesOf(clusterOf("test", { platform: "lab" }).spec)).toEqual(defaultReleases);
    const chosen = { kubernetesVersion: "1.36.3", etcdVersion: "3.6.16" };
    expect(releasesOf(clusterOf("test", { platform: "lab", ...chosen }).spec)).toEqual({
      kubernetes: "1.36.3",
      etcd: "3.6.16",
    });
  });

  test("refuses versions that nothing installs, together with every other error", () => {
    // YAML reads an unquoted 1.37 as a number.
    expect(problems({ kubernetesVersion: 1.37, etcdVersion: "3.6.4", ephemeral: "yes" })).toEqual([
      expect.stringMatching(/^ephemeral: /),
      expect.stringMatching(/^kubernetesVersion: 1\.37 is no release of Kubernetes .*written in full: "1\.37\.2"\)$/),
      expect.stringMatching(/^etcdVersion: "3\.6\.4" is no release of etcd .* there are 3\.6\.16, 3\.7\.3 \(docs/),
    ]);
    expect(problems({ kubernetesVersion: null })).toHaveLength(1);
    expect(problems({ etcdVersion: "constructor" })).toHaveLength(1);
  });
});
