/**
 * A run on the pretended AWS that is killed as its plan says: arguments are the folder of a lab. Also the program of that run, in which
 * each resource is one that AWS would not make twice in another way.
 */
import path from "node:path";
import { Volume } from "@pulumi/aws/ebs/volume";
import { Instance } from "@pulumi/aws/ec2/instance";
import { NetworkInterface } from "@pulumi/aws/ec2/networkInterface";
import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup";
import { Subnet } from "@pulumi/aws/ec2/subnet";
import { VolumeAttachment } from "@pulumi/aws/ec2/volumeAttachment";
import { Vpc } from "@pulumi/aws/ec2/vpc";
import { readResources } from "../../../engine";
import { type Options, SimulatedProvider } from "../../../engine/providers/aws";
import { type Plan, readPlan } from "../../../engine/providers/aws/plan";
import { Rehearsal } from "../../../engine/rehearsal";

/** In their order: the operations 1 to 7. */
export async function small(): Promise<undefined> {
  const vpc = new Vpc("net", { cidrBlock: "10.0.0.0/16" });
  const subnet = new Subnet("a", { vpcId: vpc.id, cidrBlock: "10.0.0.0/24" });
  const group = new SecurityGroup("hosts", { vpcId: vpc.id, namePrefix: "hosts-" }, { dependsOn: [subnet] });
  const card = new NetworkInterface("a", {
    subnetId: subnet.id,
    privateIps: ["10.0.0.10"],
    securityGroups: [group.id],
  });
  const instance = new Instance(
    "a",
    {
      ami: "ami-0123456789abcdef0",
      instanceType: "m6i.large",
      primaryNetworkInterface: { networkInterfaceId: card.id },
    },
    { deleteBeforeReplace: true },
  );
  const volume = new Volume("a", { availabilityZone: instance.availabilityZone, size: 10 });
  new VolumeAttachment("a", { deviceName: "/dev/sdf", instanceId: instance.id, volumeId: volume.id });
  return undefined;
}

const stateIn = (folder: string): string => path.join(folder, "state.json");

export function stackOn(
  folder: string,
  options: Partial<Options> = {},
  program: () => Promise<unknown> = small,
): Rehearsal {
  const file = `${stateIn(folder)}.aws`;
  return new Rehearsal({
    projectDir: path.join(folder, "project"),
    stack: "dev",
    stateFile: stateIn(folder),
    passphrase: "rehearsal",
    providers: () => new SimulatedProvider({ file, patienceMs: 0, ...options }),
    program: program as () => Promise<Record<string, unknown> | undefined>,
    parallel: 1,
  });
}

/** What AWS has and the state does not know: an operator finds it by its tags, and deletes it. */
export function orphans(folder: string): string[] {
  const known = readResources(stateIn(folder)).map(({ id }) => id);
  const { cloud } = new SimulatedProvider({ file: `${stateIn(folder)}.aws` });
  return cloud.everything.filter(({ id }) => !known.includes(id)).map(({ id }) => id);
}

export async function removeOrphans(folder: string): Promise<void> {
  const { cloud } = new SimulatedProvider({ file: `${stateIn(folder)}.aws` });
  const lost = orphans(folder);
  for (const thing of cloud.everything) if (lost.includes(thing.id)) cloud.remove(thing);
}

const [script = "", folder, plan] = process.argv.slice(1);
if (folder !== undefined && script.endsWith("aws-crash.ts"))
  void stackOn(folder, { plan: readPlan(plan) as Plan }).up();
