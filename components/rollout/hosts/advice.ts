/** What to do about a host that cannot take part in a rollout. */
import type { CauseKind } from "./answers";

export const hostAdvice = {
  unreachable:
    "Bring the host back, or make it anew by `kilonode replace` if it is lost: docs/operations.md#a-host-that-does-not-answer.",
  masked:
    "Someone has taken the service out on purpose; when that is over, unmask it: docs/operations.md#a-masked-unit.",
  notStaged: "Stage the host's content again: `kilonode up` does, when it is not limited to some resources.",
  restoring:
    "Finish the restore with that command, or take it back while nothing was exchanged: docs/operations.md#restore-a-shard.",
  stillStarting: "Look at what the service waits for: docs/operations.md#a-service-that-does-not-come-up.",
} as const;

/** What to do about a cause that a host tells of a service that is down. */
export const causeAdvice: Readonly<Record<CauseKind, string>> = {
  masked: hostAdvice.masked,
  full: "Make room there; the service comes back by itself: docs/operations.md#a-volume-that-is-full.",
  "bad-data":
    "Make the host anew by `kilonode replace`, so that it gets the data of the others: docs/operations.md#a-member-whose-data-is-damaged.",
  swapped:
    "Attach each disk where it belongs; nothing is lost as long as nobody writes: docs/operations.md#disks-that-are-swapped.",
  missing: "Put it back: docs/operations.md#a-program-or-a-file-that-is-missing.",
  "not-executable": "Make it executable again: docs/operations.md#a-program-or-a-file-that-is-missing.",
  "not-mounted": "Mount it, or find out where its disk is: docs/operations.md#a-volume-that-is-not-mounted.",
  refused: "Correct the setting that it does not take: docs/operations.md#a-setting-that-is-refused.",
  ends: "Look at what it says when it ends: docs/operations.md#a-service-that-does-not-come-up.",
  stopped: "Find out who has stopped it, then start it: docs/operations.md#a-service-that-does-not-come-up.",
};
