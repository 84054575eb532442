/**
 * What differs between platforms, as plain data that a plan is computed from. Whoever plans never asks which platform it is;
 * whatever a new platform does differently is a fact here, or it is the business of its placement alone.
 */

/** How a master runs the API server, the controller manager and the scheduler. */
export type ControlPlaneRuntime = "systemd" | "static-pod";

export interface PlatformFacts {
  /** Who takes the API's connections: a host of ours that runs haproxy, or a load balancer that the platform manages. */
  readonly api: { readonly kind: "host" } | ManagedApi;
  /** The addresses that hosts of each zone get, in the order of the zones. IPv4 ranges. */
  readonly zones: readonly { readonly name: string; readonly range: string }[];
  /** The same of zones that may be added: hosts let in today who may join them later. */
  readonly laterRanges: readonly string[];
  /** IPv4 ranges from which operators' connections come: the machine of a lab, a jump host. The configuration may add some. */
  readonly operators: readonly string[];
  /** Private DNS domain that has a record for each host: then URLs and certificates name hosts, not addresses. */
  readonly domain?: string;
  /** What the masters of this platform can run, the usual one first. */
  readonly runtimes: readonly [ControlPlaneRuntime, ...ControlPlaneRuntime[]];
  /** Name of a volume to the path under which a host finds its device, the same after each boot. */
  readonly devices: Readonly<Record<string, string>>;
  /** True: a member's volumes are over the network, so its machine needs no disks of its own. Default: false. */
  readonly networkVolumes?: boolean;
  readonly objectStore: ObjectStore;
  readonly backupStore: BackupStore;
  /** True: it makes the nodes of pools. */
  readonly placesPools: boolean;
  /**
   * How pods of real nodes reach each other. `bridge`: each node has a bridge with its own range, and the platform sends ranges to nodes;
   * `platform`: by a network of the platform's own, which brings its own configuration to the nodes.
   */
  readonly podNetwork: "bridge" | "platform";
  /** Nodes that one host simulates, so that pods get scheduled and turn Running. 0: there is no such host. */
  readonly simulatedNodes: number;
  /** True: hosts share the kernel of a machine, which alone can set most of its settings. */
  readonly sharedKernel: boolean;
  /** Keys of the platform's own, as a stack's file has them, to what a cluster keeps for good. */
  readonly heldTo: Readonly<Record<string, string>>;
}

/** A load balancer of the platform. Which masters take connections, it asks each at `http://<address>:3990/readyz`: 200 or 503. */
export interface ManagedApi {
  readonly kind: "managed";
  /** DNS name. */
  readonly name: string;
  /**
   * From a master's first 503 until the last new connection has gone to it: the checks that must fail, with their time-outs, and what
   * the load balancer then takes to act on it. Masters that stop go on serving for so long.
   */
  readonly drainSeconds: number;
  /** From a master's first 200 until connections go to it again: a rollout waits for so long before it takes the next one. */
  readonly returnSeconds: number;
}

/** Where backups go, which is S3 everywhere. */
export type BackupStore =
  /** A host of ours. */
  | { readonly kind: "host" }
  /** `url` of the bucket, by path. Hosts are let in by their role. */
  | { readonly kind: "bucket"; readonly url: string; readonly region: string };

/** Where artifacts are. */
export type ObjectStore =
  /** A folder that every host sees, read-only. */
  | { readonly kind: "folder"; readonly path: string }
  /** `url` of the folder in the bucket that has <sha256>/<name>. `region`: hosts sign their requests for S3 there, with the rights of their role. */
  | { readonly kind: "bucket"; readonly url: string; readonly region?: string };
