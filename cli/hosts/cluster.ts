/** A running cluster as its outputs describe it: where the hosts are and how to reach them. */
import type { ClusterHost } from "../../components/cluster";
import { CliError, exitCodes } from "../errors";
import { openStack } from "../run/engine";
import { shortList } from "../show/names";
import { type CheckedStack, checkedStack } from "../stack/configuration";

export interface RunningCluster {
  readonly checked: CheckedStack;
  readonly apiEndpoint: string;
  readonly kubeconfig: string;
  /** OpenSSH private key. */
  readonly sshKey: string;
  readonly hosts: readonly ClusterHost[];
}

export interface ClusterOptions {
  readonly engine?: string;
}

export async function runningCluster(stack: string, { engine }: ClusterOptions): Promise<RunningCluster> {
  const checked = checkedStack(stack);
  const opened = openStack(checked, { engine, make: false, say: () => undefined });
  const outputs = (await opened.exists()) ? await opened.outputs({ showSecrets: true }) : {};
  const { apiEndpoint, kubeconfig, sshKey, hosts } = outputs;
  if (
    typeof apiEndpoint === "string" &&
    typeof kubeconfig === "string" &&
    typeof sshKey === "string" &&
    Array.isArray(hosts)
  ) {
    return { checked, apiEndpoint, kubeconfig, sshKey, hosts: hosts as unknown as ClusterHost[] };
  }
  throw new CliError(
    `there is no cluster of stack ${stack} yet (no \`up\` has come to its end); run \`kilonode up ${stack}\``,
  );
}

/** The host of this name; the stack's name in front may be left out. */
export function hostNamed({ checked, hosts }: Pick<RunningCluster, "checked" | "hosts">, name: string): ClusterHost {
  const found = hosts.find((host) => host.name === name || host.name === `${checked.stack}-${name}`);
  if (found) return found;
  throw new CliError(
    `stack ${checked.stack} has no host "${name}"; its hosts are: ${shortList(hosts.map((host) => host.name))}`,
    exitCodes.badConfiguration,
  );
}
