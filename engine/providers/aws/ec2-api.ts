/** EC2's own API for what a program asks beside its resources, through AWS's SDK: which instances there are, what their consoles show. */
import { isObject, type Value, type Values } from "../../values/value";
import type { Answer } from "./answer";
import { refuse } from "./api-error";
import type { Cloud, Thing } from "./cloud";
import { textAt, textsAt } from "./inputs";
import { follow, type Machines } from "./machines";
import { zonesOf } from "./places";
import { T, vpcOf } from "./rows/common";
import { terminate } from "./rows/instances";
import { vcpusOf } from "./rows/machines";

/** EC2 answers no more of a page (API reference, DescribeInstances). */
const PAGE = 1000;
const type = "text/xml;charset=UTF-8";
const STATES: Readonly<Record<string, number>> = { running: 16, terminated: 48 };

export interface Asked {
  readonly cloud: Cloud;
  readonly region: string;
  readonly console: (instance: Thing) => string | Promise<string>;
  /** What stands behind instances, and goes with them. */
  readonly machines?: Machines | undefined;
}

type Action = (parameters: URLSearchParams, asked: Asked) => Values | Promise<Values>;

/** @throws ApiError, which {@link ec2Failure} puts into words */
export async function answerEc2(body: string, asked: Asked): Promise<Answer> {
  const parameters = new URLSearchParams(body);
  const action = parameters.get("Action") ?? "";
  const act = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (act === undefined)
    refuse(
      "InvalidAction",
      `The action ${action} is not valid in a rehearsal; supported: ${Object.keys(actions).join(", ")}`,
    );
  const result = await act(parameters, asked);
  return { status: 200, type, body: document(`${action}Response`, { requestId: "rehearsal", ...result }) };
}

export const ec2Failure = (code: string, message: string, status: number): Answer => ({
  status,
  type,
  body: document("Response", { Errors: [{ Code: code, Message: message }], RequestID: "rehearsal" }, "Error"),
});

