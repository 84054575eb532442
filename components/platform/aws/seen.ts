/** Instances of a cluster as AWS tells of them, and what that means for the hosts of a plan. */
import { UserError } from "../../../config/errors";
import type { ClusterPlan, HostPlan } from "../../plan/types";
import type { FoundMachine, MachineChange } from "../module";
import { login } from "../printed";
import type { Generation } from "./hosts";
import { fingerprintOf, type HostMachine, volumesTextOf } from "./machine";

/** An instance that is not gone for good. */
export interface SeenInstance {
  readonly id: string;
  readonly host: string;
  /** False: stopped, or on its way there. */
  readonly runs: boolean;
  readonly address: string | undefined;
  /** What its tags say; absent where a tag is missing. */
  readonly owner?: string | undefined;
  readonly machine?: string | undefined;
  readonly volumes?: string | undefined;
  readonly incarnation?: string | undefined;
  readonly sshKey?: string | undefined;
  readonly hostKey?: string | undefined;
}

/** A host of the plan beside what was seen of it. */
export interface Judged {
  readonly host: HostPlan;
  readonly machine: HostMachine;
  readonly seen: SeenInstance | undefined;
  /** Public key of the program; undefined: a preview that makes another one. */
  readonly sshKey: string | undefined;
}

/** @throws nothing: what cannot be was refused before, see {@link refused} */
export function foundMachine({ host, machine, seen, sshKey }: Judged): FoundMachine {
  // Without its key nobody can talk to it: its creation was cut short, and nothing of the cluster is on it.
  if (!seen?.runs || seen.hostKey === undefined) return { state: "absent" };
  const knowsKey = seen.sshKey === sshKey;
  const target = { ...login, name: host.name, address: host.address, hostKey: seen.hostKey };
  return { state: "running", target, knowsKey, change: changeOf(machine, seen, knowsKey) };
}

function changeOf(machine: HostMachine, seen: SeenInstance, knowsKey: boolean): MachineChange {
  if (seen.machine !== fingerprintOf(machine)) return "a restart";
  return knowsKey && seen.volumes === volumesTextOf(machine) ? "none" : "while it runs";
}

/**
 * How the host's resources are made. An instance that runs is left alone unless it is its turn to be replaced, whatever a plan or a state says.
 * @param asItIs true: it waits for another update
 */
export function generationOf(judged: Judged, asItIs: boolean, newIncarnation: string): Generation {
  const { machine, seen } = judged;
  const found = foundMachine(judged);
  const anew = { incarnation: newIncarnation, keep: "nothing" } as const;
  if (!seen?.runs) return anew;
  const incarnation = seen.incarnation ?? newIncarnation;
  if (asItIs) return { incarnation, keep: "all" };
  if (found.state === "running" ? found.change === "a restart" : seen.machine !== fingerprintOf(machine)) return anew;
  return { incarnation, keep: "instance" };
}

/**
 * Why none of this may be touched; empty when all of it is this state's and as it was made.
 * @param owner of this state; undefined: it has made nothing yet
 */
export function refused(
  { hosts, stack }: Pick<ClusterPlan, "hosts" | "stack">,
  seen: readonly SeenInstance[],
  owner: string | undefined,
): string[] {
  const planned = new Map(hosts.map((host) => [host.name, host]));
  const strange = seen.filter((one) => one.owner !== owner);
  const [first] = strange;
  if (first)
    return [
      `${strange.length} of the instances that are called hosts of ${stack} belong to another state: ${first.host} is ${first.id}, of owner ${first.owner ?? "nobody"}; ` +
        `this state ${owner === undefined ? "has made nothing yet" : `is ${owner}`}. With the keys of this one their cluster would be cut off from itself. Work where ` +
        "that state is, or bring it here (kilonode state export there, kilonode state import here). If it is lost, so are the keys of that cluster: terminate its instances first",
    ];
  return seen.flatMap((one) => {
    const others = seen.filter(({ host, id }) => host === one.host && id !== one.id);
    const host = planned.get(one.host);
    if (others.length > 0)
      return [
        `${one.host} is ${one.id}, and ${others.map(({ id }) => id).join(", ")} as well; a crash has left one of them: terminate the one that \`kilonode state export\` does not name`,
      ];
    if (host && one.runs && one.address !== host.address)
      return [
        `${one.id} is called ${one.host} and has the address ${one.address ?? "none"}, not ${host.address}; take its tag kilonode:host away, or terminate it`,
      ];
    return [];
  });
}

/** An instance that runs without a key in its tags may be a member whose tag somebody took away: it is not replaced outside of a turn. */
export function unreadable(judged: readonly Judged[]): string[] {
  return judged.flatMap(({ host, machine, seen }) =>
    seen?.runs && seen.hostKey === undefined && seen.machine !== fingerprintOf(machine)
      ? [
          `${host.name} (${seen.id}) runs, is to be replaced, and its tag kilonode:host-key is missing, so that nobody can ask what is on it. ` +
            "If its creation was cut short, terminate it; else take the change back, run `kilonode up`, which reads the key again, and make the change then",
        ]
      : [],
  );
}

/** Before anything is touched. */
export function refuse(problems: readonly string[]): void {
  if (problems.length > 0)
    throw new UserError("what is on AWS is not what this stack has made; nothing was touched", undefined, problems);
}
