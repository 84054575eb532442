/** How a master leaves and joins the rotation of a load balancer: what it is asked, how long it goes on serving, who answers for it. */
import type { Scale } from "../../config/scale";
import { environmentFile, hostFiles, hostServices } from "../machine/host-files";
import type { FirewallPlan, Machine } from "../machine/machine";
import type { PlanParts } from "../plan/parts";
import { ports } from "../plan/ports";
import { overridesOf } from "../plan/shards";
import type { CertificatePlan, ShardPlan } from "../plan/types";
import { healthCertificate } from "./certificates";

/**
 * /readyz without the shards that only hold some resources: the events shard without its quorum would take every API server
 * out of rotation at once, which helps nobody. The main shard counts, since a master may be cut off from it alone.
 */
export function readyPath(shards: readonly ShardPlan[]): string {
  const overrides = overridesOf(shards).flatMap(({ resources }) => resources);
  const excluded = overrides.flatMap((_, index) => [`etcd-override-${index}`, `etcd-override-readiness-${index}`]);
  return ["/readyz", excluded.map((check) => `exclude=${check}`).join("&")].filter((part) => part !== "").join("?");
}

/**
 * How long an API server may take to stop: until nobody is sent to it any more, the longest request (60 s, --request-timeout), the
 * time over which watches end (30 s at the largest size: a unit is the same at every one), 10 s to spare; and no less than
 * kube-apiserver.service says by itself.
 */
export function stopSeconds({ apiserver }: Scale): number {
  return Math.max(120, apiserver.shutdownDelaySeconds + 60 + 30 + 10);
}

interface Responder extends Pick<Machine, "users" | "files" | "services"> {
  readonly certificates: readonly CertificatePlan[];
  readonly allowed: FirewallPlan["allowed"];
}

const program = "/usr/local/lib/kilonode/apiserver-health";
const settings = "/etc/kubernetes/apiserver-health.env";
const unit = "apiserver-health.service";

/** What answers the health checks of the platform's load balancer on a master; nothing where a host of ours balances, which asks itself. */
export function healthResponder({ api, shards, spec }: PlanParts): Responder {
  if (api.balancer) return { users: {}, files: {}, services: {}, certificates: [], allowed: [] };
  return {
    users: { "apiserver-health": { home: "/nonexistent" } },
    files: {
      ...hostFiles(program, "/usr/local/lib/kilonode/ready-seconds"),
      ...hostServices(unit),
      [settings]: environmentFile({ PORT: ports.health, API_PORT: ports.apiserver, READY_PATH: readyPath(shards) }),
    },
    services: {
      // It reads its certificate and the authorities anew each time.
      [unit]: {
        kind: "unit",
        enabled: true,
        running: true,
        restartOn: [program, settings, "/etc/kubernetes/master.env"],
        reloadOn: [],
        wait: true,
      },
    },
    certificates: [healthCertificate],
    // The load balancer has some of the hosts' addresses, of its own choice.
    allowed: [{ name: "health checks", port: ports.health, from: [spec.network.hosts] }],
  };
}
