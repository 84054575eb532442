/**
 * A host's desired content as data: what `machine-apply` puts on the host, and what a preview shows line by line. It holds no
 * name of a host: it can be a pool's template.
 *
 * Public by construction. Secret files travel in a {@link SecretFiles} of their own, private keys are made on the host.
 * No Pulumi import: a Machine can be printed, compared and tested without one.
 */
export interface Machine {
  /** System users that run the services. `uid` where it is known by number elsewhere, to a pod; its group has the same. */
  readonly users: Readonly<Record<string, { readonly home: string; readonly uid?: number }>>;
  readonly directories: Readonly<Record<string, Ownership>>;
  /** Absolute path to file. */
  readonly files: Readonly<Record<string, MachineFile>>;
  /** Absolute path (where it is found by name) to an artifact of the store. */
  readonly binaries: Readonly<Record<string, MachineBinary>>;
  /** The folder of a bucket that binaries are read from. Absent: the host sees the artifact store as a folder of its own. */
  readonly store?: { readonly url: string; readonly region?: string };
  /** Kernel modules loaded now and at every boot, before the sysctls that they bring. */
  readonly modules: readonly string[];
  /** Sysctl key to value. Never lowers a numeric value below what the host's kernel has: see {@link Sysctl}. */
  readonly sysctls: Readonly<Record<string, Sysctl>>;
  readonly volumes: readonly MachineVolume[];
  /** Absent: the host's network priority is left alone. */
  readonly traffic?: TrafficPlan;
  /** Absent: the host takes connections from everywhere. */
  readonly firewall?: FirewallPlan;
  /** Name of a unit ("etcd.service") or of a static pod ("kube-apiserver") to how it runs. */
  readonly services: Readonly<Record<string, MachineService>>;
}

/** `mode` is octal text ("0640"); `owner` is "user:group". */
export interface Ownership {
  readonly mode: string;
  readonly owner: string;
}

/**
 * `credential`: what the host trusts of others (a list of authorities, of keys), or what it shows of itself. Hosts that know each
 * other by these cannot change at one moment, so they are live before the rest: see rollout/credentials.ts.
 */
export interface MachineFile extends Ownership {
  readonly content: string;
  readonly credential?: "trusted" | "own";
}

/** The artifact store holds `<sha256>/<name>`; the host verifies the sum before it uses the file. */
export interface MachineBinary {
  readonly name: string;
  readonly version: string;
  /** Absent until the binary is built: see withArtifacts. No host takes content without it. */
  readonly sha256?: string;
}

/** `floor`: only ever raise the value found (fs.file-max is far higher on a modern kernel: then it is left alone). */
export interface Sysctl {
  readonly value: string;
  readonly floor: boolean;
}

/** A file system of its own, on a device of its own. The host formats an empty device, never another, and mounts it. */
export interface MachineVolume {
  readonly name: string;
  readonly mount: string;
  readonly fs: "ext4" | "xfs";
  readonly sizeGiB: number;
  /** Volumes that must not be on one device with this one. */
  readonly apartFrom: readonly string[];
  readonly owner: string;
  /** Absolute path, the same at every boot; from the platform's facts. */
  readonly device: string;
}

/**
 * Egress priority on the interface of the default route: the first class that matches wins, everything else goes to the
 * last band. Bands are 1 (first) to 3 (last). IPv4 and IPv6, source or destination port.
 */
export interface TrafficPlan {
  readonly classes: readonly { readonly name: string; readonly band: 1 | 2 | 3; readonly ports: readonly number[] }[];
}

/**
 * Who may open TCP connections to the host; all others' packets are dropped. `from` has IPv4 ranges, as "198.18.0.0/24", as
 * "198.18.0.10-198.18.0.39" or one address. The host itself, ICMP and answers to what the host asks always pass.
 */
export interface FirewallPlan {
  readonly allowed: readonly { readonly name: string; readonly port: number; readonly from: readonly string[] }[];
}

/** What a host runs, and a rollout restarts. */
export type MachineService = UnitService | StaticPodService;

/**
 * A systemd unit, by its whole name ("etcd.service"). `reloadOn` lists paths whose change reloads it; a change of the unit file
 * itself always restarts. `wait`: activation waits until the unit is active (false for etcd's first start, which becomes active
 * only with a quorum).
 */
export interface UnitService {
  readonly kind: "unit";
  readonly enabled: boolean;
  readonly running: boolean;
  readonly restartOn: readonly string[];
  readonly reloadOn: readonly string[];
  readonly wait: boolean;
}

/**
 * A static pod of the kubelet: /etc/kubernetes/manifests/<name>.yaml, a file of the machine, whose annotation
 * `kilonode.io/content: "<hex>"` says what it is made from. A changed manifest or path of `restartOn` makes the pod anew. `wait`:
 * activation waits until its container runs.
 */
export interface StaticPodService {
  readonly kind: "static-pod";
  readonly restartOn: readonly string[];
  readonly wait: boolean;
}

/** Files that never appear in a diff, a log or a clear-text state: delivered by a separate, secret input. */
export interface SecretFiles {
  readonly files: Readonly<Record<string, MachineFile>>;
}

/** One private key made on the host, and the certificate request for it. */
export interface KeyRequest {
  /** Name of the certificate, for instance "etcd-peer". */
  readonly name: string;
  /** Where the private key stays, for instance "/etc/etcd/pki/peer.key". */
  readonly keyPath: string;
  readonly owner: string;
  /** The number of the owner, where the machine's users have one; as text, like all of a request. */
  readonly uid?: string;
  readonly commonName: string;
  readonly organization?: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}
