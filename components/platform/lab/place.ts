/** The lab's hosts and network as resources. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { parseCidr } from "../../../config/cidr";
import { gatewayOf } from "../../../config/names";
import { pulumiConnection } from "../../access/pulumi";
import type { HostPlan } from "../../plan/types";
import type { Host, Placement, PlacementArgs } from "../module";
import { labPrefix } from "./looks";
import type { PreparedLab } from "./prepare";
import { hostPrinted } from "./printed";

/** Found from the project's folder and from stacks/, since an engine may run commands in either; nothing absolute goes into the state. */
const scripts = 'PATH="components/platform/lab:../components/platform/lab:$PATH"';
const mebibytesPerGibibyte = 1024;

export function placeLab(args: PlacementArgs<PreparedLab>): Placement {
  return new Lab(args);
}

class Lab extends pulumi.ComponentResource implements Placement {
  readonly boundary: pulumi.Resource;
  readonly hosts: readonly Host[];
  readonly #network: { readonly prefixLength: number; readonly gateway: string };

  constructor(private readonly args: PlacementArgs<PreparedLab>) {
    const { plan, after } = args;
    super("kilonode:index:Lab", plan.stack);
    const range = parseCidr(plan.network.hosts);
    if (!range) throw new Error(`network.hosts: ${plan.network.hosts} is no range`);
    this.#network = { prefixLength: range.prefix, gateway: gatewayOf(range) };
    this.boundary = new local.Command(
      "network",
      {
        create: `${scripts} lab-network create`,
        // The last to go. Hosts whose creation a crash cut short are in no state: an ephemeral lab is swept clean of them.
        delete: plan.ephemeral ? `${scripts} lab-clean --prefix "$PREFIX"` : `${scripts} lab-network delete`,
        environment: { PREFIX: labPrefix(plan.stack), CIDR: plan.network.hosts, GATEWAY: this.#network.gateway },
        addPreviousOutputInEnv: false,
        logging: local.Logging.None,
      },
      { parent: this, dependsOn: after },
    );
    this.hosts = plan.hosts.map((host) => this.#host(host));
    this.registerOutputs({});
  }

  #host(plan: HostPlan): Host {
    const { prepared, sshKey } = this.args;
    const found = prepared.hosts.get(plan.name);
    const machine = this.#machine(plan, found?.alive ? found.incarnation : prepared.newIncarnation);
    const target = machine.stdout.apply((stdout) => {
      const printed = hostPrinted({ stdout });
      if (!printed) throw new Error(`lab-host printed no address and key of ${plan.name}: ${stdout.slice(0, 200)}`);
      return { ...printed, name: plan.name, address: plan.address };
    });
    return {
      plan,
      target,
      connection: pulumi
        .all([target, sshKey.privateKeyOpenssh])
        .apply(([made, privateKey]) => pulumiConnection(made, privateKey)),
      resource: machine,
      existed: found?.alive ?? false,
    };
  }

  /** @param incarnation of a host that is gone or dead a new one, so that `up` makes or starts it again */
  #machine(host: HostPlan, incarnation: string): local.Command {
    const { plan, prepared, sshKey } = this.args;
    const { prefixLength, gateway } = this.#network;
    return new local.Command(
      host.name,
      {
        create: `${scripts} lab-host create`,
        delete: `${scripts} lab-host delete`,
        environment: {
          PREFIX: labPrefix(plan.stack),
          NAME: host.name,
          ADDRESS: `${host.address}/${prefixLength}`,
          GATEWAY: gateway,
          ROOT: prepared.root,
          ARTIFACTS: prepared.artifactStore,
          AUTHORIZED_KEY: sshKey.publicKeyOpenssh.apply((key) => key.trim()),
          VOLUMES: host.machine.volumes
            .map(({ name, sizeGiB }) => `${name}:${sizeGiB * mebibytesPerGibibyte}`)
            .join(" "),
          EPHEMERAL: String(plan.ephemeral),
          INCARNATION: incarnation,
        },
        addPreviousOutputInEnv: false,
        logging: local.Logging.None,
      },
      { parent: this, dependsOn: this.boundary },
    );
  }
}
