/**
 * The releases that a cluster can run, as data. Only what can really be had stands here: each has its folder toolchain/<product>/<version>
 * with a go.mod and a go.sum that build it, and flags that are known (config/flags/known). How to add one: docs/releases.md.
 *
 * No other source file repeats a version; the go.mod must (Go has no other way), and `test/toolchain/catalogue.test.ts` holds the two
 * together. Pure data: no import, so that anything may import it.
 */

/** Processor architectures a host can have. The operating system is always Linux. */
export const arches = ["amd64", "arm64"] as const;
export type Arch = (typeof arches)[number];

/** One version of a product: what all its binaries share. */
export interface Release {
  /** No leading "v". */
  readonly version: string;
  /** When it was published, UTC. It is the build date compiled into the binaries: a clock would make every build differ. */
  readonly released: string;
  /** Go build tags of the official build. */
  readonly tags: readonly string[];
  /** Go variables set at link time, as `import/path.name` -> value: what `--version` prints. */
  readonly variables: Readonly<Record<string, string>>;
  /**
   * Sums of the official downloads, by binary and architecture. One that is missing has not been checked and pinned yet, and the `release`
   * source refuses that binary until the configuration gives `toolchain.sha256`. A sum goes in here only after it was seen in two
   * independent places. For etcd it is the sum of the archive (its SHA256SUMS).
   */
  readonly sums: Readonly<Record<string, Readonly<Partial<Record<Arch, string>>>>>;
}

/** Tags of the official build since 1.34 (KUBE_GOTAGS in its hack/lib/golang.sh); grpcnotrace lets the linker drop dead code. */
const kubernetesTags = ["selinux", "notest", "grpcnotrace"];

/** Link-time variables of Kubernetes, as its own hack/lib/version.sh sets them (the commit is not known from a module, so it stays empty). */
function kubernetes(version: string, released: string): Release {
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
  const variables = packages.flatMap((path) =>
    Object.entries(values).map(([name, value]) => [`${path}.${name}`, value]),
  );
  return { version, released, tags: kubernetesTags, variables: Object.fromEntries(variables), sums: {} };
}

/** A release that says its version only if the linker tells it. @param variable as `import/path.name` */
function told(
  version: string,
  released: string,
  variable: string,
  value = version,
  tags: readonly string[] = [],
): Release {
  return { version, released, tags, variables: { [variable]: value }, sums: {} };
}

/** etcd, kwok, restic and runc carry their version in the source of the module; of versitygw nobody asks it. */
function plain(version: string, released: string, sums: Release["sums"] = {}, tags: readonly string[] = []): Release {
  return { version, released, tags, variables: {}, sums };
}

/** Product to its releases, oldest first. `released` is `Time` in `go list -m -json <module>@v<version>`. */
export const catalogue = {
  etcd: [plain("3.6.16", "2026-10-22T22:52:36Z"), plain("3.7.3", "2026-10-22T23:01:34Z")],
  kubernetes: [
    kubernetes("1.35.4", "2026-04-15T18:01:22Z"),
    kubernetes("1.36.3", "2026-07-22T18:07:38Z"),
    kubernetes("1.37.2", "2026-10-27T12:01:04Z"),
  ],
  // The simulated nodes are no part of a cluster's configuration: the newest is the one that is used.
  kwok: [
    plain("0.8.0", "2026-06-23T03:27:00Z", {
      kwok: { amd64: "f5a4385a2ae1b9dd7f8acae18e002a75c0ebba124ae9d7259aa8dadb50711f46" },
    }),
  ],
  // Nor is what stores backups.
  restic: [plain("0.18.1", "2025-09-21T18:04:58Z")],
  versitygw: [plain("1.8.0", "2026-09-04T20:21:34Z")],
  // What real nodes run beside Kubernetes' own, and what images are made with. Tags are those of the official static builds; runc has no
  // libpathrs, which is a library in Rust that no distribution has.
  containerd: [
    told("2.4.2", "2026-10-13T22:25:12Z", "github.com/containerd/containerd/v2/version.Version", "v2.4.2", [
      "urfave_cli_no_docs",
      "osusergo",
      "netgo",
      "static_build",
    ]),
  ],
  runc: [plain("1.5.3", "2026-11-12T07:34:35Z", {}, ["seccomp", "urfave_cli_no_docs", "netgo", "osusergo"])],
  "cni-plugins": [
    told(
      "1.10.0",
      "2026-11-09T15:57:56Z",
      "github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion",
      "v1.10.0",
    ),
  ],
  "cri-tools": [told("1.37.0", "2026-09-01T08:24:10Z", "sigs.k8s.io/cri-tools/pkg/version.Version")],
  crane: [told("0.22.1", "2026-09-04T00:07:21Z", "github.com/google/go-containerregistry/cmd/crane/cmd.Version")],
} as const satisfies Readonly<Record<string, readonly Release[]>>;

export type Product = keyof typeof catalogue;
