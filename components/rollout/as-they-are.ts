/** Hosts whose turn is still to come stay on the content that they have; one that has none takes no part yet. */
import { RemoteHosts } from "./hosts/remote";
import type { RolloutHost, RolloutSpec, WaitingSpec } from "./spec";

export async function asTheyAre(spec: WaitingSpec, key: string): Promise<RolloutSpec> {
  const waiting = spec.hosts.filter(({ digest }) => digest === undefined);
  const remote = new RemoteHosts(waiting, key, spec.hostTimeoutSeconds * 1000);
  try {
    const hosts = await Promise.all(
      spec.hosts.map(async ({ digest, ...host }): Promise<RolloutHost[]> => {
        if (digest !== undefined) return [{ ...host, digest }];
        const { active, staged } = await remote.status(host.name);
        const own = staged ?? active;
        return own === null ? [] : [{ ...host, digest: own }];
      }),
    );
    return { ...spec, hosts: hosts.flat() };
  } finally {
    remote.close();
  }
}
