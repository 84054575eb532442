/** The table of resource types beside the package that it stands for, and beside the models of the API. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Constraint } from "../../../engine/providers/aws/constraints/constraint";
import { calls, GENERAL } from "../../../engine/providers/aws/constraints/members";
import table from "../../../engine/providers/aws/constraints/table.json";
import { rows } from "../../../engine/providers/aws/rows";

const SDK = path.resolve(import.meta.dirname, "../../../node_modules/@pulumi/aws");
const types = Object.keys(rows);

/** Outputs of things that no rehearsal has: IPv6, outposts, other owners. */
const NOT_MADE: Readonly<Record<string, readonly string[]>> = {
  "aws:ec2/vpc:Vpc": ["ipv6AssociationId"],
  "aws:ec2/subnet:Subnet": ["ipv6CidrBlockAssociationId"],
  "aws:ec2/route:Route": ["instanceId", "instanceOwnerId"],
  "aws:ec2/natGateway:NatGateway": [
    ...["autoProvisionZones", "autoScalingIps", "regionalNatGatewayAddresses", "regionalNatGatewayAutoMode"],
    "routeTableId",
  ],
  "aws:ec2/eip:Eip": ["carrierIp", "customerOwnedIp", "privateDns", "ptrRecord"],
  "aws:ec2/networkInterface:NetworkInterface": ["outpostArn"],
  "aws:ec2/instance:Instance": ["instanceLifecycle", "outpostArn", "passwordData", "spotInstanceRequestId"],
  "aws:s3/bucket:Bucket": ["websiteDomain", "websiteEndpoint"],
  "aws:s3/bucketObjectv2:BucketObjectv2": ["checksumCrc32", "checksumCrc32c", "checksumCrc64nvme", "checksumSha1"],
};

function sdkOf(type: string) {
  const [, module = ""] = type.split(":");
  const text = readFileSync(path.join(SDK, `${module}.js`), "utf8");
  const built = text.slice(text.indexOf("const args = argsOrState"));
  const all = (pattern: RegExp) => [...built.matchAll(pattern)].map(([, name]) => name as string);
  return {
    type: /__pulumiType = '([^']+)'/.exec(text)?.[1],
    required: all(/args\?\.(\w+) === undefined/g),
    inputs: all(/resourceInputs\["(\w+)"\] = .*args/g),
    outputs: all(/resourceInputs\["(\w+)"\] = undefined \/\*out/g),
  };
}

describe("a resource type", () => {
  it.each(types)("%s has the inputs and outputs of the SDK", (type) => {
    const row = rows[type]!;
    const sdk = sdkOf(type);
    expect(sdk.type).toBe(type);
    expect([...row.required].sort()).toEqual(sdk.required.sort());
    const inputs = [...row.required, ...row.optional];
    expect(inputs.filter((name) => !sdk.inputs.includes(name))).toEqual([]);
    expect(new Set(inputs).size).toBe(inputs.length);
    expect(row.computed.filter((name) => ![...sdk.outputs, ...sdk.inputs].includes(name))).toEqual([]);
    const made = [...row.computed, "tagsAll", ...(NOT_MADE[type] ?? [])];
    expect(sdk.outputs.filter((name) => !made.includes(name))).toEqual([]);
  });

  it.each(types)("%s replaces for inputs that it has, and says who says so", (type) => {
    const row = rows[type]!;
    const inputs = [...row.required, ...row.optional];
    expect(row.replaces.filter((name) => !inputs.includes(name.split(".")[0] as string))).toEqual([]);
    expect((row.references ?? []).filter(({ path: at }) => !inputs.includes(at.split(".")[0] as string))).toEqual([]);
    expect(row.source).toMatch(/terraform-provider-aws/);
  });

  it.each(types)("%s has every input mapped to a member of its API, or to the provider itself", (type) => {
    const row = rows[type]!;
    const { members = {} } = calls[type]!;
    const mapped = (table.inputs as Record<string, Record<string, unknown>>)[type]!;
    const missing = [...row.required, ...row.optional].filter(
      (name) => !(name in mapped) && !(name in members) && !GENERAL.includes(name),
    );
    expect(missing).toEqual([]);
    const named = [...Object.keys(members), ...Object.keys(mapped)].map((name) => name.split(".")[0] as string);
    expect(named.filter((name) => ![...row.required, ...row.optional].includes(name))).toEqual([]);
  });
});

describe("the table of constraints", () => {
  it("has lists and patterns that can be used", () => {
    const all = Object.values(table.inputs as Record<string, Record<string, string | Constraint>>)
      .flatMap((inputs) => Object.values(inputs))
      .filter((one) => typeof one !== "string");
    expect(all.length).toBeGreaterThan(90);
    for (const { enum: name, pattern } of all) {
      if (name !== undefined)
        expect((table.enums as Record<string, string>)[name]?.split(" ").length, name).toBeGreaterThan(0);
      if (pattern !== undefined) expect(() => new RegExp(`^(?:${pattern})$`, "u"), pattern).not.toThrow();
    }
    expect(table.source).toMatch(/^botocore 1\.44\.8, generated on \d{4}-\d\d-\d\d/);
  });
});
