/** Types that a zone does not have, and rights that are missing: all of it said before anything is touched. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { lookFailed, questions } from "../../components/platform/aws/look";
import { fingerprintOf, machineOf } from "../../components/platform/aws/machine";
import { type Offer, offerProblems, typesOf } from "../../components/platform/aws/offers";
import { awsParts } from "../../components/platform/aws/parts";
import { clusterOf, rawOf } from "../support/plans";

const { plan, spec } = clusterOf("prod-a", rawOf("prod-a"));
const parts = awsParts(spec, plan);
const zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"];
const everywhere = typesOf(parts).flatMap((type) =>
  zones.map((availabilityZone): Offer => ({ type, availabilityZone })),
);
const without = (type: string, ...places: string[]) =>
  everywhere.filter((offer) => offer.type !== type || !places.includes(offer.availabilityZone));

describe("a type that a zone does not have", () => {
  it("is none where all zones have all types", () => {
    expect(typesOf(parts)).toEqual(["c7i.8xlarge", "m5d.4xlarge"]);
    expect(offerProblems(parts, [], everywhere)).toEqual([]);
  });

  it("is named with its hosts and the zones that could take its place, every one of them at once", () => {
    const offers = [
      ...without("m5d.4xlarge", "eu-central-1b").filter(({ type }) => type === "m5d.4xlarge"),
      ...["eu-central-1e", "eu-central-1d"].map((availabilityZone) => ({ type: "m5d.4xlarge", availabilityZone })),
    ];
    const none = "no zone of eu-central-1 that is free has it: take another region";
    expect(offerProblems(parts, [], offers)).toEqual([
      `eu-central-1a has no c7i.8xlarge, which 4 hosts (prod-a-master-1) of it need; ${none}`,
      `eu-central-1b has no c7i.8xlarge, which 4 hosts (prod-a-master-2) of it need; ${none}`,
      "eu-central-1b has no m5d.4xlarge, which 5 hosts (prod-a-etcd-main-2) of it need; eu-central-1d or eu-central-1e has it: let `aws.availabilityZones` name that for zone b",
      `eu-central-1c has no c7i.8xlarge, which 3 hosts (prod-a-master-3) of it need; ${none}`,
    ]);
  });

  it("does not matter to a host that runs as planned, only to one that is to be made", () => {
    const seen = plan.hosts.map((host) => ({
      id: "i-0a",
      host: host.name,
      runs: host.name !== "prod-a-master-5",
      address: host.address,
      machine: fingerprintOf(machineOf(parts, host)),
    }));
    expect(offerProblems(parts, seen, without("m5d.4xlarge", ...zones))).toEqual([]);
    expect(offerProblems(parts, seen, without("c7i.8xlarge", "eu-central-1b"))).toEqual([
      expect.stringContaining("1 host (prod-a-master-5) of it need; no zone of eu-central-1 that is free has it"),
    ]);
    const others = seen.map((one) => ({ ...one, machine: `of another image: ${one.machine}` }));
    expect(offerProblems(parts, others, without("m5d.4xlarge", "eu-central-1c"))).toHaveLength(1);
  });
});

it("asks only what the deployer's policy allows", () => {
  const { Statement } = JSON.parse(readFileSync("docs/aws-deployer.json", "utf8")) as {
    Statement: { Sid: string; Action: string[] }[];
  };
  const allowed = Statement.find(({ Sid }) => Sid === "Look")?.Action ?? [];
  for (const question of Object.values(questions))
    expect(allowed.some((action) => new RegExp(`^${action.replace("*", ".*")}$`).test(question))).toBe(true);
});

it("names every right that is missing, not the first alone", () => {
  const denied = Object.assign(new Error("You are not authorized to perform this operation."), {
    name: "UnauthorizedOperation",
  });
  const unanswered = [
    { action: questions.instances, error: denied },
    { action: questions.offers, error: denied },
  ] as const;
  expect(lookFailed(unanswered, "eu-central-1").message).toBe(
    "the credentials at hand lack ec2:DescribeInstances and ec2:DescribeInstanceTypeOfferings in eu-central-1 (UnauthorizedOperation: You are not authorized to perform this operation.): " +
      "give them the policy of docs/aws-deployer.json, see docs/aws.md#roles. Nothing was touched",
  );
});
