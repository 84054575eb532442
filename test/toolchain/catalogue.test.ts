import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Arch,
  arches,
  type Binary,
  binaries,
  catalogue,
  defaultBinaries,
  defaultReleases,
  type Product,
  type Release,
} from "../../config/releases";
import { catalogueOf, downloadOf, select } from "../../toolchain/catalogue";
import { requirePins } from "../../toolchain/download";

const moduleRoot = join(__dirname, "../../toolchain");
const products = Object.keys(catalogue) as Product[];
const releases = products.flatMap((product) =>
  catalogue[product].map((release): { product: Product; version: string; release: Release } => ({
    product,
    version: release.version,
    release,
  })),
);
const newest = catalogueOf(defaultReleases);

describe.each(releases)("$product $version", ({ product, version, release }) => {
  const text = (name: string) => readFileSync(join(moduleRoot, product, version, name), "utf8");

  test.each(Object.entries(binaries).filter(([, binary]) => binary.product === product))(
    "its go.mod and go.sum pin %s at this version",
    (_, { c, goPackage, module }: Binary) => {
      // A file in C is taken out of its module, which others of its release are tools of.
      if (c?.file === undefined) expect(text("go.mod")).toMatch(new RegExp(`^(tool )?\\s*${goPackage}$`, "m"));
      else expect(goPackage.startsWith(`${module}/`)).toBe(true);
      expect(text("go.mod")).toMatch(new RegExp(`^(require )?\\s*${module} v${version}( // indirect)?$`, "m"));
      expect(text("go.sum")).toContain(`${module} v${version} h1:`);
    },
  );

  test("its staging modules, if it has any, are replaced by those of the same release", () => {
    const replaced = [...text("go.mod").matchAll(/^\t(\S+) => (\S+) (\S+)$/gm)];
    expect(replaced.length > 25).toBe(product === "kubernetes");
    const staging = `v0.${version.replace(/^1\./, "")}`;
    for (const [, from, to, at] of replaced) expect([from, at]).toEqual([to, staging]);
  });

  test("it says of itself what the catalogue says", () => {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(new Date(release.released).toISOString()).toBe(release.released.replace("Z", ".000Z"));
    expect(release.variables["k8s.io/component-base/version.gitVersion"]).toBe(
      product === "kubernetes" ? `v${version}` : undefined,
    );
  });

  test("pinned sums are sha256 sums of its own binaries", () => {
    for (const [name, sums] of Object.entries(release.sums)) {
      expect(Object.entries(binaries).find(([own]) => own === name)?.[1].product).toBe(product);
      expect(arches).toEqual(expect.arrayContaining(Object.keys(sums)));
      for (const sum of Object.values(sums)) expect(sum).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});

test("every folder with a go.mod is a release of the catalogue", () => {
  const folders = products.flatMap((product) =>
    readdirSync(join(moduleRoot, product), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `${product}/${name}`),
  );
  expect(folders.sort()).toEqual(releases.map(({ product, version }) => `${product}/${version}`).sort());
});

test("what goes with a release follows it", () => {
  const versions = Object.fromEntries(
    catalogueOf({ kubernetes: "1.36.3", etcd: "3.6.16" }).map(({ name, release }) => [name, release.version]),
  );
  expect(versions).toEqual({
    etcd: "3.6.16",
    etcdctl: "3.6.16",
    etcdutl: "3.6.16",
    "kube-apiserver": "1.36.3",
    "kube-controller-manager": "1.36.3",
    "kube-scheduler": "1.36.3",
    kubectl: "1.36.3",
    kwok: "0.8.0",
    restic: "0.18.1",
    versitygw: "1.8.0",
    kubelet: "1.36.3",
    "kube-proxy": "1.36.3",
    kubeadm: "1.36.3",
    containerd: "2.4.2",
    "containerd-shim-runc-v2": "2.4.2",
    ctr: "2.4.2",
    runc: "1.5.3",
    "cni-bridge": "1.10.0",
    "cni-host-local": "1.10.0",
    "cni-loopback": "1.10.0",
    "cni-portmap": "1.10.0",
    crictl: "1.37.0",
    pause: "1.36.3",
    crane: "0.22.1",
  });
});

test("a release that there is not is an error of whoever asks, with those that there are", () => {
  expect(() => catalogueOf({ ...defaultReleases, kubernetes: "1.36.1" })).toThrow(
    /^"1\.36\.1" is no release of Kubernetes.*there are 1\.35\.4, 1\.36\.3, 1\.37\.2/,
  );
  expect(() => catalogueOf({ ...defaultReleases, etcd: "constructor" })).toThrow(
    /^"constructor" is no release of etcd/,
  );
});

test("downloads have the addresses of the publishers", () => {
  const entries = catalogueOf({ kubernetes: "1.36.3", etcd: "3.6.16" });
  const address = (name: string, arch: Arch = "arm64") => {
    const found = downloadOf(select(entries, [name])[0]!, arch);
    return found && `${found.url}${found.member ? `#${found.member}` : ""}`;
  };
  expect(address("kubelet")).toBe("https://dl.k8s.io/release/v1.36.3/bin/linux/arm64/kubelet");
  expect(address("etcdutl")).toBe(
    "https://github.com/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-linux-arm64.tar.gz#etcd-v3.6.16-linux-arm64/etcdutl",
  );
  expect(address("kwok")).toBe("https://github.com/kubernetes-sigs/kwok/releases/download/v0.8.0/kwok-linux-arm64");
  // Some publishers have other words for one of the two.
  expect(address("crane", "amd64")).toMatch(/_Linux_x86_64\.tar\.gz#crane$/);
  expect(address("crane")).toMatch(/_Linux_arm64\.tar\.gz#crane$/);
  expect(address("versitygw", "amd64")).toMatch(
    /versitygw_v1\.8\.0_Linux_x86_64\.tar\.gz#versitygw_v1\.8\.0_Linux_x86_64\/versitygw$/,
  );
  expect(address("cni-bridge", "amd64")).toMatch(/\/cni-plugins-linux-amd64-v1\.10\.0\.tgz#\.\/bridge$/);
  expect(address("pause")).toBeUndefined();
});

test("what nobody publishes by itself cannot be downloaded, whatever sum is given", () => {
  expect(() => requirePins(select(newest, ["pause"]), "amd64", { pause: "0".repeat(64) })).toThrow(
    /no pinned sum .* of pause: not downloaded\n {2}got: {5}pause 1\.37\.2: nobody publishes it by itself/,
  );
});

test("a selection has the catalogue's order and no doubles", () => {
  const names = select(newest, ["kubectl", "etcd", "kubectl"]).map((entry) => entry.name);
  expect(names).toEqual(["etcd", "kubectl"]);
  expect(select(newest, defaultBinaries)).toHaveLength(defaultBinaries.length);
});

test("unknown names are all reported, with what is allowed", () => {
  expect(() => select(newest, ["etcd", "kube-api", "ectd"])).toThrow(
    /unknown binaries\n {2}got: {5}"kube-api", "ectd"\n {2}allowed: etcd, etcdctl.*kubeadm.*\n {2}do: /,
  );
  expect(() => select(newest, [])).toThrow(/no binary named\n.*an empty list/);
});

test("binaries without a pinned sum are refused together, with the addresses and what to do", () => {
  const entries = select(newest, ["etcd", "kubectl"]).map((entry) => ({
    ...entry,
    download: { ...entry.download, sha256: {} },
  }));
  expect(() => requirePins(entries, "amd64", {})).toThrow(
    /no pinned sum for the amd64 release of etcd, kubectl.*etcd .*linux-amd64.tar.gz\n.*kubectl .*`toolchain.sha256`.*--sha256 etcd=<sum>/s,
  );
  expect(() => requirePins(entries, "amd64", { etcd: "0".repeat(64), kubectl: "1".repeat(63) })).toThrow(
    /release of kubectl: not downloaded/,
  );
});
