/** The same target for OpenSSH's own client: a configuration in which nothing but the pinned keys is believed. */
import { type HostTarget, hostKeyAlgorithms, loginOf, type SshServer } from "./target";

export interface OpensshFiles {
  /** Text of ssh_config: `ssh -F <file> host`. ssh hands the file on to the connection to the jump host. */
  readonly config: string;
  readonly knownHosts: string;
}

/** The names by which the configuration knows the target and its jump host. */
export const opensshHost = "host";
const opensshJump = "jump";

/** @param keyFile path of the private key; @param knownHostsFile path at which `knownHosts` will be */
export function opensshFiles(target: HostTarget, keyFile: string, knownHostsFile: string): OpensshFiles {
  const { jump } = target;
  const blocks = [
    block(opensshHost, target, jump ? [`ProxyJump ${opensshJump}`] : []),
    ...(jump ? [block(opensshJump, jump, [])] : []),
    lines("Host *", [
      `IdentityFile ${keyFile}`,
      "IdentitiesOnly yes",
      "StrictHostKeyChecking yes",
      `UserKnownHostsFile ${knownHostsFile}`,
      "GlobalKnownHostsFile /dev/null",
      "UpdateHostKeys no",
      // Nothing of the operator's goes along: a host could use it.
      "ForwardAgent no",
      "ForwardX11 no",
      "ClearAllForwardings yes",
      "ConnectTimeout 10",
      "LogLevel ERROR",
    ]),
  ];
  const known = [`${opensshHost} ${target.hostKey.trim()}`, ...(jump ? [`${opensshJump} ${jump.hostKey.trim()}`] : [])];
  return { config: `${blocks.join("\n\n")}\n`, knownHosts: `${known.join("\n")}\n` };
}

function block(name: string, server: SshServer, more: readonly string[]): string {
  const { address, port, user, hostKey } = server;
  return lines(`# ${loginOf(server)}\nHost ${name}`, [
    `HostName ${address}`,
    `Port ${port}`,
    `User ${user}`,
    // Known by the alias, whatever its address and port.
    `HostKeyAlias ${name}`,
    `HostKeyAlgorithms ${hostKeyAlgorithms(hostKey).join(",")}`,
    ...more,
  ]);
}

const lines = (head: string, settings: readonly string[]): string =>
  [head, ...settings.map((one) => `  ${one}`)].join("\n");
