/**
 * Derived: how the seats of one server divide over the priority levels. Upstream's levels keep upstream's shares unless the
 * load that the model expects needs more; two levels are added for bulk lists.
 */
import { type Book, rounded } from "./book";
import { constants as c } from "./constants";
import type { MastersScale, PriorityLevel, Rates } from "./types";

const bootstrap = "kubernetes/kubernetes staging/src/k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go";

/** Upstream's shares (nominalConcurrencyShares), and ours for bulk lists: a fiftieth and a hundredth of the seats. */
export const levelShares = {
  system: 30,
  "node-high": 40,
  "leader-election": 10,
  "workload-high": 40,
  "workload-low": 100,
  "global-default": 20,
  "catch-all": 5,
  "kilonode-cluster-lists": 5,
  "kilonode-known-bulk-lists": 2,
} as const;
export type LevelName = keyof typeof levelShares;

/** Seats that a level needs on one server, by Little's law: requests per second x time in the server. */
function needs(
  book: Book,
  rates: Rates,
  masters: MastersScale,
): Partial<Record<LevelName, [number, string, string[]]>> {
  const w = book.workload;
  const each = (perSecond: number, seconds: number) => rounded((perSecond * seconds) / masters.survivors, 1);
  const held = c.heartbeatSeconds.value;
  return {
    "node-high": [
      each(rates.leaseWritesPerSecond + 2 * rates.nodeStatusWritesPerSecond, held),
      "(Lease renewals + node status reads and writes per second) x 50 ms / masters left without a zone",
      [
        "rates.leaseWritesPerSecond",
        "rates.nodeStatusWritesPerSecond",
        "constants.heartbeatSeconds",
        "masters.survivors",
      ],
    ],
    system: [
      each(rates.podWritesPerSecond + rates.eventWritesPerSecond, held),
      "kubelets' pod status and events per second x 50 ms / masters left without a zone",
      ["rates.podWritesPerSecond", "rates.eventWritesPerSecond", "constants.heartbeatSeconds", "masters.survivors"],
    ],
    "leader-election": [2, "controller manager, scheduler and kube-system's controllers renew every 2 s", []],
    "workload-high": [
      rounded(rates.podWritesPerSecond + rates.sliceWritesPerSecond, 1) * held,
      "writes of controllers and the scheduler per second x 50 ms; they all talk to one server",
      ["rates.podWritesPerSecond", "rates.sliceWritesPerSecond", "constants.heartbeatSeconds"],
    ],
    "kilonode-cluster-lists": [
      rounded((w.bulkListers / 60 / masters.survivors) * 5, 1),
      "bulk listers a minute x 5 s a list / masters left without a zone",
      ["workload.bulkListers", "masters.survivors"],
    ],
  };
}

export function deriveLevels(
  book: Book,
  rates: Rates,
  masters: MastersScale,
  totalSeats: number,
): Readonly<Record<LevelName, PriorityLevel>> {
  const sum = Object.values(levelShares).reduce((a, b) => a + b, 0);
  const need = needs(book, rates, masters);
  const names = Object.keys(levelShares) as LevelName[];
  return Object.fromEntries(
    names.map((name) => {
      const at = `apiserver.levels.${name}`;
      const [wanted, formula, inputs] = need[name] ?? [0, "no load of its own in the model", []];
      const neededSeats = book.derive(`${at}.neededSeats`, {
        value: rounded(wanted, 1),
        unit: "seats",
        formula,
        inputs,
        source: "Little's law; times are assumptions",
      });
      const raised = Math.ceil((neededSeats * sum) / totalSeats);
      const shares = book.derive(`${at}.shares`, {
        value: Math.max(levelShares[name], raised),
        unit: "shares",
        formula: `${levelShares[name]}${name.startsWith("kilonode") ? " (ours)" : " (upstream's)"}, or what the needed seats come to`,
        inputs: [`${at}.neededSeats`, "apiserver.totalConcurrency"],
        source: bootstrap,
      });
      const seats = book.derive(`${at}.seats`, {
        value: Math.ceil((totalSeats * shares) / sum),
        unit: "seats",
        formula: `seats of the server x shares / ${sum} (all shares)`,
        inputs: ["apiserver.totalConcurrency", `${at}.shares`],
        source: "https://kubernetes.io/docs/concepts/cluster-administration/flow-control/",
      });
      return [name, { shares, seats, neededSeats }];
    }),
  ) as Record<LevelName, PriorityLevel>;
}
