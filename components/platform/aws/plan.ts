/** All of a cluster on AWS but its hosts, whose machines have their turns: as data. */
import { buckets } from "./buckets";
import { keys } from "./keys";
import { network } from "./network";
import type { AwsParts, Buckets, Keys, Network, Roles, SecurityGroups } from "./parts";
import type { AwsResource } from "./resource";
import { roles } from "./roles";
import { securityGroups } from "./security-groups";

export interface AwsPlan {
  readonly parts: AwsParts;
  readonly resources: readonly AwsResource[];
  readonly network: Network;
  readonly groups: SecurityGroups;
  readonly keys: Keys;
  readonly buckets: Buckets;
  readonly roles: Roles;
}

export function awsPlan(parts: AwsParts): AwsPlan {
  const madeNetwork = network(parts);
  const groups = securityGroups(parts, madeNetwork);
  const madeKeys = keys(parts);
  const madeBuckets = buckets(parts, madeKeys);
  const madeRoles = roles(parts, madeBuckets, madeKeys);
  const all = [madeNetwork, groups, madeKeys, madeBuckets, madeRoles];
  return {
    parts,
    resources: all.flatMap(({ resources }) => resources),
    network: madeNetwork,
    groups,
    keys: madeKeys,
    buckets: madeBuckets,
    roles: madeRoles,
  };
}
