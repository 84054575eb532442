/** A cluster placed on AWS: what all of it shares, then each host in its turn. */
import { Provider } from "@pulumi/aws/provider";
import * as pulumi from "@pulumi/pulumi";
import { pulumiConnection } from "../../access/pulumi";
import { known } from "../../known";
import type { HostPlan } from "../../plan/types";
import type { FoundMachine, Host, Placement, PlacementArgs } from "../module";
import { hostPrinted } from "../printed";
import { answeringHost } from "./host-made";
import { hostResources } from "./hosts";
import { machineOf } from "./machine";
import type { AwsParts } from "./parts";
import { Placer } from "./place";
import { type AwsPlan, awsPlan } from "./plan";
import type { PreparedAws } from "./prepare";
import { type AwsType, type GivenName, keyOf, resourceKey } from "./resource";
import { foundMachine, generationOf, type Judged, refuse, refused, unreadable } from "./seen";

export async function placeAws(args: PlacementArgs<PreparedAws>): Promise<Placement> {
  const { plan, prepared } = args;
  const sshKey = (await known(args.sshKey.publicKeyOpenssh))?.trim();
  const parts = { ...prepared.parts, plan };
  const judged = plan.hosts.map((host) => ({
    host,
    machine: machineOf(parts, host),
    seen: prepared.seen.find((one) => one.host === host.name),
    sshKey,
  }));
  refuse([...refused(plan, prepared.seen, await known(args.owner)), ...unreadable(judged)]);
  return new AwsCluster(args, parts, judged);
}

const fetching: readonly AwsType[] = ["s3/bucketObjectv2:BucketObjectv2", "iam/rolePolicy:RolePolicy"];

class AwsCluster extends pulumi.ComponentResource implements Placement {
  readonly boundary: pulumi.Resource;
  readonly #placer: Placer;
  readonly #plan: AwsPlan;
  /** What hosts fetch as soon as they answer, and their right to. */
  readonly #fetched: readonly pulumi.Resource[];

  constructor(
    private readonly args: PlacementArgs<PreparedAws>,
    private readonly parts: AwsParts,
    private readonly judged: readonly Judged[],
  ) {
    super("kilonode:index:Aws", args.plan.stack);
    const { account, region } = parts;
    this.#plan = awsPlan(parts);
    // Named, so that no credentials at hand lead anywhere else.
    const provider = new Provider(args.plan.stack, { region, allowedAccountIds: [account] }, { parent: this });
    this.#placer = new Placer((name) => this.#given(name), { parent: this, provider });
    this.#placer.place(this.#plan.resources, [args.after]);
    const fetched = this.#plan.resources.filter(({ type }) => fetching.includes(type));
    this.#fetched = fetched.map((one) => this.#placer.made(keyOf(one)));
    // All hosts have it, and nothing ever takes its place.
    this.boundary = this.#placer.made(resourceKey("ec2/securityGroup:SecurityGroup", `${args.plan.stack}-hosts`));
    this.registerOutputs({});
  }

  found({ name }: HostPlan): FoundMachine {
    return foundMachine(this.#judged(name));
  }

  host(plan: HostPlan, after: readonly pulumi.Resource[], asItIs = false): Host {
    const { prepared, sshKey } = this.args;
    const { address, name } = plan;
    const generation = generationOf(this.#judged(name), asItIs, prepared.newIncarnation);
    const resources = hostResources(this.parts, plan, this.#plan, generation);
    const made = this.#placer.place(resources, [this.boundary, ...after]);
    const instance = this.#placer.made(resourceKey("ec2/instance:Instance", name)).id;
    const answering = answeringHost(
      { name, address, region: this.parts.region, instance },
      { parent: this, dependsOn: [...made, ...this.#fetched] },
    );
    const target = answering.stdout.apply((stdout) => {
      const printed = hostPrinted({ stdout });
      if (!printed) throw new Error(`read-host-key printed no address and key of ${name}: ${stdout.slice(0, 200)}`);
      return { ...printed, name };
    });
    return {
      plan,
      target,
      connection: pulumi
        .all([target, sshKey.privateKeyOpenssh])
        .apply(([made, privateKey]) => pulumiConnection(made, privateKey)),
      resource: answering,
    };
  }

  #judged(host: string): Judged {
    const judged = this.judged.find((one) => one.host.name === host);
    if (!judged) throw new Error(`${host} is no host of the plan`);
    return judged;
  }

  #given(name: GivenName): pulumi.Input<unknown> {
    const { owner, prepared, sshKey } = this.args;
    if (name === "owner") return owner;
    if (name === "sshPublicKey") return sshKey.publicKeyOpenssh.apply((key) => key.trim());
    const [kind, binary = ""] = name.split(" ");
    const [file, sum] = [prepared.files.get(binary), prepared.artifacts.get(binary)];
    // A preview builds nothing.
    if (file === undefined || sum === undefined) return pulumi.unknown;
    return kind === "artifactFile" ? new pulumi.asset.FileAsset(file) : `${sum}/${binary}`;
  }
}
