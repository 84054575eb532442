/** What holds data, and what data cannot be read without: neither goes by a slip, and voters go one at a time. */
import { grouped, isOff, type Resource, shown } from "../resource";
import type { Finding, PlannedStep, Rule } from "../rule";

/** Whose loss is a loss of data. What is in the bucket of artifacts can be built again. */
const holdsData = ({ name, type }: { readonly name: string; readonly type: string }): boolean =>
  /^aws:(ebs\/volume:Volume|kms\/key:Key)$/.test(type) ||
  (type === "aws:s3/bucket:Bucket" && !name.endsWith("-artifacts")) ||
  (type === "random:index/randomBytes:RandomBytes" && name.startsWith("encryption-at-rest"));

const removing = ["delete", "delete-replaced", "replace"];
const replacing = ["replace", "create-replacement", "delete-replaced"];
const longestWindowDays = 30;

export const protectionRules: readonly Rule[] = [
  {
    kind: "resource",
    name: "deletion-protection",
    severity: "mandatory",
    of: /^(aws:(ec2\/instance|ebs\/volume|kms\/key|s3\/bucket):|random:index\/randomBytes:)/,
    asks: "In a stack that is not `ephemeral`, what holds data is protected in the state, instances against termination, and keys and buckets against a quick end.",
    why: "Data is sacred: a destroy leaves it, and nobody removes it by one wrong line. What can be made again, the load balancer among it, is not protected.",
    remedy:
      "give the resource `protect: true` (instances: `disableApiTermination`; keys: `deletionWindowInDays: 30`; buckets: no `forceDestroy`); where the data may go, say so: `ephemeral: true`",
    judge: (resource, { ephemeral }) => (ephemeral ? [] : unprotected(resource)),
  },
  {
    kind: "step",
    name: "data-kept",
    severity: "mandatory",
    asks: "Outside of `ephemeral` no preview deletes or replaces a data volume, the bucket of snapshots, or a key of either.",
    why: "A change that loses data must be seen by whoever reviews it, before Pulumi refuses it half-way, or does not.",
    remedy:
      "take the change back; where the data may really go, make a snapshot first (docs/data-and-keys.md), then say so in the stack's file: `policy:severities: {data-kept: advisory}`",
    judge: (steps, { ephemeral }) =>
      ephemeral
        ? []
        : byResource(steps.filter((step) => removing.includes(step.op) && holdsData(step))).map(
            ({ name, type, urn }) => ({
              urn,
              problem: `${type} ${name}, which holds data or the key to it, would be deleted`,
            }),
          ),
  },
  {
    kind: "step",
    name: "one-voter-at-a-time",
    severity: "mandatory",
    asks: "No preview replaces two voters of a shard side by side: each waits in its turn until the one before it has passed the gate.",
    why: "Pulumi has no rolling replacement: a new image alone would take all voters at once, before any gate is asked. With two of three away the shard has no quorum.",
    remedy:
      "change one host, or let hosts take their turns (docs/machines.md); `kilonode up` changes the rest in the next update. Where these hosts are gone already, say so in the stack's file: `policy:severities: {one-voter-at-a-time: advisory}`",
    judge: voters,
  },
];

function unprotected(resource: Resource): string[] {
  const { name, props, protect, type } = resource;
  const found =
    holdsData(resource) && !protect ? [`${type} ${name} holds data or the key to it, and is not protected`] : [];
  if (type === "aws:ec2/instance:Instance" && isOff(props.disableApiTermination))
    found.push(`instance ${name} can be terminated by one call`);
  if (type === "aws:kms/key:Key" && Number(props.deletionWindowInDays ?? longestWindowDays) < longestWindowDays)
    found.push(
      `KMS key ${name} can be gone ${shown(props.deletionWindowInDays)} days after its deletion; ${longestWindowDays} are allowed`,
    );
  if (type === "aws:s3/bucket:Bucket" && holdsData(resource) && props.forceDestroy === true)
    found.push(`bucket ${name} goes with what is in it (forceDestroy)`);
  return found;
}

function voters(steps: readonly PlannedStep[]): Finding[] {
  const replaced = byResource(
    steps.filter(
      ({ name, op, type }) => type === "aws:ec2/instance:Instance" && replacing.includes(op) && shardOf(name),
    ),
  );
  const waits = waiting(steps);
  const turns = new Set(steps.filter(({ op }) => op !== "same").map(({ name }) => name));
  return [...grouped(replaced, ({ name }) => shardOf(name))].flatMap(([shard, hosts]) => {
    const apart = (a: PlannedStep, b: PlannedStep) =>
      a.dependencies === undefined
        ? turns.has(`${a.name}-turn`) && turns.has(`${b.name}-turn`)
        : waits(a.urn).has(b.urn) || waits(b.urn).has(a.urn);
    const other = hosts.flatMap((a, index) =>
      hosts.slice(index + 1).flatMap((b) => (apart(a, b) ? [] : [[a, b] as const])),
    )[0];
    if (!other) return [];
    const [a, b] = other;
    return [
      {
        urn: b.urn,
        problem: `${a.name} and ${b.name}, voters of ${shard}, would be replaced side by side; one at a time is allowed`,
      },
    ];
  });
}

const shardOf = (host: string): string | undefined => /^(.+-etcd-[a-z0-9]+)-\d+$/.exec(host)?.[1];

const byResource = (steps: readonly PlannedStep[]): PlannedStep[] => [
  ...new Map(steps.map((step) => [step.urn, step])).values(),
];

/** @returns of a URN all others that it waits for */
function waiting(steps: readonly PlannedStep[]): (urn: string) => ReadonlySet<string> {
  const before = new Map(
    steps.map(({ dependencies = [], parent, urn }) => [
      urn,
      parent === undefined ? dependencies : [...dependencies, parent],
    ]),
  );
  return (urn) => {
    const found = new Set<string>(before.get(urn));
    for (const one of found) for (const other of before.get(one) ?? []) found.add(other);
    return found;
  };
}
