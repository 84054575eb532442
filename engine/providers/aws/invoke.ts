/** Functions of the package: what a program asks about the account. */
import type { Values } from "../../values/value";
import { unsupported } from "../unsupported";
import type { Cloud } from "./cloud";
import { partitionOf, zonesOf } from "./places";
import { T } from "./rows/common";
import type { Settings } from "./settings";

type Answer = (args: Values, settings: Settings, cloud: Cloud) => Values;

const functions: Readonly<Record<string, Answer>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": (_args, { account, region }) => ({
    id: account,
    accountId: account,
    arn: `arn:${partitionOf(region)}:iam::${account}:user/rehearsal`,
    userId: "AIDAREHEARSAL",
  }),
  "aws:index/getRegion:getRegion": (args, { region }) => {
    const asked = String(args.region ?? args.name ?? region);
    return { id: asked, name: asked, region: asked, description: asked, endpoint: `ec2.${asked}.amazonaws.com` };
  },
  "aws:index/getPartition:getPartition": (_args, { region }) => {
    const partition = partitionOf(region);
    return { id: partition, partition };
  },
  "aws:index/getAvailabilityZones:getAvailabilityZones": (args, { region }) => {
    const names = zonesOf(String(args.region ?? region));
    return { id: region, region, names, zoneIds: names.map((name) => `az-${name}`), groupNames: [region] };
  },
  "aws:servicequotas/getServiceQuota:getServiceQuota": (args, { account, region }, cloud) => {
    const code = String(args.quotaCode);
    return {
      arn: `arn:${partitionOf(region)}:servicequotas:${region}:${account}:${args.serviceCode}/${code}`,
      ...{
        id: code,
        quotaCode: code,
        quotaName: String(args.quotaName ?? code),
        serviceCode: String(args.serviceCode),
      },
      ...{ adjustable: true, globalQuota: false, serviceName: String(args.serviceCode), region },
      ...{ value: cloud.quota(code), defaultValue: cloud.quota(code) },
    };
  },
  "aws:ec2/getVpc:getVpc": (args, _settings, cloud) => {
    const found = cloud.find(T.vpc, String(args.id));
    if (found === undefined) throw new Error(`no matching EC2 VPC found: ${args.id}`);
    return { ...found.outputs, id: found.id };
  },
  "aws:ec2/getSubnet:getSubnet": (args, _settings, cloud) => {
    const found = cloud.find(T.subnet, String(args.id));
    if (found === undefined) throw new Error(`no matching EC2 Subnet found: ${args.id}`);
    return { ...found.outputs, id: found.id };
  },
};

export function invoke(token: string, args: Values, settings: Settings, cloud: Cloud): Values {
  const answer = Object.hasOwn(functions, token) ? functions[token] : undefined;
  if (answer === undefined) throw unsupported("function", token, Object.keys(functions).sort());
  return answer(args, settings, cloud);
}
