/** Names and tags of everything on AWS: the only place that makes them. */
import { given, type Text } from "./resource";

/** Whose name and tags are made. */
export interface Named {
  readonly stack: string;
  /** Of the configuration, on every resource. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Logical name of a resource: "prod-a-hosts-a". */
export const nameOf = ({ stack }: Named, ...parts: readonly string[]): string => [stack, ...parts].join("-");

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
