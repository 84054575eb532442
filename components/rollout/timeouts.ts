/** How long one host of a group may take from its change to passing its gate: derived, each part with its reason. */

export type TimeoutFacts =
  | { readonly kind: "etcd"; readonly quotaGiB: number }
  | {
      readonly kind: "masters";
      /** --shutdown-delay-duration and --shutdown-watch-termination-grace-period. */
      readonly shutdownDelaySeconds: number;
      readonly shutdownWatchGraceSeconds: number;
      /** --storage-initialization-timeout: how long the watch caches may take to fill. */
      readonly storageInitializationSeconds: number;
      readonly staticPods: boolean;
      /** How late the load balancer may send traffic to a master that is ready again. */
      readonly returnSeconds: number;
    }
  /** `startSeconds`: the longest time that a service of these hosts may take to start (its TimeoutStartSec). */
  | { readonly kind: "together"; readonly startSeconds: number };

export interface TimeoutPart {
  readonly what: string;
  readonly seconds: number;
  readonly why: string;
}

export function hostTimeoutSeconds(facts: TimeoutFacts): number {
  return timeoutParts(facts).reduce((sum, { seconds }) => sum + seconds, 0);
}

export function timeoutParts(facts: TimeoutFacts): readonly TimeoutPart[] {
  switch (facts.kind) {
    case "etcd":
      return [activation, ...etcdParts(facts.quotaGiB)];
    case "masters":
      return [activation, ...mastersParts(facts)];
    case "together":
      return [
        activation,
        { what: "start", seconds: facts.startSeconds, why: "the TimeoutStartSec of its slowest unit" },
      ];
  }
}

const activation: TimeoutPart = {
  what: "activation",
  seconds: 180,
  why: "a first creation starts every host of the lab at once: two and a half times the 70 s that its whole `up` takes on two cores",
};

const MIB_PER_GIB = 1024;
/** A fifth of 1 Gbit/s: peers go ahead of clients, and a member that is served must not starve the others. */
const TRANSFER_MIB_PER_SECOND = 25;
/** A slow network disk. etcd reads its whole database at the start, to build the index of its keys. */
const LOAD_MIB_PER_SECOND = 50;

function etcdParts(quotaGiB: number): TimeoutPart[] {
  const at = (rate: number) => Math.ceil((quotaGiB * MIB_PER_GIB) / rate);
  return [
    { what: "stop", seconds: 30, why: "TimeoutStopSec of etcd.service" },
    {
      what: "transfer",
      seconds: at(TRANSFER_MIB_PER_SECOND),
      why: `a learner gets the whole database, at most ${quotaGiB} GiB, at ${TRANSFER_MIB_PER_SECOND} MiB/s`,
    },
    {
      what: "start",
      seconds: at(LOAD_MIB_PER_SECOND),
      why: `at most ${quotaGiB} GiB are read from the disk, at ${LOAD_MIB_PER_SECOND} MiB/s`,
    },
  ];
}

function mastersParts(facts: Extract<TimeoutFacts, { kind: "masters" }>): TimeoutPart[] {
  return [
    {
      what: "drain",
      seconds: facts.shutdownDelaySeconds + 60 + facts.shutdownWatchGraceSeconds,
      why: "the shutdown delay, the longest request (60 s, --request-timeout) and the time over which watches end",
    },
    {
      what: "start",
      seconds: facts.storageInitializationSeconds,
      why: "the watch caches fill before the API server is ready (--storage-initialization-timeout)",
    },
    {
      what: "rotation",
      seconds: facts.returnSeconds,
      why: "the load balancer looks every few seconds, and more than once",
    },
    ...(facts.staticPods
      ? [
          {
            what: "kubelet",
            seconds: 50,
            why: "the kubelet looks at its manifests every 20 s (fileCheckFrequency), and gives the old pod 30 s to end",
          },
        ]
      : []),
  ];
}
