/** Names and tags of everything on AWS: the only place that makes them. */
import { given, type Text } from "./resource";

/** Whose name and tags are made. */
export interface Named {
  readonly stack: string;
  /** Of the configuration, on every resource. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Logical name of a resource: "prod-a-hosts-a". A stack's name has at most 12 characters: so no name is longer than AWS takes. */
export const nameOf = ({ stack }: Named, ...parts: readonly string[]): string => [stack, ...parts].join("-");

/** The world's buckets share their names: an account's number and a region make one its own. */
export const bucketName = (stack: string, holds: string, account: string, region: string): string =>
  `kilonode-${stack}-${holds}-${account}-${region}`;

/** What the API is called in the cluster's private zone. */
export const domainOf = (stack: string): string => `${stack}.kilonode.internal`;
export const apiNameOf = (stack: string): string => `api.${domainOf(stack)}`;

/** Tags of a resource: what it is called, which cluster it is of, which state made it, and those of the configuration. */
export function tagsOf(named: Named, name: string): Readonly<Record<string, Text>> {
  return {
    ...named.tags,
    Name: name,
    [clusterTag]: named.stack,
    [ownerTag]: given("owner"),
  };
}

export const clusterTag = "kilonode:cluster";
export const ownerTag = "kilonode:owner";
