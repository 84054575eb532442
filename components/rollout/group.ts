/** The real hosts of a group, by its strategy, and what is done with them. */
import { rolloutEtcd } from "./etcd";
import { checkEtcd } from "./etcd-check";
import type { EtcdPlan } from "./etcd-shard";
import { RemoteShard } from "./etcdctl";
import { Executor } from "./executor";
import type { Run } from "./gate";
import { Fleet, type Target } from "./hosts";
import { rolloutMasters } from "./masters";
import { RemoteMasters } from "./masters-remote";
import type { EtcdStrategy, RolloutSpec } from "./spec";
import { rolloutTogether } from "./together";

/** @param established see {@link EtcdPlan} */
export async function rolloutGroup(
  spec: RolloutSpec,
  key: string,
  run: Run,
  established: boolean,
): Promise<Fleet<Target>> {
  const { strategy, hosts } = spec;
  const timeoutMs = spec.hostTimeoutSeconds * 1000;
  switch (strategy.kind) {
    case "etcd":
      return closing(new RemoteShard(hosts, key, timeoutMs), (shard) =>
        rolloutEtcd(shard, etcdPlan(spec, strategy, established), run),
      );
    case "masters":
      return closing(new RemoteMasters(hosts, strategy, key, timeoutMs), (masters) =>
        rolloutMasters(masters, hosts, timeoutMs, run),
      );
    case "together":
      return closing(new Executor(hosts, key, timeoutMs), (executor) =>
        rolloutTogether(executor, hosts, timeoutMs, run),
      );
  }
}

/** Refuses what a rollout would refuse before its first change, and changes nothing. */
export async function checkGroup(spec: RolloutSpec, key: string, run: Run): Promise<void> {
  const { strategy, hosts } = spec;
  const timeoutMs = spec.hostTimeoutSeconds * 1000;
  if (strategy.kind === "etcd")
    return closing(new RemoteShard(hosts, key, timeoutMs), (shard) =>
      checkEtcd(shard, etcdPlan(spec, strategy, false), run),
    );
  // Whether masters serve is not asked yet: a change of etcd or of the load balancer before theirs may be what they need.
  return closing(new Executor(hosts, key, timeoutMs), (executor) => new Fleet(executor, hosts, run).read());
}

function etcdPlan(spec: RolloutSpec, strategy: EtcdStrategy, established: boolean): EtcdPlan {
  const targets = spec.hosts.map((host) => ({ ...host, peerUrl: `https://${host.address}:${strategy.peerPort}` }));
  const hostTimeoutMs = spec.hostTimeoutSeconds * 1000;
  return { group: spec.group, token: strategy.token, targets, hostTimeoutMs, established };
}

async function closing<R extends { close(): void }, T>(remote: R, work: (remote: R) => Promise<T>): Promise<T> {
  try {
    return await work(remote);
  } finally {
    remote.close();
  }
}