const actions: Readonly<Record<string, Action>> = {
  DescribeInstances: (parameters, { cloud }) => {
    const ids = numbered(parameters, "InstanceId");
    const all = cloud.remembered(T.instance);
    for (const id of ids) instanceOf(cloud, id);
    const asked = all.filter((one) => ids.length === 0 || ids.includes(one.id));
    const page = pageOf(parameters, asked, (one, name) => instanceValues(cloud, one, name));
    return {
      reservationSet: page.items.map((one) => ({
        reservationId: one.id.replace("i-", "r-"),
        ownerId: ownerOf(one),
        instancesSet: [instanceXml(cloud, one)],
      })),
      ...page.next,
    };
  },
  DescribeNetworkInterfaces: (parameters, { cloud }) => {
    const ids = numbered(parameters, "NetworkInterfaceId");
    const values = (one: Thing, name: string): string[] | undefined =>
      ({
        "network-interface-id": [one.id],
        "subnet-id": textsAt(one.inputs, "subnetId"),
        "private-ip-address": textsAt(one.outputs, "privateIp"),
        status: [attachedTo(cloud, one) ? "in-use" : "available"],
        "vpc-id": [vpcOf(cloud, textAt(one.inputs, "subnetId")) ?? ""],
      })[name] ?? tagValues(one, name);
    const all = cloud.all(T.networkInterface).filter((one) => ids.length === 0 || ids.includes(one.id));
    const page = pageOf(parameters, all, values);
    return {
      networkInterfaceSet: page.items.map((one) => ({
        networkInterfaceId: one.id,
        ownerId: ownerOf(one),
        privateIpAddress: one.outputs.privateIp ?? "",
        status: attachedTo(cloud, one) ? "in-use" : "available",
        subnetId: one.inputs.subnetId ?? "",
        vpcId: vpcOf(cloud, textAt(one.inputs, "subnetId")) ?? "",
        macAddress: one.outputs.macAddress ?? "",
        tagSet: tagSet(one),
      })),
      ...page.next,
    };
  },
  DescribeInstanceTypeOfferings: (parameters, { cloud, region }) => {
    const types = filters(parameters).find(({ name }) => name === "instance-type")?.values ?? [];
    if (types.length === 0)
      refuse("InvalidParameterValue", "a rehearsal answers for types by name alone: give the filter instance-type");
    const places = zonesOf(region).filter((zone) =>
      filters(parameters).every(({ name, values }) => name !== "location" || values.includes(zone)),
    );
    return {
      instanceTypeOfferingSet: places.flatMap((location) =>
        types
          .filter((type) => cloud.offers(type, location))
          .map((instanceType) => ({ instanceType, locationType: "availability-zone", location })),
      ),
    };
  },
  DescribeAddresses: (_parameters, { cloud }) => ({
    addressesSet: cloud.all(T.eip).map((one) => ({
      allocationId: one.id,
      publicIp: one.outputs.publicIp ?? "",
      domain: "vpc",
      tagSet: tagSet(one),
    })),
  }),
  DescribeVpcs: (parameters, { cloud }) => {
    const all = cloud.all(T.vpc);
    const values = (one: Thing, name: string) => (name === "owner-id" ? [ownerOf(one)] : tagValues(one, name));
    const page = pageOf(parameters, all, values);
    return {
      vpcSet: page.items.map((one) => ({
        vpcId: one.id,
        ownerId: ownerOf(one),
        cidrBlock: one.inputs.cidrBlock ?? "",
        state: "available",
        tagSet: tagSet(one),
      })),
      ...page.next,
    };
  },
  GetConsoleOutput: async (parameters, { cloud, console }) => {
    const instance = instanceOf(cloud, parameters.get("InstanceId") ?? "");
    const text = await console(instance);
    // As AWS: the last 64 KB.
    const output = Buffer.from(text).subarray(-65_536).toString("base64");
    return { instanceId: instance.id, timestamp: new Date().toISOString(), output };
  },
  ModifyInstanceAttribute: (parameters, { cloud }) => {
    const instance = instanceOf(cloud, parameters.get("InstanceId") ?? "");
    const value = parameters.get("DisableApiTermination.Value");
    if (value === null) refuse("InvalidParameterCombination", "a rehearsal changes DisableApiTermination alone");
    cloud.put({ ...instance, outputs: { ...instance.outputs, disableApiTermination: value === "true" } });
    return { return: true };
  },
  TerminateInstances: async (parameters, { cloud, machines }) => {
    const instances = numbered(parameters, "InstanceId").map((id) => instanceOf(cloud, id));
    for (const { id, outputs } of instances)
      if (outputs.disableApiTermination === true)
        refuse("OperationNotPermitted", `The instance '${id}' may not be terminated: 'disableApiTermination' is set`);
    for (const instance of instances.filter(({ gone }) => gone === undefined)) {
      terminate(instance, cloud);
      await follow(machines, "remove", cloud.file, instance);
    }
    return { instancesSet: instances.map(({ id: instanceId }) => ({ instanceId })) };
  },
  DeleteNetworkInterface: (parameters, { cloud }) => {
    const id = parameters.get("NetworkInterfaceId") ?? "";
    const found =
      cloud.find(T.networkInterface, id) ??
      refuse("InvalidNetworkInterfaceID.NotFound", `The networkInterface ID '${id}' does not exist`);
    if (attachedTo(cloud, found)) refuse("InvalidParameterValue", `Network interface '${id}' is currently in use.`);
    cloud.remove(found);
    return { return: true };
  },
  CreateTags: (parameters, { cloud }) => {
    const tags = Object.fromEntries(
      numbered(parameters, "Tag", ".Key").map((key, i) => [key, parameters.get(`Tag.${i + 1}.Value`) ?? ""]),
    );
    for (const id of numbered(parameters, "ResourceId")) {
      const thing = cloud.everything.find((one) => one.id === id) ?? refuse("InvalidID", `The ID '${id}' is not valid`);
      cloud.put({ ...thing, outputs: { ...thing.outputs, simulatedTags: { ...tagsBeside(thing), ...tags } } });
    }
    return { return: true };
  },
};

const ownerOf = ({ outputs }: Thing): string => textAt(outputs, "arn")?.split(":")[4] ?? "";
const tagsBeside = ({ outputs }: Thing): Values => (isObject(outputs.simulatedTags) ? outputs.simulatedTags : {});

/** Of the resource, and those that were made beside it. */
function tagsOf(thing: Thing): Values {
  const own = thing.outputs.tagsAll;
  return { ...(isObject(own) ? own : {}), ...tagsBeside(thing) };
}

const tagSet = (thing: Thing): Value[] => Object.entries(tagsOf(thing)).map(([key, value]) => ({ key, value }));

const attachedTo = (cloud: Cloud, { id }: Thing): boolean =>
  cloud
    .all(T.instance)
    .some(({ inputs }) => textsAt(inputs, "primaryNetworkInterface.networkInterfaceId").includes(id));

function instanceOf(cloud: Cloud, id: string): Thing {
  const found = cloud.remembered(T.instance).find((one) => one.id === id);
  return found ?? refuse("InvalidInstanceID.NotFound", `The instance ID '${id}' does not exist`);
}

