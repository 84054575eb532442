/** EBS volumes: what their types allow, and what they are attached to. */
import type { Values } from "../../../values/value";
import { refuse } from "../api-error";
import type { Cloud, Thing } from "../cloud";
import { failures, isSet, numberAt, textAt } from "../inputs";
import { zonesOf } from "../places";
import type { Row } from "../row";
import { arn, keyRef, othersOf, refTo, T } from "./common";

interface VolumeType {
  readonly sizeGiB: readonly [number, number];
  readonly iops?: readonly [number, number];
  readonly iopsPerGiB?: number;
  readonly throughputMiBs?: readonly [number, number];
  readonly required?: true;
}

/** Own rules: EBS user guide, "Amazon EBS volume types", and EC2 API reference, CreateVolume. */
const TYPES: Readonly<Record<string, VolumeType>> = {
  gp3: { sizeGiB: [1, 65_536], iops: [3_000, 80_000], iopsPerGiB: 500, throughputMiBs: [125, 2_000] },
  gp2: { sizeGiB: [1, 16_384] },
  io1: { sizeGiB: [4, 16_384], iops: [100, 64_000], iopsPerGiB: 50, required: true },
  io2: { sizeGiB: [4, 65_536], iops: [100, 256_000], iopsPerGiB: 1_000, required: true },
  st1: { sizeGiB: [125, 16_384] },
  sc1: { sizeGiB: [125, 16_384] },
  standard: { sizeGiB: [1, 1_024] },
};
/** gp3: "the maximum ratio of provisioned throughput to provisioned IOPS is 0.25 MiB/s per IOPS". */
const MIBS_PER_IOPS = 0.25;
const GP3_IOPS = 3_000;

/** All that is wrong with the numbers of a volume; `at` is where it stands among the inputs. */
export function volumeFailures(inputs: Values, at: string, names: { type: string; size: string }) {
  const type = textAt(inputs, `${at}${names.type}`) ?? "gp3";
  const [size, iops, throughput] = [names.size, "iops", "throughput"].map((name) => numberAt(inputs, `${at}${name}`));
  const limits = TYPES[type];
  if (limits === undefined || (at !== "" && !isSet(inputs, at.slice(0, -1)))) return [];
  const property = (name: string) => (at === "" ? name : at.slice(0, -1));
  const outside = (value: number | undefined, [least, most]: readonly [number, number]) =>
    value !== undefined && (value < least || value > most);
  const mostIops = (size ?? Number.POSITIVE_INFINITY) * (limits.iopsPerGiB ?? 0);
  return failures(
    [
      outside(size, limits.sizeGiB),
      property(names.size),
      `InvalidParameterValue: Volume of ${size}GiB is ${(size ?? 0) < limits.sizeGiB[0] ? "too small" : "too large"} for volume type ${type}; it must be between ${limits.sizeGiB[0]} and ${limits.sizeGiB[1]} GiB`,
    ],
    [
      limits.required === true && !isSet(inputs, `${at}iops`),
      property("iops"),
      `MissingParameter: The parameter iops must be specified for ${type} volumes.`,
    ],
    [
      iops !== undefined && limits.iops === undefined,
      property("iops"),
      `InvalidParameterCombination: The parameter iops is not supported for ${type} volumes.`,
    ],
    [
      limits.iops !== undefined && outside(iops, limits.iops),
      property("iops"),
      `InvalidParameterValue: Volume iops of ${iops} is not supported for ${type}; it must be between ${limits.iops?.[0]} and ${limits.iops?.[1]}`,
    ],
    [
      // A gp3 volume has 3,000 IOPS whatever its size.
      iops !== undefined && limits.iops !== undefined && iops > Math.max(mostIops, type === "gp3" ? GP3_IOPS : 0),
      property("iops"),
      `InvalidParameterValue: Iops to volume size ratio of ${((iops ?? 0) / (size ?? 1)).toFixed(1)} is too high; maximum is ${limits.iopsPerGiB}`,
    ],
    [
      throughput !== undefined && limits.throughputMiBs === undefined,
      property("throughput"),
      `InvalidParameterCombination: The parameter throughput is not supported for ${type} volumes.`,
    ],
    [
      limits.throughputMiBs !== undefined && outside(throughput, limits.throughputMiBs),
      property("throughput"),
      `InvalidParameterValue: Throughput of ${throughput} MiB/s is not supported for ${type}; it must be between ${limits.throughputMiBs?.[0]} and ${limits.throughputMiBs?.[1]}`,
    ],
    [
      type === "gp3" && throughput !== undefined && throughput > MIBS_PER_IOPS * (iops ?? GP3_IOPS),
      property("throughput"),
      `InvalidParameterValue: Throughput (MiBps) to iops ratio of ${((throughput ?? 0) / (iops ?? GP3_IOPS)).toFixed(3)} is too high; maximum is ${MIBS_PER_IOPS} MiBps per iops.`,
    ],
  );
}

