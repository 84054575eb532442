/** The lab's hosts and network as resources. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { parseCidr } from "../../../config/cidr";
import { UserError } from "../../../config/errors";
import { gatewayOf } from "../../../config/names";
import { pulumiConnection } from "../../access/pulumi";
import { known } from "../../known";
import type { HostPlan } from "../../plan/types";
import type { FoundMachine, Host, MachineChange, Placement, PlacementArgs } from "../module";
import { hostPrinted, login } from "../printed";
import { type LabHost, type LabInputs, labPrefix } from "./looks";
import type { PreparedLab } from "./prepare";

/** Found from the project's folder and from stacks/, since an engine may run commands in either; nothing absolute goes into the state. */
const scripts = 'PATH="components/platform/lab:../components/platform/lab:$PATH"';
const mebibytesPerGibibyte = 1024;

export async function placeLab(args: PlacementArgs<PreparedLab>): Promise<Placement> {
  refuseStranger(args, await known(args.owner));
  const authorizedKey = await known(args.sshKey.publicKeyOpenssh);
  return new Lab(args, authorizedKey?.trim());
}

/** Before anything is touched; the scripts refuse as well. A lab that an older version has made names nobody: it is taken over. */
function refuseStranger({ plan, prepared }: PlacementArgs<PreparedLab>, owner: string | undefined): void {
  const found = prepared.lab?.network?.owner;
  if (found === undefined || found === owner) return;
  const prefix = labPrefix(plan.stack);
  throw new UserError(
    `the lab ${prefix} on this machine belongs to another state (owner ${found}; this state ${owner === undefined ? "has made nothing yet" : `is ${owner}`}). ` +
      "With the keys of this one its cluster would be cut off from itself. Work where that state is, or bring it here " +
      `(kilonode state export there, kilonode state import here). If it is lost, so are the keys of that cluster: components/platform/lab/lab-clean --prefix ${prefix} ` +
      "removes it with its data. Nothing was touched",
  );
}

class Lab extends pulumi.ComponentResource implements Placement {
  readonly boundary: pulumi.Resource;
  readonly #network: { readonly prefixLength: number; readonly gateway: string };
  readonly #hosts: ReadonlyMap<string, LabHost>;

  /** @param authorizedKey undefined: it is not made yet, or a preview that makes another one */
  constructor(
    private readonly args: PlacementArgs<PreparedLab>,
    private readonly authorizedKey: string | undefined,
  ) {
    const { plan, after } = args;
    super("kilonode:index:Lab", plan.stack);
    const range = parseCidr(plan.network.hosts);
    if (!range) throw new Error(`network.hosts: ${plan.network.hosts} is no range`);
    this.#hosts = new Map(args.prepared.lab?.hosts.map((host) => [host.name, host]));
    this.#network = { prefixLength: range.prefix, gateway: gatewayOf(range) };
    this.boundary = new local.Command(
      "network",
      {
        create: `${scripts} lab-network create`,
        // The last to go. Hosts whose creation a crash cut short are in no state: an ephemeral lab is swept clean of them.
        delete: plan.ephemeral ? `${scripts} lab-clean --prefix "$PREFIX"` : `${scripts} lab-network delete`,
        environment: {
          PREFIX: labPrefix(plan.stack),
          OWNER: args.owner,
          CIDR: plan.network.hosts,
          GATEWAY: this.#network.gateway,
        },
        addPreviousOutputInEnv: false,
        logging: local.Logging.None,
      },
      { parent: this, dependsOn: after },
    );
    this.registerOutputs({});
  }

  found(plan: HostPlan): FoundMachine {
    const found = this.#hosts.get(plan.name);
    if (found?.state !== "alive") return { state: "absent" };
    const { name, address, hostKey, inputs } = found;
    const knowsKey = inputs.authorizedKey === this.authorizedKey;
    const change = this.#change(plan, inputs, knowsKey);
    return { state: "running", target: { ...login, name, address, hostKey }, knowsKey, change };
  }

  host(plan: HostPlan, after: readonly pulumi.Resource[], asItIs = false): Host {
    const found = this.found(plan);
    const ignoreChanges = asItIs ? ["create", "delete", "environment"] : [];
    const machine = this.#machine(plan, found, { dependsOn: [this.boundary, ...after], ignoreChanges });
    const target = machine.stdout.apply((stdout) => {
      const printed = hostPrinted({ stdout });
      if (!printed) throw new Error(`lab-host printed no address and key of ${plan.name}: ${stdout.slice(0, 200)}`);
      return { ...printed, name: plan.name, address: plan.address };
    });
    return {
      plan,
      target,
      connection: pulumi
        .all([target, this.args.sshKey.privateKeyOpenssh])
        .apply(([made, privateKey]) => pulumiConnection(made, privateKey)),
      resource: machine,
    };
  }

  /** As lab-host does it, which finds it out for itself. */
  #change(host: HostPlan, made: LabInputs, knowsKey: boolean): MachineChange {
    const { prepared } = this.args;
    const wanted = this.#inputs(host);
    const restarts = prepared.lab?.growsOnline ? namesOf : (volumes: string) => volumes;
    if (made.root !== wanted.root || restarts(made.volumes) !== restarts(wanted.volumes)) return "a restart";
    const same = knowsKey && made.volumes === wanted.volumes && made.ephemeral === wanted.ephemeral;
    return same ? "none" : "while it runs";
  }

  #inputs({ machine }: HostPlan): Omit<LabInputs, "authorizedKey"> {
    const { plan, prepared } = this.args;
    return {
      root: prepared.root,
      volumes: machine.volumes.map(({ name, sizeGiB }) => `${name}:${sizeGiB * mebibytesPerGibibyte}`).join(" "),
      ephemeral: String(plan.ephemeral),
    };
  }

  #machine(host: HostPlan, found: FoundMachine, options: pulumi.CustomResourceOptions): local.Command {
    const { owner, plan, prepared, sshKey } = this.args;
    const { prefixLength, gateway } = this.#network;
    const { root, volumes, ephemeral } = this.#inputs(host);
    const asPlanned = found.state === "running" && found.change === "none";
    return new local.Command(
      host.name,
      {
        create: `${scripts} lab-host create`,
        delete: `${scripts} lab-host delete`,
        environment: {
          PREFIX: labPrefix(plan.stack),
          OWNER: owner,
          NAME: host.name,
          ADDRESS: `${host.address}/${prefixLength}`,
          GATEWAY: gateway,
          ROOT: root,
          AUTHORIZED_KEY: sshKey.publicKeyOpenssh.apply((key) => key.trim()),
          VOLUMES: volumes,
          EPHEMERAL: ephemeral,
          // A new one for a host that is not there, or not as planned: so `up` makes, starts or changes it, whatever the state says.
          INCARNATION: asPlanned ? (this.#hosts.get(host.name)?.incarnation ?? "") : prepared.newIncarnation,
        },
        addPreviousOutputInEnv: false,
        logging: local.Logging.None,
      },
      { parent: this, ...options },
    );
  }
}

const namesOf = (volumes: string): string => volumes.replace(/:\d+/g, "");
