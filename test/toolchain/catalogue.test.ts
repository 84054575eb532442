import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { binaries, defaultBinaries, products } from "../../config/versions";
import { catalogue, releaseOf, select } from "../../toolchain/catalogue";
import { requirePins } from "../../toolchain/release";

test.each(Object.entries(binaries))("go.mod pins %s at the version of config/versions.ts", (_, binary) => {
  const mod = readFileSync(join(__dirname, "../../toolchain", binary.product, "go.mod"), "utf8");
  const sum = readFileSync(join(__dirname, "../../toolchain", binary.product, "go.sum"), "utf8");
  const { version } = products[binary.product];
  expect(mod).toMatch(new RegExp(`^(tool )?\\s*${binary.goPackage}$`, "m"));
  expect(mod).toMatch(new RegExp(`^(require )?\\s*${binary.module} v${version}( // indirect)?$`, "m"));
  expect(sum).toContain(`${binary.module} v${version} h1:`);
});

test("the staging modules of Kubernetes are replaced by the versions of the same release", () => {
  const mod = readFileSync(join(__dirname, "../../toolchain/kubernetes/go.mod"), "utf8");
  const staging = `v0.${products.kubernetes.version.replace(/^1\./, "")}`;
  const replaced = [...mod.matchAll(/^\t(\S+) => (\S+) (\S+)$/gm)];
  expect(replaced.length).toBeGreaterThan(25);
  for (const [, from, to, version] of replaced) expect([from, version]).toEqual([to, staging]);
});

test("what --version of Kubernetes prints comes from the one map", () => {
  expect(products.kubernetes.variables["k8s.io/component-base/version.gitVersion"]).toBe(
    `v${products.kubernetes.version}`,
  );
});

test("releases have the addresses of the publishers", () => {
  const address = (name: string) => {
    const { url, member } = releaseOf(select(catalogue, [name])[0]!, "arm64");
    return `${url}${member ? `#${member}` : ""}`;
  };
  const { etcd, kubernetes, kwok } = products;
  expect(address("kubelet")).toBe(`https://dl.k8s.io/release/v${kubernetes.version}/bin/linux/arm64/kubelet`);
  expect(address("etcdutl")).toBe(
    `https://github.com/etcd-io/etcd/releases/download/v${etcd.version}/etcd-v${etcd.version}-linux-arm64.tar.gz#etcd-v${etcd.version}-linux-arm64/etcdutl`,
  );
  expect(address("kwok")).toBe(
    `https://github.com/kubernetes-sigs/kwok/releases/download/v${kwok.version}/kwok-linux-arm64`,
  );
});

test("pinned sums are sha256 sums", () => {
  for (const { release } of catalogue) {
    for (const sum of Object.values(release.sha256)) expect(sum).toMatch(/^[0-9a-f]{64}$/);
  }
});

test("a selection has the catalogue's order and no doubles", () => {
  const names = select(catalogue, ["kubectl", "etcd", "kubectl"]).map((entry) => entry.name);
  expect(names).toEqual(["etcd", "kubectl"]);
  expect(select(catalogue, defaultBinaries)).toHaveLength(defaultBinaries.length);
});

test("unknown names are all reported, with what is allowed", () => {
  expect(() => select(catalogue, ["etcd", "kube-api", "ectd"])).toThrow(
    /unknown binaries\n {2}got: {5}"kube-api", "ectd"\n {2}allowed: etcd, etcdctl.*kubeadm\n {2}do: /,
  );
  expect(() => select(catalogue, [])).toThrow(/no binary named\n.*an empty list/);
});

test("binaries without a pinned sum are refused together, with the addresses and what to do", () => {
  const entries = select(catalogue, ["etcd", "kubectl"]).map((entry) => ({
    ...entry,
    release: { ...entry.release, sha256: {} },
  }));
  expect(() => requirePins(entries, "amd64", {})).toThrow(
    /no pinned sum for the amd64 release of etcd, kubectl.*etcd .*linux-amd64.tar.gz\n.*kubectl .*`toolchain.sha256`.*--sha256 etcd=<sum>/s,
  );
  expect(() => requirePins(entries, "amd64", { etcd: "0".repeat(64), kubectl: "1".repeat(63) })).toThrow(
    /release of kubectl: not downloaded/,
  );
});
