/**
 * Whether the hosts that run trust all authorities of the plan by now. A host whose machine is changed comes back with nothing but its
 * planned content, and shows what the planned authorities have signed: to hosts that do not trust them it would be a stranger. So while one
 * of them does not, machines that would have to restart wait for the next update.
 */
import { X509Certificate } from "node:crypto";
import type * as pulumi from "@pulumi/pulumi";
import { SshConnection } from "../access/ssh";
import { known } from "../known";
import { certificatesIn } from "../pki/pem";
import { keysOf, subjectOf } from "../plan/authorities";
import type { ClusterPlan, HostPlan } from "../plan/types";
import type { FoundMachine, Placement } from "../platform/module";

type Plan = Pick<ClusterPlan, "stack" | "hosts" | "keys">;

/** @returns the placement, and the names of the hosts whose machines wait; they are left as they were found */
export async function afterTrust(
  plan: Plan,
  placement: Placement,
  sshKey: pulumi.Output<string>,
): Promise<{ readonly placement: Placement; readonly waiting: readonly string[] }> {
  const restarts = (host: HostPlan) => restartsIn(placement.found(host));
  const waiting = plan.hosts.filter(restarts).map(({ name }) => name);
  if (waiting.length === 0 || !(await strangers(plan, placement, await known(sshKey))))
    return { placement, waiting: [] };
  const later: Placement = {
    boundary: placement.boundary,
    found: (host) => {
      const found = placement.found(host);
      return restartsIn(found) ? { ...found, change: "none" } : found;
    },
    host: (host, after) => placement.host(host, after, waiting.includes(host.name)),
  };
  return { placement: later, waiting };
}

function restartsIn(found: FoundMachine): found is Extract<FoundMachine, { state: "running" }> {
  return found.state === "running" && found.change === "a restart";
}

/** A host that does not answer is for the gates to judge. */
async function strangers(plan: Plan, placement: Placement, privateKey: string | undefined): Promise<boolean> {
  if (privateKey === undefined) return false;
  const asked = plan.hosts.map(async (host) => {
    const found = placement.found(host);
    if (found.state === "absent" || !found.knowsKey) return false;
    const connection = new SshConnection(found.target, privateKey);
    try {
      const { stdout } = await connection.run(["cat", ...Object.keys(host.pem)]);
      return stdout !== "" && !trustsAll(plan, host, stdout);
    } catch {
      return false;
    } finally {
      connection.close();
    }
  });
  return (await Promise.all(asked)).includes(true);
}

/** @param pem what the host trusts, whatever else is in it */
export function trustsAll(
  { stack, keys }: Pick<Plan, "stack" | "keys">,
  { pem: planned }: HostPlan,
  pem: string,
): boolean {
  const found = new Set(subjects(pem));
  return Object.values(planned).every(
    (source) =>
      source.kind !== "authorities" ||
      source.authorities.every((authority) =>
        keysOf({ keys }, authority).every((number) => found.has(`CN=${subjectOf(stack, authority, number)}`)),
      ),
  );
}

function subjects(pem: string): string[] {
  return certificatesIn(pem.slice(0, 100_000)).flatMap((block) => {
    try {
      return [new X509Certificate(block).subject];
    } catch {
      return [];
    }
  });
}
