/**
 * Who may open a connection to which port of a host. By ranges of the address plan, never by the hosts that there are: so a host that
 * joins is let in by all that stand already, one that leaves is cut off by none, and no rule changes as the cluster grows or shrinks.
 */
import { rangesOf } from "../../config/names";
import { hostFiles, hostServices } from "../machine/host-files";
import type { FirewallPlan, Machine } from "../machine/machine";
import type { PlanParts } from "./parts";
import { ports } from "./ports";

/** A machine that operators may log in to, and that takes these connections beside. */
export function behindFirewall(parts: PlanParts, machine: Machine, ...allowed: FirewallPlan["allowed"]): Machine {
  return {
    ...machine,
    files: {
      ...machine.files,
      ...hostServices("host-firewall.service"),
      ...hostFiles("/usr/local/sbin/host-firewall"),
    },
    services: {
      ...machine.services,
      // Runs at boot; a change is loaded by machine-apply.
      "host-firewall.service": {
        kind: "unit",
        enabled: true,
        running: false,
        restartOn: [],
        reloadOn: [],
        wait: false,
      },
    },
    firewall: { allowed: [{ name: "operators", port: ports.ssh, from: operators(parts) }, ...allowed] },
  };
}

/** Whoever speaks to the API, and whoever passes it on. */
export function apiClients(parts: PlanParts): string[] {
  const { api, spec, territory } = parts;
  const { hosts, nodes, pods } = spec.network;
  // A load balancer that the platform manages has some of the hosts' addresses, of its own choice.
  const ours = api.balancer
    ? (["master", "load-balancer", "node-simulator"] as const).flatMap((role) => rangesOf(territory, role))
    : [hosts];
  return [...ours, nodes, pods, ...operators(parts)];
}

/** Whoever may log in to hosts. */
export const operators = ({ facts, spec }: PlanParts): string[] => [...facts.operators, ...spec.network.operators];
