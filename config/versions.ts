/**
 * The one map of versions. Every binary a host runs is named here once: its version, the Go package it is compiled from, and its official
 * release with the pinned sum. No other file repeats a version; `toolchain/<product>/go.mod` must (Go has no other way), and
 * `test/toolchain/catalogue.test.ts` holds the two together.
 *
 * Pure data: no import, so that anything may import it.
 */

/** Processor architectures a host can have. The operating system is always Linux. */
export const arches = ["amd64", "arm64"] as const;
export type Arch = (typeof arches)[number];

/** What a cluster runs unless its configuration says otherwise. No leading "v". */
export const defaultVersions = {
  etcd: "3.7.3",
  kubernetes: "1.37.2",
  kwok: "0.8.0",
} as const;

export type ProductName = keyof typeof defaultVersions;

/** A set of binaries that share one version, one Go module and one release. */
export interface Product {
  readonly version: string;
  /** When the version was published, UTC. It is the build date compiled into the binaries: a clock would make every build differ. */
  readonly released: string;
  /** Go build tags of the official build. */
  readonly tags: readonly string[];
  /** Go variables set at link time, as `import/path.name` -> value: what `--version` prints. */
  readonly variables: Readonly<Record<string, string>>;
}

/** The official download of a binary. In `url` and `member`, `{version}` has no leading "v", and `{arch}` is an `Arch`. */
export interface Release {
  readonly url: string;
  /** Where the binary lies inside the archive; absent where the download is the binary itself. */
  readonly member?: string;
  /**
   * Sum of the download at `url`, for each architecture. Absent: nobody has checked and pinned it yet, and the `release` source refuses this
   * binary until the configuration gives `toolchain.sha256`. A sum goes in here only after it was seen in two independent places.
   */
  readonly sha256: Readonly<Partial<Record<Arch, string>>>;
}

export interface Binary {
  readonly product: ProductName;
  /** The Go module that holds the package, as toolchain/<product>/go.mod requires it at `v<version>`. */
  readonly module: string;
  /** The package with `func main`. */
  readonly goPackage: string;
  readonly release: Release;
}

/** Link-time variables of Kubernetes, as its own hack/lib/version.sh sets them (the commit is not known from a module, so it stays empty). */
function kubernetesVariables(version: string, released: string): Record<string, string> {
  const [major = "", minor = ""] = version.split(".");
  const values = {
    gitVersion: `v${version}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: "clean",
    gitCommit: "",
    buildDate: released,
  };
  const packages = ["k8s.io/client-go/pkg/version", "k8s.io/component-base/version"];
  return Object.fromEntries(
    packages.flatMap((path) => Object.entries(values).map(([name, value]) => [`${path}.${name}`, value])),
  );
}

const kubernetesReleased = "2026-10-27T12:01:04Z";

export const products: Readonly<Record<ProductName, Product>> = {
  // etcd and kwok carry their version in the source of the module.
  etcd: { version: defaultVersions.etcd, released: "2026-10-22T23:01:34Z", tags: [], variables: {} },
  kubernetes: {
    version: defaultVersions.kubernetes,
    released: kubernetesReleased,
    // The tags of the official build; grpcnotrace lets the linker drop dead code.
    tags: ["selinux", "notest", "grpcnotrace"],
    variables: kubernetesVariables(defaultVersions.kubernetes, kubernetesReleased),
  },
  kwok: { version: defaultVersions.kwok, released: "2026-06-23T03:27:00Z", tags: [], variables: {} },
};

/** etcd publishes one archive with all three programs; the sum is that of the archive (its SHA256SUMS). */
function etcd(name: string, module: string): Binary {
  return {
    product: "etcd",
    module,
    goPackage: module,
    release: {
      url: "https://github.com/etcd-io/etcd/releases/download/v{version}/etcd-v{version}-linux-{arch}.tar.gz",
      member: `etcd-v{version}-linux-{arch}/${name}`,
      sha256: {},
    },
  };
}

function kubernetes(name: string): Binary {
  return {
    product: "kubernetes",
    module: "k8s.io/kubernetes",
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    release: { url: `https://dl.k8s.io/release/v{version}/bin/linux/{arch}/${name}`, sha256: {} },
  };
}

/** Every binary, in the order they are compiled: what a lab waits for comes first. */
export const binaries = {
  etcd: etcd("etcd", "go.etcd.io/etcd/server/v3"),
  etcdctl: etcd("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
  etcdutl: etcd("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
  "kube-apiserver": kubernetes("kube-apiserver"),
  "kube-controller-manager": kubernetes("kube-controller-manager"),
  "kube-scheduler": kubernetes("kube-scheduler"),
  kubectl: kubernetes("kubectl"),
  kwok: {
    product: "kwok",
    module: "sigs.k8s.io/kwok",
    goPackage: "sigs.k8s.io/kwok/cmd/kwok",
    release: {
      url: "https://github.com/kubernetes-sigs/kwok/releases/download/v{version}/kwok-linux-{arch}",
      sha256: { amd64: "f5a4385a2ae1b9dd7f8acae18e002a75c0ebba124ae9d7259aa8dadb50711f46" },
    },
  },
  kubelet: kubernetes("kubelet"),
  "kube-proxy": kubernetes("kube-proxy"),
  kubeadm: kubernetes("kubeadm"),
} as const satisfies Readonly<Record<string, Binary>>;

export type BinaryName = keyof typeof binaries;

/** What the lab's hosts run: the control plane, its stores, the tools to operate them, and simulated nodes. */
export const labBinaries = [
  "etcd",
  "etcdctl",
  "etcdutl",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubectl",
  "kwok",
] as const satisfies readonly BinaryName[];

/** What a whole cluster runs, nodes included. kubeadm is known but not needed: Kilonode writes the static pods itself. */
export const defaultBinaries = [...labBinaries, "kubelet", "kube-proxy"] as const satisfies readonly BinaryName[];