function instanceXml(cloud: Cloud, one: Thing): Values {
  const { outputs } = one;
  const state = String(outputs.instanceState);
  const gone = one.gone !== undefined;
  const vcpus = vcpusOf(String(outputs.instanceType));
  return {
    instanceId: one.id,
    imageId: outputs.ami ?? "",
    instanceState: { code: STATES[state] ?? 0, name: state },
    instanceType: outputs.instanceType ?? "",
    // As of x86: two threads a core.
    cpuOptions: { coreCount: Math.ceil(vcpus / 2), threadsPerCore: Math.min(2, vcpus) },
    placement: {
      availabilityZone: outputs.availabilityZone ?? "",
      groupName: outputs.placementGroup ?? "",
      tenancy: "default",
    },
    // A terminated instance has no address and no network any more.
    ...(gone
      ? {}
      : {
          privateIpAddress: outputs.privateIp ?? "",
          subnetId: outputs.subnetId ?? "",
          vpcId: vpcOf(cloud, textAt(outputs, "subnetId")) ?? "",
        }),
    tagSet: tagSet(one),
  };
}

/** What a filter compares; undefined where there is no such filter. */
function instanceValues(cloud: Cloud, one: Thing, name: string): string[] | undefined {
  const { outputs } = one;
  const known: Readonly<Record<string, string[]>> = {
    "availability-zone": textsAt(outputs, "availabilityZone"),
    "image-id": textsAt(outputs, "ami"),
    "instance-id": [one.id],
    "instance-state-name": textsAt(outputs, "instanceState"),
    "instance-type": textsAt(outputs, "instanceType"),
    "private-ip-address": textsAt(outputs, "privateIp"),
    "subnet-id": textsAt(outputs, "subnetId"),
    "vpc-id": [vpcOf(cloud, textAt(outputs, "subnetId")) ?? ""],
  };
  return known[name] ?? tagValues(one, name);
}

function tagValues(one: Thing, name: string): string[] | undefined {
  const tags = tagsOf(one);
  if (name === "tag-key") return Object.keys(tags);
  if (!name.startsWith("tag:")) return undefined;
  const value = tags[name.slice(4)];
  return value === undefined ? [] : [String(value)];
}

/** `Name.1`, `Name.2` and so on. */
function numbered(parameters: URLSearchParams, name: string, rest = ""): string[] {
  const found: string[] = [];
  for (let i = 1; ; i++) {
    const value = parameters.get(`${name}.${i}${rest}`);
    if (value === null) return found;
    found.push(value);
  }
}

const filters = (parameters: URLSearchParams): { name: string; values: string[] }[] =>
  numbered(parameters, "Filter", ".Name").map((name, i) => ({
    name,
    values: numbered(parameters, `Filter.${i + 1}.Value`),
  }));

/** Every filter, by any of its values; `*` stands for anything. */
function passes(parameters: URLSearchParams, valuesOf: (name: string) => string[] | undefined): boolean {
  return filters(parameters).every(({ name, values }) => {
    const found = valuesOf(name);
    if (found === undefined) refuse("InvalidParameterValue", `The filter '${name}' is invalid`);
    const patterns = values.map(
      (value) => new RegExp(`^${value.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`),
    );
    return found.some((value) => patterns.some((pattern) => pattern.test(value)));
  });
}

/** Of those that pass the filters. @param values what a filter of that name compares; undefined where there is no such filter */
function pageOf(
  parameters: URLSearchParams,
  things: readonly Thing[],
  values: (one: Thing, name: string) => string[] | undefined,
): { items: readonly Thing[]; next: Values } {
  const all = things.filter((one) => passes(parameters, (name) => values(one, name)));
  const from = Number(parameters.get("NextToken") ?? 0);
  const to = from + Math.min(PAGE, Number(parameters.get("MaxResults") ?? PAGE));
  return { items: all.slice(from, to), next: to < all.length ? { nextToken: String(to) } : {} };
}

function document(name: string, content: Values, item = "item"): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${xml(content, item)}</${name}>`;
}

function xml(value: Value, item: string): string {
  if (Array.isArray(value)) return value.map((one) => `<${item}>${xml(one, item)}</${item}>`).join("");
  if (isObject(value))
    return Object.entries(value)
      .map(([name, one]) => `<${name}>${xml(one as Value, item)}</${name}>`)
      .join("");
  const escapes: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
  };
  // Other control characters cannot stand in XML.
  return String(value ?? "")
    .replaceAll(/(?![\t\n\r])\p{Cc}/gu, "")
    .replaceAll(/[&<>"']/g, (letter) => escapes[letter] ?? "");
}
