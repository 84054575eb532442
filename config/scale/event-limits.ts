/**
 * Derived: how many events an API server takes (admission plugin EventRateLimit). Events are told as far as there is room: one that is
 * refused is not sent again (client-go tools/record/event.go), so that a storm of them ends here and not in etcd.
 */
import type { Book } from "./book";
import type { EventLimits } from "./types";

const plugin = "https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#eventratelimit";
const burstSeconds = 10;

export function deriveEventLimits(book: Book): EventLimits {
  const row = book.below("eventLimits");
  const of = (path: string) => book.entries.get(path)?.value as number;
  const { nodes } = book.workload;
  const podsPerSecond = of("scheduler.qps");
  const legitimate = 2 * podsPerSecond + (5 * podsPerSecond + nodes / 200) / of("masters.survivors");
  const serverQps = row(
    "serverQps",
    100 * Math.ceil((2 * legitimate) / 100),
    "events/s",
    "twice what a server sees while pods are made as fast as they can be bound, in steps of 100: of a pod's 7 events those of the scheduler and of its owner over one connection each, 5 from kubelets over the masters left without a zone; and one a node every 200 s",
    `own rule; a kubelet alone may write 50 a second (eventRecordQPS), so that all of them could write many thousands; ${plugin}`,
    ["scheduler.qps", "workload.nodes", "masters.survivors"],
  );
  const userQps = row(
    "userQps",
    Math.max(podsPerSecond, of("controllerManager.qps")),
    "events/s",
    "the larger rate of the scheduler's and the controllers' own clients: they never meet this limit, whoever does is flooding",
    `own rule; ${plugin}`,
    ["scheduler.qps", "controllerManager.qps"],
  );
  return {
    serverQps,
    serverBurst: row(
      "serverBurst",
      burstSeconds * serverQps,
      "events",
      "10 s of the rate: a zone that is lost says so at once",
      "own rule",
      ["eventLimits.serverQps"],
    ),
    userQps,
    userBurst: row("userBurst", 2 * userQps, "events", "twice the rate", "own rule: above every client's burst", [
      "eventLimits.userQps",
    ]),
    users: row(
      "users",
      Math.max(4096, nodes + 1000),
      "users",
      "every node and 1,000 more, at least 4,096 (the default): one that is forgotten begins with a whole burst",
      plugin,
      ["workload.nodes"],
    ),
  };
}
