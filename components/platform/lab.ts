/** The lab: every host of the plan as a systemd-nspawn machine on this Linux machine, with real systemd and sshd. */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type * as tls from "@pulumi/tls";
import { parseCidr } from "../../config/cidr";
import type { ClusterPlan, HostPlan } from "../plan-types";
import { hostPrinted } from "./lab/host-printed";
import { labPrefix, type PreparedLab } from "./lab/prepare";
import type { Host, Platform } from "./platform";

/** Found from the project's folder and from stacks/, since an engine may run commands in either; nothing absolute goes into the state. */
const scripts = 'PATH="components/platform/lab:../components/platform/lab:$PATH"';
const user = "root";
const mebibytesPerGibibyte = 1024;

export class Lab extends pulumi.ComponentResource implements Platform {
  readonly boundary: pulumi.Resource;
  private readonly prefixLength: number;

  constructor(
    private readonly plan: Pick<ClusterPlan, "stack" | "ephemeral" | "network">,
    private readonly prepared: PreparedLab,
    private readonly sshKey: tls.PrivateKey,
  ) {
    super("kilonode:index:Lab", plan.stack);
    this.prefixLength = parseCidr(plan.network.hosts)?.prefix ?? 0;
    this.boundary = new local.Command(
      "network",
      {
        create: `${scripts} lab-network create`,
        // The last to go. Hosts whose creation a crash cut short are in no state: an ephemeral lab is swept clean of them.
        delete: plan.ephemeral ? `${scripts} lab-clean --prefix "$PREFIX"` : `${scripts} lab-network delete`,
        environment: { PREFIX: labPrefix(plan.stack), CIDR: plan.network.hosts, GATEWAY: plan.network.gateway },
        addPreviousOutputInEnv: false,
        logging: local.Logging.None,
      },
      { parent: this },
    );
    this.registerOutputs({});
  }

  host(plan: HostPlan): Host {
    const found = this.prepared.hosts[plan.name];
    const machine = new local.Command(
      plan.name,
      {
        create: `${scripts} lab-host create`,
        delete: `${scripts} lab-host delete`,
        environment: {
          PREFIX: labPrefix(this.plan.stack),
          NAME: plan.name,
          ADDRESS: `${plan.address}/${this.prefixLength}`,
          GATEWAY: this.plan.network.gateway,
          ROOT: this.prepared.root,
          ARTIFACTS: this.prepared.artifactStore,
          AUTHORIZED_KEY: this.sshKey.publicKeyOpenssh.apply((key) => key.trim()),
          VOLUMES: plan.disks.map(({ name, sizeGiB }) => `${name}:${sizeGiB * mebibytesPerGibibyte}`).join(" "),
          EPHEMERAL: String(this.plan.ephemeral),
          // A host that is gone or dead gets a new value, so that `up` makes or starts it again.
          INCARNATION: found?.alive ? found.incarnation : this.prepared.newIncarnation,
        },
        addPreviousOutputInEnv: false,
        logging: local.Logging.None,
      },
      { parent: this, dependsOn: this.boundary },
    );
    const hostKey = machine.stdout.apply((json) => hostPrinted(json).hostKey);
    return {
      plan,
      user,
      hostKey,
      connection: pulumi.all([hostKey, this.sshKey.privateKeyOpenssh]).apply(([key, privateKey]) => ({
        host: plan.address,
        port: 22,
        user,
        privateKey,
        hostKey: key,
        dialErrorLimit: 3,
        perDialTimeout: 15,
      })),
      resource: machine,
      existed: found?.alive ?? false,
    };
  }
}
