/**
 * Before the rollouts: a host shows nothing that others do not trust yet, and ceases to trust nothing that others still show. Where staged
 * content brings another authority, or another key for tokens or Secrets, that takes three walks over all groups:
 *  1. each host trusts the old and the new ("trust");
 *  2. each host shows the new: certificates, keys that sign ("show");
 *  3. the rollouts, by which what is not planned any more ceases to be trusted.
 * What has to be done is read from the hosts, so a run that was cut short anywhere goes on from there. Hosts that were never activated get
 * all of their content at once, in the rollouts: by then all others trust and show the new.
 */

import { tools } from "../machine/host-programs";
import { alone } from "./alone";
import { gateAdvice } from "./gate/advice";
import type { Progress } from "./gate/progress";
import { closing, rolloutGroup } from "./group";
import { type MachineStatus, readSecretKeys } from "./hosts/answers";
import type { ContentPart } from "./hosts/hosts";
import { RemoteHosts } from "./hosts/remote";
import type { PrepareSpec, RolloutHost, RolloutSpec, WaitingSpec } from "./spec";

/** Looks at the hosts of a group, and makes a part of their content live: by SSH, or of a test. */
export interface CredentialHosts {
  look(group: WaitingSpec): Promise<ReadonlyMap<string, MachineStatus>>;
  roll(group: RolloutSpec, part: ContentPart): Promise<void>;
  /** The keys under which Secrets are stored in a shard ("": in clear), with how many. */
  secretKeys(shard: WaitingSpec): Promise<ReadonlyMap<string, number>>;
  progressOf(group: string): Progress;
}

export async function credentialsFirst(spec: PrepareSpec, hosts: CredentialHosts): Promise<void> {
  const { groups, waves } = spec;
  for (const part of ["trust", "show"] as const) {
    const seen = await Promise.all(groups.map(async (group) => ({ group, statuses: await hosts.look(group) })));
    const distrusted = seen.some(({ statuses }) => [...statuses.values()].some(({ distrusts }) => distrusts));
    if (part === "trust" && distrusted) await refuseLostSecrets(spec, hosts);
    // When nothing ceases to be trusted, the rollouts may show the new host by host.
    if (part === "show" && !distrusted) return;
    for (const wave of waves) {
      const changes = seen
        .filter(({ group, statuses }) => wave.includes(group.group) && differs(statuses, part))
        .map(({ group, statuses }) => partOf(group, statuses, part));
      const results = await Promise.allSettled(changes.map((change) => hosts.roll(change, part)));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    }
  }
}

/** A Secret whose key is gone can be read by nobody, and API servers that meet one do not come up. */
async function refuseLostSecrets({ groups, secrets }: PrepareSpec, hosts: CredentialHosts): Promise<void> {
  const shard = groups.find(({ group }) => group === secrets.group);
  if (!shard)
    throw new Error(`there is no group ${secrets.group} among ${groups.map(({ group }) => group).join(", ")}`);
  const stored = await hosts.secretKeys(shard);
  const lost = [...stored].filter(([key]) => key !== "" && !secrets.keys.includes(key));
  hosts.progressOf(secrets.group).refuseAny(
    lost.map(([key, count]) => ({
      host: `all members of ${secrets.group}`,
      checked: `each Secret is stored under a key that stays (${secrets.keys.join(", ")})`,
      found: `${count} are stored under ${key}`,
      advice: gateAdvice.secretsUnderOldKey,
      lasting: true,
    })),
  );
}

function partOf(group: WaitingSpec, statuses: ReadonlyMap<string, MachineStatus>, part: ContentPart): RolloutSpec {
  const hosts = group.hosts.flatMap((host): RolloutHost[] => {
    const digest = statuses.get(host.name)?.parts[part];
    return digest === undefined ? [] : [{ ...host, digest }];
  });
  return { ...group, hosts };
}

const differs = (statuses: ReadonlyMap<string, MachineStatus>, part: ContentPart): boolean =>
  [...statuses.values()].some(({ active, parts }) => parts[part] !== undefined && parts[part] !== active);

export class RemoteCredentials implements CredentialHosts {
  readonly #locked = new Set<string>();

  constructor(
    readonly key: string,
    readonly progressOf: (group: string) => Progress,
  ) {}

  async look(group: WaitingSpec): Promise<ReadonlyMap<string, MachineStatus>> {
    const remote = new RemoteHosts(group.hosts, this.key, group.hostTimeoutSeconds * 1000);
    return closing(remote, async () => {
      const statuses = group.hosts.map(async ({ name }) => [name, await remote.status(name)] as const);
      return new Map(await Promise.all(statuses));
    });
  }

  async secretKeys(shard: WaitingSpec): Promise<ReadonlyMap<string, number>> {
    const remote = new RemoteHosts(shard.hosts, this.key, shard.hostTimeoutSeconds * 1000);
    const [first] = shard.hosts;
    if (!first) return new Map();
    return closing(remote, async () =>
      readSecretKeys(first.name, await remote.read(first.name, [`${tools}/secret-keys`])),
    );
  }

  async roll(group: RolloutSpec, part: ContentPart): Promise<void> {
    const progress = this.progressOf(group.group);
    if (!this.#locked.has(group.group)) await alone(group, progress.report);
    this.#locked.add(group.group);
    progress.report(
      part === "trust" ? "first: trust other authorities and keys as well" : "then: show what all trust by now",
    );
    // In this walk there is no order of services over all hosts: nothing else of the content goes live.
    const { strategy } = group;
    const previous = { completed: true, ...("release" in strategy && { release: strategy.release }) };
    await rolloutGroup(group, this.key, progress, previous, part);
  }
}
