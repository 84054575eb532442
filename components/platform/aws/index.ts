/** AWS: every host an instance with an address of its own, the API behind a network load balancer, nodes in auto scaling groups. */
import type { PlatformModule } from "../module";
import { hostPrinted, hostType } from "../printed";
import { creationSeconds } from "./creation-seconds";
import { awsFacts } from "./facts";
import { hostRules, machineProblems } from "./host-rules";
import { type AwsSpec, awsKnobs } from "./knobs";
import { awsParts } from "./parts";
import type { PreparedAws } from "./prepare";
import { losesDisks } from "./replaced";
import type { AwsType } from "./resource";
import { awsRules } from "./rules";

/** Loaded when they are needed: the command plans and reads states without them. */
const preparation = () => require("./prepare") as typeof import("./prepare");
const rehearsal = () => require("./rehearsal/prepare") as typeof import("./rehearsal/prepare");
const leftovers = () => require("./leftovers") as typeof import("./leftovers");
const placement = () => require("./placement") as typeof import("./placement");

const operator = () => require("./operator") as typeof import("./operator");

const typeOf = (type: AwsType) => `aws:${type}`;

export const aws: PlatformModule<PreparedAws> = {
  knobs: { ...awsKnobs, rules: [...awsRules, ...hostRules] },
  rehearsal: { serves: "aws", prepare: (run) => rehearsal().prepareRehearsal(run) },
  instances: { type: typeOf("ec2/instance:Instance"), property: "instanceType" },
  dataTypes: (["ebs/volume:Volume", "s3/bucket:Bucket", "kms/key:Key"] as const).map(typeOf),
  creationSeconds,
  facts: awsFacts,
  planProblems: (spec, plan) => machineProblems(awsParts(spec, plan)),
  prepare: (run) => preparation().prepareAws(run),
  place: (args) => placement().placeAws(args),
  madeHost: (resources, host) => hostPrinted(resources(hostType, host)),
  degradations: async () => [],
  replaceProblem: (spec, host) => losesDisks(spec as AwsSpec, host),
  clearLeftovers: (run) => leftovers().clearLeftovers(run),
  operatorCredentials: (region) => operator().operatorCredentials(region),
  // What a crash has left is in the state, as operations that were begun.
  sweep: async () => undefined,
};
