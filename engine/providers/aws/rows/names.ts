/** DNS: zones and records. */
import { addressOf } from "../addresses";
import { refuse } from "../api-error";
import { hexOf } from "../cloud";
import { failures, isSet, isTrue, numberAt, textAt, textsAt } from "../inputs";
import type { Row } from "../row";
import { bareArn, othersOf, refTo, T, vpcRef } from "./common";

const zone: Row = {
  type: T.zone,
  api: ["Route 53", "CreateHostedZone", "DeleteHostedZone"],
  required: [],
  optional: ["comment", "forceDestroy", "name", "tags", "vpcs"],
  replaces: ["name"],
  source: "terraform-provider-aws route53/zone.go; CloudFormation AWS::Route53::HostedZone",
  computed: ["arn", "nameServers", "primaryNameServer", "zoneId"],
  naming: { property: "name", longest: 255 },
  references: [vpcRef("vpcs.vpcId")],
  token: true,
  check: (inputs) => {
    const name = textAt(inputs, "name") ?? "";
    return failures([
      name !== "" && !/^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_-]{1,63}\.?$/.test(name),
      "name",
      `InvalidDomainName: The domain name '${name}' is invalid`,
    ]);
  },
  rules: ({ inputs, cloud, self }) => {
    const vpcs = textsAt(inputs, "vpcs.vpcId");
    for (const other of othersOf(cloud, T.zone, self))
      if (other.inputs.name === inputs.name && textsAt(other.inputs, "vpcs.vpcId").some((id) => vpcs.includes(id)))
        refuse(
          "ConflictingDomainExists",
          `The VPC ${vpcs[0]} is already associated with a hosted zone of the domain ${inputs.name}: ${other.id}`,
        );
  },
  id: ({ cloud }) => `Z${hexOf(cloud.newId("zone"), 20).toUpperCase()}`,
  make: ({ id, ...making }) => ({
    arn: bareArn(making, "route53", `hostedzone/${id}`),
    nameServers: [0, 512, 1024, 1536].map((number) => `ns-${number}.awsdns-00.com`),
    primaryNameServer: "ns-0.awsdns-00.com",
    zoneId: id,
  }),
  remove: (thing, cloud) => {
    const records = cloud.all(T.record).filter(({ inputs }) => inputs.zoneId === thing.id);
    if (records.length > 0 && !isTrue(thing.inputs, "forceDestroy"))
      refuse(
        "HostedZoneNotEmpty",
        `The specified hosted zone contains non-required resource record sets and so cannot be deleted.`,
      );
    for (const record of records) cloud.remove(record);
  },
};

const record: Row = {
  type: T.record,
  api: ["Route 53", "ChangeResourceRecordSets", "ChangeResourceRecordSets"],
  required: ["name", "type", "zoneId"],
  optional: ["aliases", "allowOverwrite", "records", "setIdentifier", "ttl", "weightedRoutingPolicies"],
  replaces: ["name", "setIdentifier", "type", "zoneId"],
  source: "terraform-provider-aws route53/record.go; CloudFormation AWS::Route53::RecordSet",
  computed: ["fqdn"],
  references: [refTo("zoneId", T.zone, "NoSuchHostedZone", "hosted zone")],
  check: (inputs) => {
    const ttl = numberAt(inputs, "ttl");
    return failures(
      [
        isSet(inputs, "records") === isSet(inputs, "aliases"),
        "records",
        "exactly one of `alias,records` must be specified",
      ],
      [isSet(inputs, "records") && !isSet(inputs, "ttl"), "ttl", "all of `records,ttl` must be specified"],
      [
        ttl !== undefined && (ttl < 0 || ttl > 2_147_483_647),
        "ttl",
        `InvalidInput: TTL ${ttl} is not in the range 0 to 2147483647`,
      ],
      ...textsAt(inputs, "records").map(
        (value) =>
          [
            inputs.type === "A" && addressOf(value) === undefined,
            "records",
            `InvalidChangeBatch: [Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '${value}'']`,
          ] as const,
      ),
    );
  },
  rules: ({ inputs, cloud, self }) => {
    const same = othersOf(cloud, T.record, self).some((one) =>
      ["zoneId", "name", "type", "setIdentifier"].every((name) => one.inputs[name] === inputs[name]),
    );
    if (same && !isTrue(inputs, "allowOverwrite"))
      refuse(
        "InvalidChangeBatch",
        `[Tried to create resource record set [name='${inputs.name}', type='${inputs.type}'] but it already exists]`,
      );
  },
  id: ({ inputs }) => [inputs.zoneId, inputs.name, inputs.type, inputs.setIdentifier].filter(Boolean).join("_"),
  make: ({ inputs, cloud }) => {
    const domain = String(cloud.find(T.zone, String(inputs.zoneId))?.inputs.name ?? "").replace(/\.$/, "");
    const name = String(inputs.name).replace(/\.$/, "");
    return { fqdn: name === domain || name.endsWith(`.${domain}`) ? name : [name, domain].filter(Boolean).join(".") };
  },
};

export const names = [zone, record];
