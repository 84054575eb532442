/** Names of the program's resources, made and read back in one place: the state and every preview speak of them. */

const types = {
  local: "command:local:Command",
  remote: "command:remote:Command",
  certificate: "tls:index/locallySignedCert:LocallySignedCert",
  authority: "tls:index/selfSignedCert:SelfSignedCert",
  key: "tls:index/privateKey:PrivateKey",
  binding: "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
  randomBytes: "random:index/randomBytes:RandomBytes",
} as const;

/** The component of all that is put on a host. */
export const hostContentType = "kilonode:index:HostContent";

/** What is put on a host, a resource each. */
export const contentParts = ["programs", "keys", "secrets", "machine"] as const;
export type ContentPart = (typeof contentParts)[number];

export const resourceNames = {
  commitments: "commitments",
  network: "network",
  owner: "owner",
  gates: "all-gates",
  machineGates: "machine-gates",
  sshKey: "ssh",
  program: "program",
  rollout: (group: string) => `${group}-rollout`,
  turn: (host: string) => `${host}-turn`,
  membership: (host: string) => `${host}-membership`,
  content: (host: string, part: ContentPart) => `${host}-${part}`,
  certificate: (host: string, certificate: string) => `${host}-${certificate}`,
  authority: (authority: string) => `${authority}-ca`,
  backupPassword: (shard: string) => `backup-password-${shard}`,
  backupKey: (shard: string) => `backup-key-${shard}`,
  backupKeeper: "backup-keeper",
  object: (kind: string, name: string) => `${kind}/${name}`,
} as const;

/** The first key of a kind has the plain name. */
export const numbered = (name: string, number: number): string => (number === 1 ? name : `${name}-${number}`);

/** Type and name, by which a state is searched. */
export type ResourceId = readonly [type: string, name: string];

export const resourceIds = {
  commitments: [types.local, resourceNames.commitments],
  owner: [types.randomBytes, resourceNames.owner],
  sshKey: (number: number) => [types.key, numbered(resourceNames.sshKey, number)] as const,
  authority: (authority: string, number: number) =>
    [types.authority, numbered(resourceNames.authority(authority), number)] as const,
  authorityKey: (authority: string, number: number) =>
    [types.key, numbered(resourceNames.authority(authority), number)] as const,
  binding: (name: string) => [types.binding, resourceNames.object("ClusterRoleBinding", name)] as const,
  rollout: (group: string) => [types.local, resourceNames.rollout(group)] as const,
  backupPassword: (shard: string) => [types.randomBytes, resourceNames.backupPassword(shard)] as const,
  backupKeeper: [types.randomBytes, resourceNames.backupKeeper],
} as const;

/** What a resource is, told from its type and name. */
export type ResourceKind =
  | { readonly kind: "commitments" | "network" | "gates" | "object" | "authority" | "key" | "random" }
  | { readonly kind: "host" | "turn" | "membership"; readonly host: string }
  | { readonly kind: "content"; readonly host: string; readonly part: ContentPart }
  | { readonly kind: "rollout"; readonly group: string }
  | { readonly kind: "certificate" }
  | { readonly kind: "other" };

const singles = new Map<string, ResourceKind>([
  [resourceNames.commitments, { kind: "commitments" }],
  [resourceNames.network, { kind: "network" }],
  [resourceNames.gates, { kind: "gates" }],
  [resourceNames.machineGates, { kind: "gates" }],
]);

export function resourceKind({ type, name }: { readonly type: string; readonly name: string }): ResourceKind {
  switch (type) {
    case types.local: {
      const [, whose = "", what] = /^(.+)-(rollout|turn|membership)$/.exec(name) ?? [];
      if (what === "rollout") return { kind: "rollout", group: whose };
      if (what === "turn" || what === "membership") return { kind: what, host: whose };
      return singles.get(name) ?? { kind: "host", host: name };
    }
    case types.remote: {
      const part = contentParts.find((one) => name.endsWith(`-${one}`));
      return part === undefined ? { kind: "other" } : { kind: "content", host: name.slice(0, -part.length - 1), part };
    }
    case types.certificate:
      return { kind: "certificate" };
    case types.authority:
      return { kind: "authority" };
    case types.key:
      return { kind: "key" };
  }
  if (type.startsWith("kubernetes:")) return { kind: "object" };
  if (type.startsWith("tls:") || type.startsWith("random:")) return { kind: "random" };
  return { kind: "other" };
}