const volume: Row = {
  type: T.volume,
  api: ["EC2", "CreateVolume", "DeleteVolume"],
  required: ["availabilityZone"],
  optional: ["encrypted", "finalSnapshot", "iops", "kmsKeyId", "region", "size", "tags", "throughput", "type"],
  replaces: ["availabilityZone", "encrypted", "kmsKeyId", "region"],
  source: "terraform-provider-aws ec2/ebs_volume.go (size, type, IOPS and throughput are ModifyVolume)",
  computed: ["arn", "createTime", "encrypted", "iops", "kmsKeyId", "size", "throughput", "type"],
  references: [keyRef("kmsKeyId")],
  token: true,
  check: (inputs) => [
    ...volumeFailures({ type: "gp2", ...inputs }, "", { type: "type", size: "size" }),
    ...failures([!isSet(inputs, "size"), "size", "one of `size,snapshotId` must be specified"]),
    ...failures([
      isSet(inputs, "kmsKeyId") && inputs.encrypted === false,
      "encrypted",
      "InvalidParameterDependency: The parameter KmsKeyId requires the parameter Encrypted to be set.",
    ]),
  ],
  rules: ({ inputs, region, self }) => {
    const zone = String(inputs.availabilityZone);
    if (!zonesOf(region).includes(zone)) refuse("InvalidZone.NotFound", `The zone '${zone}' does not exist.`);
    const before = numberAt(self?.outputs ?? {}, "size");
    const size = numberAt(inputs, "size");
    if (before !== undefined && size !== undefined && size < before)
      refuse("InvalidParameterValue", `New size cannot be smaller than existing size`);
  },
  id: ({ cloud }) => cloud.newId("vol"),
  make: (making) => {
    const { inputs, self } = making;
    const type = inputs.type ?? "gp2";
    return {
      arn: arn(making, "ec2", `volume/${making.id}`),
      createTime: self?.outputs.createTime ?? new Date().toISOString(),
      encrypted: inputs.encrypted ?? isSet(inputs, "kmsKeyId"),
      iops: inputs.iops ?? (type === "gp3" ? GP3_IOPS : Math.max(100, 3 * (numberAt(inputs, "size") ?? 0))),
      kmsKeyId: inputs.kmsKeyId ?? "",
      size: inputs.size ?? null,
      throughput: inputs.throughput ?? (type === "gp3" ? 125 : 0),
      type,
    };
  },
  inUse: (thing, holder) => ["VolumeInUse", `Volume ${thing.id} is currently attached to ${holder.inputs.instanceId}`],
};

const attachment: Row = {
  type: T.attachment,
  api: ["EC2", "AttachVolume", "DetachVolume"],
  required: ["deviceName", "instanceId", "volumeId"],
  optional: ["forceDetach", "region", "skipDestroy", "stopInstanceBeforeDetaching"],
  replaces: ["deviceName", "instanceId", "volumeId", "region"],
  source: "terraform-provider-aws ec2_ebs_volume_attachment.go; CloudFormation AWS::EC2::VolumeAttachment",
  computed: [],
  references: [
    refTo("instanceId", T.instance, "InvalidInstanceID.NotFound", "instance ID"),
    refTo("volumeId", T.volume, "InvalidVolume.NotFound", "volume", { holds: true }),
  ],
  // Own rule: EC2 user guide, "Device names for volumes": /dev/sd[f-p] for Nitro instances' data volumes.
  check: (inputs) => {
    const device = textAt(inputs, "deviceName");
    return failures([
      device !== undefined && !/^\/dev\/(sd[b-z]|xvd[b-z]|xvd[b-d][a-z])$/.test(device),
      "deviceName",
      `InvalidParameterValue: Value (${device}) for parameter device is invalid. ${device} is not a valid EBS device name.`,
    ]);
  },
  rules: ({ inputs, cloud, self }) => {
    const [volumeId, instanceId] = [String(inputs.volumeId), String(inputs.instanceId)];
    const zone = cloud.find(T.volume, volumeId)?.inputs.availabilityZone;
    if (cloud.find(T.instance, instanceId)?.outputs.availabilityZone !== zone)
      refuse(
        "InvalidVolume.ZoneMismatch",
        `The volume '${volumeId}' is not in the same availability zone as instance '${instanceId}'`,
      );
    // One of the same three is taken as it is: terraform-provider-aws ec2/ebs_volume_attachment.go, findVolumeAttachment.
    for (const other of othersOf(cloud, T.attachment, self ?? sameAttachment(inputs, cloud))) {
      if (other.inputs.volumeId === volumeId)
        refuse("VolumeInUse", `${volumeId} is already attached to an instance: ${other.inputs.instanceId}`);
      if (other.inputs.instanceId === instanceId && other.inputs.deviceName === inputs.deviceName)
        refuse(
          "InvalidParameterValue",
          `Invalid value '${inputs.deviceName}' for unixDevice. Attachment point ${inputs.deviceName} is already in use`,
        );
    }
  },
  id: ({ cloud, inputs }) => sameAttachment(inputs, cloud)?.id ?? cloud.newId("vai"),
  make: () => ({}),
};

const sameAttachment = ({ deviceName, instanceId, volumeId }: Values, cloud: Cloud): Thing | undefined =>
  cloud
    .all(T.attachment)
    .find(
      ({ inputs }) =>
        inputs.deviceName === deviceName && inputs.instanceId === instanceId && inputs.volumeId === volumeId,
    );

export const volumes = [volume, attachment];
