/** A cluster on AWS as data: what its hosts share, and each host, whose machine has its turns. */
import { artifacts } from "./artifacts";
import { buckets } from "./buckets";
import { type Generation, hostResources, type PlacementGroups, placementGroups } from "./hosts";
import { keys } from "./keys";
import { loadBalancer } from "./load-balancer";
import { network } from "./network";
import type { AwsParts, Buckets, Keys, Network, Roles, SecurityGroups } from "./parts";
import { pools } from "./pools";
import type { AwsResource, AwsResourceOf } from "./resource";
import { roles } from "./roles";
import { securityGroups } from "./security-groups";

export interface AwsPlan {
  readonly parts: AwsParts;
  /** All but hosts. */
  readonly resources: readonly AwsResource[];
  readonly network: Network;
  readonly groups: SecurityGroups;
  readonly keys: Keys;
  readonly buckets: Buckets;
  readonly roles: Roles;
  readonly placement: PlacementGroups;
  readonly targetGroup: AwsResourceOf<"lb/targetGroup:TargetGroup">;
}

export function awsPlan(parts: AwsParts): AwsPlan {
  const ofNetwork = network(parts);
  const ofGroups = securityGroups(parts, ofNetwork);
  const ofKeys = keys(parts);
  const ofBuckets = buckets(parts, ofKeys);
  const ofRoles = roles(parts, ofBuckets, ofKeys);
  const placement = placementGroups(parts);
  const api = loadBalancer(parts, ofNetwork, ofGroups);
  const around = { network: ofNetwork, groups: ofGroups, keys: ofKeys, roles: ofRoles };
  const all = [ofNetwork, ofGroups, ofKeys, ofBuckets, ofRoles, placement, api, pools(parts, around)];
  return {
    ...around,
    parts,
    resources: [...all.flatMap(({ resources }) => resources), ...artifacts(parts, ofBuckets)],
    buckets: ofBuckets,
    placement,
    targetGroup: api.targetGroup,
  };
}

/** As if nothing were there yet: what linters judge. */
const first: Generation = { incarnation: "first", keep: "nothing" };

/** With its hosts. */
export function wholeCluster(plan: AwsPlan): AwsResource[] {
  const hosts = plan.parts.plan.hosts.flatMap((host) => hostResources(plan.parts, host, plan, first));
  return [...plan.resources, ...hosts];
}
