/** How long a host may take: by what it has to do, not by one constant. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hostTimeoutSeconds, timeoutParts } from "../../components/rollout/timeouts";

const unit = (name: string) =>
  readFileSync(`components/machine/files/usr/local/lib/systemd/system/${name}.service`, "utf8");
const masters = {
  kind: "masters",
  shutdownDelaySeconds: 10,
  shutdownWatchGraceSeconds: 5,
  storageInitializationSeconds: 60,
  staticPods: false,
  returnSeconds: 15,
} as const;

describe("the time that a host may take", () => {
  it("grows with the database that a learner is sent: 8 GiB take minutes more than 1 GiB", () => {
    expect(hostTimeoutSeconds({ kind: "etcd", quotaGiB: 1 })).toBe(180 + 30 + 41 + 21);
    expect(hostTimeoutSeconds({ kind: "etcd", quotaGiB: 8 })).toBe(180 + 30 + 328 + 164);
  });

  it("is for a master its drain, the filling of its caches, and the load balancer", () => {
    expect(hostTimeoutSeconds(masters)).toBe(180 + 75 + 60 + 15);
    const large = { ...masters, shutdownWatchGraceSeconds: 30, storageInitializationSeconds: 300 };
    expect(hostTimeoutSeconds(large)).toBe(180 + 100 + 300 + 15);
  });

  it("is longer where the load balancer sends traffic late", () => {
    expect(hostTimeoutSeconds({ ...masters, returnSeconds: 40 })).toBe(180 + 75 + 60 + 40);
  });

  it("is longer for static pods, which a kubelet restarts when it looks", () => {
    expect(hostTimeoutSeconds({ ...masters, staticPods: true })).toBe(180 + 75 + 60 + 15 + 50);
  });

  it("is for hosts without an order what their slowest unit may take", () => {
    expect(hostTimeoutSeconds({ kind: "together", startSeconds: 600 })).toBe(780);
  });

  it("covers what the units themselves are given", () => {
    expect(unit("etcd")).toContain("TimeoutStopSec=30s");
    expect(unit("kwok-nodes")).toContain("TimeoutStartSec=600s");
  });

  it("says why, for each part", () => {
    for (const { what, seconds, why } of timeoutParts({ kind: "etcd", quotaGiB: 8 })) {
      expect([what, seconds > 0, why.length > 20]).toEqual([what, true, true]);
    }
  });
});
