/** Members of etcd that vote: how many, where, and what they are kept apart from. */
import { flagOf, machineOf } from "../machine";
import { at, grouped, type Resource, textAt } from "../resource";
import type { Finding, Rule, StackRule } from "../rule";

const largestShard = 7;

interface Voter {
  readonly host: string;
  readonly shard: string;
  readonly urn: string;
  /** Where it is lost together with others; undefined: nothing tells. */
  readonly zone: string | undefined;
}

/** Each member is a resource for as long as it is one: `<stack>-etcd-<shard>-<number>-membership`. */
export function votersOf(resources: readonly Resource[]): Voter[] {
  const zones = zonesOf(resources);
  return resources.flatMap(({ name, urn }) => {
    const [, host, shard] = /^(.+-etcd-([a-z0-9]+)-\d+)-membership$/.exec(name) ?? [];
    return host === undefined || shard === undefined ? [] : [{ host, shard, urn, zone: zones(host) }];
  });
}

/** By the availability zone of the host's subnet; where no resource tells it, by what the cluster is held to. */
function zonesOf(resources: readonly Resource[]): (host: string) => string | undefined {
  const byUrn = new Map(resources.map((one) => [one.urn, one]));
  const interfaces = new Map(
    resources.filter(({ type }) => type === "aws:ec2/networkInterface:NetworkInterface").map((one) => [one.name, one]),
  );
  const places = at(commitmentsOf(resources), "places");
  return (host) => {
    const subnet = interfaces.get(host)?.madeFrom.subnetId?.map((urn) => byUrn.get(urn))[0];
    return textAt(subnet?.props, "availabilityZone") ?? textAt(places, host)?.split(" ")[0];
  };
}

/** What the cluster is held to, which is known before anything is made. */
export function commitmentsOf(resources: readonly Resource[]): unknown {
  const commitments = resources.find(({ name, type }) => name === "commitments" && type === "command:local:Command");
  const text = textAt(commitments?.props, "environment", "COMMITMENTS");
  return text === undefined ? undefined : JSON.parse(text);
}

/** A rule on each shard of voters. */
const eachShard =
  (judge: (shard: string, voters: readonly Voter[]) => readonly string[]): StackRule["judge"] =>
  (resources) =>
    [...grouped(votersOf(resources), ({ shard }) => shard)].flatMap(([shard, voters]) =>
      judge(shard, voters).map((problem): Finding => ({ urn: voters[0]!.urn, problem })),
    );

const majority = (voters: number) => Math.floor(voters / 2) + 1;

const moreThanSeven = (shard: string, voters: readonly Voter[]): string[] =>
  voters.length > largestShard
    ? [
        `shard ${shard} has ${voters.length} voters; at most ${largestShard} are allowed without etcd.allowMoreThanSevenVoters`,
      ]
    : [];

const etcdFaq = "https://etcd.io/docs/v3.6/faq/";

export const quorumRules: readonly Rule[] = [
  {
    kind: "stack",
    name: "odd-voters",
    severity: "mandatory",
    asks: "Each shard of etcd has an odd number of voters.",
    why: `An even number survives no more losses than one less, and each write waits for one more (${etcdFaq}).`,
    remedy: "give the shard one member more or one less: `etcd.shards.<shard>.members`",
    judge: eachShard((shard, voters) =>
      voters.length % 2 === 0 ? [`shard ${shard} has ${voters.length} voters; an odd number is allowed`] : [],
    ),
  },
  {
    kind: "stack",
    name: "at-most-seven-voters",
    severity: "mandatory",
    asks: "Each shard of etcd has at most seven voters, unless `etcd.allowMoreThanSevenVoters` says that more are meant.",
    why: `"Probably no more than seven nodes" (${etcdFaq}): every write waits for a majority of disks.`,
    remedy: "keep some resources in a shard of their own, or set `etcd.allowMoreThanSevenVoters: true`",
    judge: (resources, stack) => (stack.moreThanSevenVoters ? [] : eachShard(moreThanSeven)(resources, stack)),
  },
  {
    kind: "stack",
    name: "more-than-seven-voters",
    severity: "advisory",
    asks: "Nobody forgets that `etcd.allowMoreThanSevenVoters` is used.",
    why: "No measurement of etcd with 9 to 17 voters is known; each write waits for 5 to 9 disks.",
    remedy: "measure what writes take, and go back to seven voters where that is enough",
    judge: (resources, stack) => (stack.moreThanSevenVoters ? eachShard(moreThanSeven)(resources, stack) : []),
  },
  {
    kind: "stack",
    name: "quorum-without-a-zone",
    severity: "mandatory",
    asks: "The loss of any one zone leaves each shard its quorum; a stack that is `ephemeral` may lose it.",
    why: "A zone is what fails as a whole; without a quorum the API takes no writes, and then serves no reads either (https://etcd.io/docs/v3.6/faq/#what-is-failure-tolerance).",
    remedy:
      "spread the members over three zones or more: `zones`, and `aws.availabilityZones` where zones have names of their own",
    judge: (resources, stack) =>
      stack.ephemeral
        ? []
        : eachShard((shard, voters) => {
            const zones = grouped(voters, ({ zone }) => zone);
            return [...zones].flatMap(([zone, lost]) => {
              const left = voters.length - lost.length;
              const needed = majority(voters.length);
              return zone === undefined || left >= needed
                ? []
                : [
                    `without zone ${zone} shard ${shard} has ${left} of ${voters.length} voters; ${needed} are a quorum`,
                  ];
            });
          })(resources, stack),
  },
  {
    kind: "stack",
    name: "events-on-own-hosts",
    severity: "mandatory",
    asks: "Events are stored in a shard of their own, on hosts of its own.",
    why: "Upstream's scalability tests run with events apart; on the hosts of the rest they have no benefit (kubernetes-sigs/kubespray#12637), and their writes are the largest part (kubernetes/kubernetes#14823).",
    remedy:
      "give a shard with members of its own the resource: `etcd.shards.events: {members: 5, resources: [/events]}`",
    judge: (resources) => [...ofCommitments(resources), ...ofApiServers(resources)],
  },
];

function ofCommitments(resources: readonly Resource[]): Finding[] {
  const commitments = commitmentsOf(resources);
  if (commitments === undefined) return [];
  const shard = textAt(commitments, "storage", "/events");
  if (shard === undefined || shard === "main")
    return [{ problem: "events are stored in shard main; they need their own" }];
  return votersOf(resources).some((voter) => voter.shard === shard)
    ? []
    : [{ problem: `events are stored in shard ${shard}, which has no members` }];
}

/** What API servers are really told. */
function ofApiServers(resources: readonly Resource[]): Finding[] {
  return resources.flatMap((one) => {
    const machine = machineOf(one);
    const servers = machine && flagOf(machine, "etcd-servers")?.split(",");
    if (!machine || !servers) return [];
    const events = (flagOf(machine, "etcd-servers-overrides") ?? "")
      .split(",")
      .flatMap((entry) => (entry.startsWith("/events#") ? entry.slice("/events#".length).split(";") : []));
    const host = (url: string) => new URL(url).hostname;
    const shared = events.map(host).filter((name) => servers.map(host).includes(name));
    if (events.length === 0)
      return [{ urn: one.urn, problem: `the API server of ${machine.host} stores events with the rest` }];
    return shared.length === 0
      ? []
      : [
          {
            urn: one.urn,
            problem: `the API server of ${machine.host} stores events on ${shared[0]}, which holds the rest, too`,
          },
        ];
  });
}
