/** A cluster as far as it is made: where its hosts are and how to reach them. */
import type { ClusterHost } from "../../components/cluster";
import { exitCodes, UserError } from "../../config/errors";
import type { StackEngine } from "../run/engine";
import { openStack } from "../run/open-stack";
import type { Unfinished } from "../run/unfinished";
import { shortList } from "../show/names";
import { unfinishedText } from "../show/unfinished";
import { type CheckedStack, checkedStack } from "../stack/configuration";
import { type Known, knownFrom } from "./known";
import { accessLack, issuedFor } from "./kubeconfig";

export interface ReachableCluster extends Known {
  readonly checked: CheckedStack;
  readonly sshKey: string;
  /** The last run has not come to its end: what there is may be half of a cluster. */
  readonly unfinished: Unfinished | undefined;
}

/** One whose API can be asked. */
export interface RunningCluster extends ReachableCluster {
  readonly kubeconfig: string;
}

export interface ClusterOptions {
  readonly engine?: string;
}

/** Whatever there is, also after an `up` that failed or was killed. */
export function reachableCluster(stack: string, { engine }: ClusterOptions): Promise<ReachableCluster> {
  const checked = checkedStack(stack);
  return clusterOf(checked, openStack(checked, { engine, make: false, say: () => undefined }));
}

export async function clusterOf(checked: CheckedStack, opened: StackEngine): Promise<ReachableCluster> {
  const { stack } = checked;
  const none = `there is no cluster of stack ${stack} yet`;
  if (!(await opened.exists())) throw new UserError(`${none}; run \`kilonode up ${stack}\``);
  const state = await opened.state();
  const known = knownFrom(checked.plan, checked.platform, state);
  const { unfinished, pending } = state;
  const { sshKey, hosts } = known;
  if (sshKey !== undefined && hosts.length > 0) return { ...known, sshKey, checked, unfinished };
  const { resources } = state;
  const destroyed = resources.length > 0 && hosts.length === 0 && unfinished === undefined;
  if (destroyed)
    throw new UserError(
      `the cluster of stack ${stack} was destroyed, and its data and keys are kept; \`kilonode up ${stack}\` makes it again`,
    );
  const why = unfinished ? unfinishedText(stack, unfinished, pending) : `run \`kilonode up ${stack}\``;
  throw new UserError(`${none}: its state knows of no host; ${why}`);
}

export async function runningCluster(stack: string, options: ClusterOptions): Promise<RunningCluster> {
  const cluster = await reachableCluster(stack, options);
  const { text } = await issuedFor(cluster, "operator");
  const lack = accessLack(cluster);
  if (lack) process.stderr.write(`warning: ${lack}\n`);
  return { ...cluster, kubeconfig: text };
}

/** The host of this name; the stack's name in front may be left out. */
export function hostNamed(
  { checked, hosts, unmade }: Pick<ReachableCluster, "checked" | "hosts" | "unmade">,
  name: string,
): ClusterHost {
  const isMeant = (host: { readonly name: string }) => host.name === name || host.name === `${checked.stack}-${name}`;
  const found = hosts.find(isMeant);
  if (found) return found;
  const planned = unmade.find(isMeant);
  if (planned) {
    throw new UserError(
      `${planned.name} cannot be reached: ${planned.reason}; run \`kilonode up ${checked.stack}\`, which goes on from what there is`,
    );
  }
  throw new UserError(
    `stack ${checked.stack} has no host "${name}"; its hosts are: ${shortList(hosts.map((host) => host.name))}`,
    exitCodes.badConfiguration,
  );
}
