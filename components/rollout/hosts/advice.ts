/** What to do about a host that cannot take part in a rollout. */
export const hostAdvice = {
  unreachable: "Bring the host back, or make it again if it is lost: docs/operations.md#a-host-that-does-not-answer.",
  masked:
    "Someone has taken the service out on purpose; when that is over, unmask it: docs/operations.md#a-masked-unit.",
  notStaged: "Stage the host's content again: `kilonode up` does, when it is not limited to some resources.",
  stillStarting: "Look at what the service waits for: docs/operations.md#a-service-that-does-not-come-up.",
} as const;
