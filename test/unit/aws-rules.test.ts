/** What is refused on AWS, all at once and before anything is touched. */
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../config/errors";
import { ConfigurationError } from "../../config/read";
import { clusterOf, problemsOf, rawOf } from "../support/plans";

const prod = rawOf("prod-a");
const knobs = prod.aws as object;
const network = prod.network as object;

/** What is wrong with production when its own knobs, or its ranges, are others. */
const refused = (aws: object, ranges: object = {}, more: object = {}) =>
  problemsOf({ ...prod, ...more, aws: { ...knobs, ...aws }, network: { ...network, ...ranges } });

function refusalOf(work: () => unknown): ConfigurationError {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const ids = (digit: number) => ({
  a: `subnet-${digit}0000000a`,
  b: `subnet-${digit}0000000b`,
  c: `subnet-${digit}0000000c`,
});
const vpc = (more: object) => ({
  vpc: { id: "vpc-0123456789abcdef0", hosts: ids(1), services: ids(2), nodes: ids(3), ...more },
});

describe("the configuration of a cluster on AWS", () => {
  it("is taken as it is in the repository's stacks", () => {
    for (const stack of ["test", "staging", "prod-a", "prod-b", "prod-c"])
      expect(problemsOf(rawOf(stack), stack)).toEqual([]);
  });

  it("is refused with everything that is wrong with it at once", () => {
    const found = problemsOf({
      platform: "aws",
      ephemeral: true,
      aws: {
        region: "eu-centrall-1",
        account: "12345",
        tags: { "aws:cost": "x" },
        regoin: "x",
        vpc: { id: "prod", hosts: { a: "subnet-00000001" } },
      },
      network: { hosts: "8.8.0.0/20", nodes: "10.17.0.0/23", operators: ["0.0.0.0/0"] },
      etcd: { shards: { main: { members: 4 } } },
    });
    expect(found.map((line) => line.split(": ")[0])).toEqual([
      "aws.regoin",
      "etcd.shards.main.members",
      "aws.region",
      "aws.account",
      "network.hosts",
      "network.nodes",
      "network.operators.0",
      "aws.vpc.id",
      "aws.vpc.hosts",
      "aws.vpc.services",
      "aws.tags.aws:cost",
      "aws.image",
    ]);
  });

  it("is refused with bad input of every kind in one output, and the exit status of a bad configuration", () => {
    const bad = {
      ...prod,
      aws: {
        ...knobs,
        region: "eu-centrall-1",
        disks: { type: "gp3", iops: 3999, throughputMiB: 1000 },
        availabilityZones: { a: "eu-west-1a" },
      },
      network: { ...network, hosts: "10.17.0.0/20", nodes: "10.17.0.0/24" },
    };
    const error = refusalOf(() => clusterOf("production-eu", bad));
    expect(error.exitCode).toBe(exitCodes.badConfiguration);
    expect(error.message.split("\n").map((line) => line.trim())).toEqual([
      "the configuration of stack production-eu has 6 errors; nothing was touched",
      '- stack: "production-eu" is no usable name; lower-case letters, digits and dashes, at most 12, since host names and network devices start with it',
      "- network.nodes: 10.17.0.0/24 overlaps network.hosts (10.17.0.0/20); choose ranges that share no address",
      expect.stringMatching(
        /^- aws\.region: "eu-centrall-1" is no region that this release knows; allowed are af-south-1, /,
      ),
      '- aws.availabilityZones.a: "eu-west-1a" is no availability zone of eu-centrall-1; they are called eu-centrall-1a, eu-centrall-1b ...',
      "- network.nodes: 10.17.0.0/24 is too small to be divided among zones and ways out; take at least a /22, a /16 for thousands of nodes",
      expect.stringMatching(
        /^- aws\.disks: 1000 MiB\/s are more than 0\.25 for each of 3999 IOPS: at most 999, or at least 4000 IOPS \(gp3: /,
      ),
    ]);
  });

  it.each(["gp3", "io2"])("takes more IOPS than come with every volume, of the smallest cluster too: %s", (type) => {
    const disks = { type, iops: 6000 };
    expect(() => clusterOf("test", { ...rawOf("test"), aws: { ...knobs, disks } })).not.toThrow();
  });

  it("is refused where volumes of the size that the plan gives them cannot have its IOPS, as bad configuration too", () => {
    const error = refusalOf(() =>
      clusterOf("prod-a", { ...prod, aws: { ...knobs, disks: { type: "gp3", iops: 80_000 } } }),
    );
    expect(error.exitCode).toBe(exitCodes.badConfiguration);
    expect(error.problems).toEqual([
      expect.stringMatching(
        /^prod-a-etcd-main-1 and \d+ more: the volume wal: 80000 IOPS are more than 500 for each of \d+ GiB: at most /,
      ),
      expect.stringMatching(/the volume database: 80000 IOPS are more than 500 for each of \d+ GiB/),
    ]);
  });

  it("names region, account and who logs in, which nobody can guess", () => {
    expect(problemsOf({ platform: "aws" })).toEqual([
      expect.stringMatching(/^aws\.region: missing; for instance eu-central-1 \(allowed are af-south-1, /),
      'aws.account: missing; give the number of the account that the cluster is in, twelve digits in quotes: "111122223333"; no other account is ever touched',
      "network.operators: missing: nobody could log in to a host, this program neither; give the ranges that it and operators come from, such as the runner's subnet: [10.1.2.0/24]",
    ]);
  });

  it.each([
    [{ account: 111122223333 }, []],
    [{ region: "cn-north-1" }, [/^aws\.region: "cn-north-1" is no region that this release knows; allowed are /]],
    [
      { availabilityZones: { a: "eu-central-1b", d: "eu-central-1d", c: "eu-west-1c" } },
      [
        "aws.availabilityZones.d: no zone of the cluster; there are a, b, c",
        'aws.availabilityZones.c: "eu-west-1c" is no availability zone of eu-central-1; they are called eu-central-1a, eu-central-1b ...',
        "aws.availabilityZones.b: eu-central-1b is that of zone a as well: one loss would be that of two zones; give each its own",
      ],
    ],
    [
      { tags: { Name: "x" } },
      ["aws.tags.Name: a name that AWS or this program gives its own tags; choose another one"],
    ],
    [{ tags: { team: "a".repeat(257) } }, ["aws.tags.team: its value has 257 characters; at most 256 are allowed"]],
    [{ tags: { ["k".repeat(129)]: "x" } }, [/: 129 characters; a tag's name has at most 128$/]],
    [
      { tags: { team: "a#b" } },
      ['aws.tags.team: "a#b": allowed are letters, digits, spaces and _ . : / = + - @ in names and values'],
    ],
    [
      { tags: Object.fromEntries(Array.from({ length: 36 }, (_, index) => [`tag-${index}`, "x"])) },
      ["aws.tags: 36 tags; at most 35, since AWS takes 50 and the program has some of its own"],
    ],
    [
      { permissionsBoundary: "arn:aws-us-gov:iam::111122223333:policy/boundary" },
      [
        'aws.permissionsBoundary: "arn:aws-us-gov:iam::111122223333:policy/boundary" is no policy\'s ARN; in eu-central-1 they are like arn:aws:iam::111122223333:policy/boundary',
      ],
    ],
    [{ permissionsBoundary: "arn:aws:iam::111122223333:policy/team/boundary" }, []],
    [vpc({}), []],
    [
      vpc({ services: { ...ids(1), d: "subnet-4" } }),
      [
        "aws.vpc.services.a: subnet-10000000a is aws.vpc.hosts.a as well: hosts have planned addresses, and nobody else may take one; give each its own",
        "aws.vpc.services.b: subnet-10000000b is aws.vpc.hosts.b as well: hosts have planned addresses, and nobody else may take one; give each its own",
        "aws.vpc.services.c: subnet-10000000c is aws.vpc.hosts.c as well: hosts have planned addresses, and nobody else may take one; give each its own",
        "aws.vpc.services.d: no zone of the cluster; there are a, b, c",
      ],
    ],
    [vpc({ nodes: { a: "subnet-30000000a" } }), ["aws.vpc.nodes: no subnet for zone b, c; give each zone its own"]],
    [{ egress: "some" }, [/^aws\.egress: allowed is "nat-per-zone" or "one-nat" or "none" \(got "some"\)$/]],
  ] as const)("%j", (aws, problems) => {
    const found = refused(aws);
    expect(found).toEqual(problems.map((one) => (typeof one === "string" ? one : expect.stringMatching(one))));
  });

  it.each([
    [{ hosts: "10.0.0.0/15" }, ["network.hosts: 10.0.0.0/15 is larger than a VPC takes; take a /16 at most"]],
    [{ hosts: "10.16.0.0/23" }, [/^network\.hosts: a \/23 is too small for 3 zones/]],
    [{ hosts: "10.17.0.0/20" }, [/^network\.nodes: 10\.17\.0\.0\/16 overlaps network\.hosts/]],
    [{ nodes: "10.17.0.0/24" }, [/^network\.nodes: 10\.17\.0\.0\/24 is too small to be divided/]],
    [
      { nodes: "10.20.0.0/20" },
      [
        "network.nodes: 10.20.0.0/20 has room for 507 nodes in each zone (an eighth of it, without the 5 that AWS keeps), and pools have 1000; take a larger range, at most a /16, or fewer nodes",
      ],
    ],
    [{ hosts: "8.8.0.0/20" }, [/^network\.hosts: 8\.8\.0\.0\/20 is no private range/]],
    [
      { nodes: "172.16.0.0/16" },
      [/^network\.nodes: 172\.16\.0\.0\/16 cannot be in one VPC with network\.hosts \(10\.16\.0\.0\/20\)/],
    ],
    [{ nodes: "100.64.0.0/16" }, []],
    [{ nodes: "198.19.0.0/16" }, [/^network\.nodes: 198\.19\.0\.0\/16 cannot be in one VPC/]],
    [{ hosts: "100.64.0.0/20" }, [/^network\.nodes: 10\.17\.0\.0\/16 cannot be in one VPC/]],
    [{ hosts: "100.64.0.0/20", nodes: "198.19.0.0/16" }, []],
    [{ operators: ["0.0.0.0/0"] }, [/^network\.operators\.0: 0\.0\.0\.0\/0 has 4294967296 addresses/]],
    [{ operators: [] }, [/^network\.operators: missing: nobody could log in/]],
  ] as const)("ranges: %j", (ranges, problems) => {
    const found = refused({}, ranges, { pools: { workers: { count: 3000 } } });
    expect(found).toEqual(problems.map((one) => (typeof one === "string" ? one : expect.stringMatching(one))));
  });
});
