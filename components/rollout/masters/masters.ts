/** What the masters' strategy needs of the world. */
import type { Clock, Hosts, Target } from "../hosts/hosts";
import type { PreviousRollout } from "../result";

export interface Backend {
  readonly name: string;
  /** The load balancer's word: UP, NOLB (not ready), DOWN, DRAIN, MAINT ...; where the platform balances, UP or for how long it is ready. */
  readonly status: string;
}

/** Leases by which one master at a time runs what no two may run at once: until both are held, nothing is scheduled or reconciled. */
export const leaderLeases = ["kube-controller-manager", "kube-scheduler"] as const;

export interface Masters extends Hosts, Clock {
  /** Why the host's API server is not ready; undefined when it is. */
  unready(host: string): Promise<string | undefined>;
  /** These at least. undefined: nobody can tell. */
  backends(hosts: readonly string[]): Promise<readonly Backend[] | undefined>;
  /** Those of {@link leaderLeases} that the host holds. */
  leases(host: string): Promise<readonly string[]>;
}

export interface MastersPlan<T extends Target = Target> {
  readonly targets: readonly T[];
  readonly hostTimeoutMs: number;
  /** How late the load balancer sends traffic to a master that is ready again; 0: it says so itself. */
  readonly returnMs: number;
  /**
   * Services that are changed on all masters before anything else is: the API servers, in an upgrade to another minor release.
   * Empty: one pass.
   */
  readonly first: readonly string[];
}

/**
 * A controller manager or scheduler must not be newer than any API server that it may talk to, and these talk to all of them,
 * by way of the load balancer (https://kubernetes.io/releases/version-skew-policy/#kube-controller-manager-kube-scheduler-and-cloud-controller-manager).
 *
 * A rollout that was completed and told no release counts as one of another minor: that is slower, and always right.
 */
export function goFirst(
  { completed, release: previous }: PreviousRollout,
  release: string,
  apiServices: readonly string[],
): readonly string[] {
  const sameMinor = previous !== undefined && minorOf(previous) === minorOf(release);
  return !completed || sameMinor ? [] : apiServices;
}

const minorOf = (release: string): string => release.split(".").slice(0, 2).join(".");
