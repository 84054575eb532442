/** What a row of the ledger says. */

/**
 * `done`: in force as recommended. `replaced`: something else does its work, for the reason given. `later`: not, or not all of
 * it, yet. `not ours`: deliberately left to others, for the reason given.
 */
export type LedgerStatus = "done" | "replaced" | "later" | "not ours";

export interface LedgerEntry {
  /** Letter of the area and number, for instance "A6". */
  readonly id: string;
  readonly area: string;
  readonly source: string;
  readonly recommendation: string;
  /** The form it takes with today's Kubernetes and etcd. */
  readonly form: string;
  readonly status: LedgerStatus;
  /** Paths in the repository. */
  readonly implementedIn: readonly string[];
  /** Test file and the name of the test in it. */
  readonly evidence: readonly { readonly file: string; readonly test: string }[];
  /** Why it was replaced or left out; of what comes later, how much is there (its code and tests are named all the same). */
  readonly reason?: string;
}
