/**
 * One rollout of a group at a time. The engine's own lock guards a stack, but an engine that was killed leaves its rollout
 * running: the next one must not change a second host beside it.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";
import type { RolloutSpec } from "./spec";

const waitSeconds = 120;
const orphanCheckMs = 500;

/**
 * Resolves once no other rollout of the same hosts runs on this machine. The lock is a socket in Linux's abstract namespace:
 * the kernel lets go of it when the process ends, however it ends.
 * @returns what lets go of it earlier
 */
export async function alone(
  spec: Pick<RolloutSpec, "group"> & { readonly hosts: readonly { readonly name: string }[] },
  say: (line: string) => void,
): Promise<() => void> {
  // The first host names the group for good: others come and go with its size.
  const digest = createHash("sha256").update(`${spec.group} ${spec.hosts[0]?.name}`).digest("hex").slice(0, 32);
  for (let second = 0; second <= waitSeconds; second++) {
    const lock = await bound(`\0kilonode-rollout-${digest}`);
    if (lock) return () => void lock.close();
    if (second === 0) say(`another rollout of ${spec.group} is still running here; waiting for it to stop`);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error(
    `another rollout of ${spec.group} has not stopped within ${waitSeconds} s; wait until it has ended, then run the same command again`,
  );
}

function bound(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen(name, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** Calls `stop` when the process that started this one is gone: nobody is left to record what it does. */
export function onOrphaned(stop: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    stop();
  }, orphanCheckMs);
  timer.unref();
}
