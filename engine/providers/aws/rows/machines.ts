/** What an instance and a launch template have in common: checks of their inputs, and the vCPUs that they take. */
import type { Values } from "../../../values/value";
import { refuse } from "../api-error";
import type { Cloud, Thing } from "../cloud";
import { failures, numberAt, textAt, textsAt } from "../inputs";
import type { Making } from "../row";
import { T } from "./common";

/** Own rule: EC2 user guide, "user data is limited to 16 KB, in raw form, before it is base64-encoded". */
const USER_DATA_BYTES = 16_384;

export function userDataFailures(inputs: Values, base64: string, plain?: string) {
  const [encoded, text] = [textAt(inputs, base64), plain && textAt(inputs, plain)];
  const wrong = encoded !== undefined && !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded);
  const bytes = encoded === undefined ? Buffer.byteLength(text ?? "") : Buffer.from(encoded, "base64").length;
  const property = encoded === undefined ? (plain ?? base64) : base64;
  return failures(
    [wrong, base64, "InvalidUserData.Malformed: Invalid BASE64 encoding of user data."],
    [
      bytes > USER_DATA_BYTES,
      property,
      `InvalidParameterValue: User data is limited to ${USER_DATA_BYTES} bytes; this has ${bytes}`,
    ],
  );
}

export function imageFailures(inputs: Values, property: string) {
  const image = textAt(inputs, property);
  return failures([
    image !== undefined && !/^(ami-[0-9a-f]{8}([0-9a-f]{9})?|resolve:ssm:.+)$/.test(image),
    property,
    `InvalidAMIID.Malformed: Invalid id: "${image}" (expecting "ami-...")`,
  ]);
}

export function metadataFailures(inputs: Values, at = "metadataOptions") {
  const hops = numberAt(inputs, `${at}.httpPutResponseHopLimit`);
  // Own rule: EC2 API reference, InstanceMetadataOptionsRequest, "Possible values: Integers from 1 to 64".
  return failures([
    hops !== undefined && (hops < 1 || hops > 64),
    at,
    `expected metadata_options.0.http_put_response_hop_limit to be in the range (1 - 64), got ${hops}`,
  ]);
}

/** vCPUs by the size's name (EC2 user guide, "Amazon EC2 instance type naming conventions"); of bare metal types we do not know them. */
export function vcpusOf(type: string): number {
  const size = type.split(".")[1] ?? "";
  const [, times] = /^(\d+)xlarge$/.exec(size) ?? [];
  if (times !== undefined) return 4 * Number(times);
  return { xlarge: 4, large: 2, medium: 1 }[size] ?? 2;
}

/** Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances, quota L-1216C47A, which counts vCPUs. */
const isStandard = (type: string): boolean => /^[acdhimrtz]/.test(type);

export function runningVcpus(cloud: Cloud, besides?: Thing): number {
  const types = cloud
    .all(T.instance)
    .flatMap((one) => (one.id === besides?.id ? [] : textsAt(one.outputs, "instanceType")));
  const pools = cloud.all(T.autoScaling).flatMap((pool) => {
    const template = cloud.named([T.launchTemplate], textAt(pool.inputs, "launchTemplate.id") ?? "");
    const type = textAt(template?.inputs ?? {}, "instanceType");
    return type === undefined || pool.id === besides?.id ? [] : Array<string>(desiredOf(pool.inputs)).fill(type);
  });
  return [...types, ...pools].filter(isStandard).reduce((sum, type) => sum + vcpusOf(type), 0);
}

export const desiredOf = (inputs: Values): number =>
  numberAt(inputs, "desiredCapacity") ?? numberAt(inputs, "minSize") ?? 0;

export function vcpuQuota({ cloud, self }: Making, type: string, count: number): void {
  const limit = cloud.quota("L-1216C47A");
  if (isStandard(type) && runningVcpus(cloud, self) + count * vcpusOf(type) > limit)
    refuse(
      "VcpuLimitExceeded",
      `You have requested more vCPU capacity than your current vCPU limit of ${limit} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
    );
}
