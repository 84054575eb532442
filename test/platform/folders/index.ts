/**
 * A platform as small as one can be, and unlike the lab: hosts are folders of this machine, the API's address is a name that the
 * platform manages, hosts are known by names, masters run static pods, nodes come in pools, artifacts lie in a bucket.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { pulumiConnection } from "../../../components/access/pulumi";
import { known } from "../../../components/known";
import { range } from "../../../components/plan/parts";
import type { ClusterPlan, HostPlan, PoolPlan } from "../../../components/plan/types";
import type {
  FoundMachine,
  Host,
  MadeHost,
  Placement,
  PlacementArgs,
  PlatformModule,
  Prepared,
} from "../../../components/platform/module";
import { addressAt } from "../../../config/cidr";
import type { ClusterSpec } from "../../../config/cluster";

const Knobs = z.strictObject({
  /** Folder in which the hosts are. */
  root: z.string().startsWith("/"),
  /** What hosts are made from: with another one they are made again, and keep their disks. */
  image: z.string().default("first"),
  /** Takes effect on a host that runs. */
  label: z.string().default("none"),
});
const ownOf = (spec: ClusterSpec) => (spec as ClusterSpec<z.output<typeof Knobs>>).own;
const rootOf = (spec: ClusterSpec) => ownOf(spec).root;

export const sshPort = 2222;
/** Of the load balancer that the platform is said to manage. */
export const returnSeconds = 3;
export const domainOf = (stack: string) => `${stack}.folders.test`;
export const folderOf = (root: string, host: string) => join(root, "hosts", host);
/** A folder finds its disks in the folder that its programs work in. */
const devices = { wal: "/proc/self/cwd/dev/wal", database: "/proc/self/cwd/dev/database" };

interface PreparedFolders extends Prepared, z.output<typeof Knobs> {
  /** By host, what it was made with. */
  readonly there: ReadonlyMap<string, Made>;
}

const Printed = z.object({ address: z.ipv4(), hostKey: z.string().startsWith("ssh-ed25519 ") });
const Made = Printed.extend({ image: z.string(), label: z.string(), ephemeral: z.string(), key: z.string() });
type Made = z.output<typeof Made>;

export const folders: PlatformModule<PreparedFolders> = {
  knobs: {
    own: Knobs,
    changes: { root: { to: "refused", why: "hosts are there" } },
    defaults: { ephemeral: true },
    rules: [],
  },
  rehearsal: {},
  facts: (spec) => ({
    api: { kind: "managed", name: `api.${domainOf(spec.stack)}`, drainSeconds: 40, returnSeconds },
    zones: spec.zones.map((name, index) => ({
      name,
      range: `${addressAt(range(spec.network.hosts), index * 256)}/24`,
    })),
    laterRanges: [],
    operators: ["192.0.2.0/24"],
    domain: domainOf(spec.stack),
    runtimes: ["static-pod"],
    devices,
    objectStore: { kind: "bucket", url: `file://${rootOf(spec)}/bucket` },
    backupStore: { kind: "bucket", url: `https://backups.${domainOf(spec.stack)}/snapshots`, region: "nowhere" },
    placesPools: true,
    podNetwork: "bridge",
    simulatedNodes: 0,
    sharedKernel: true,
    heldTo: {},
  }),
  async prepare({ spec, plan, change }) {
    const root = rootOf(spec);
    const programs = new Map(namesOfBinaries(plan).map((name) => [name, `the program ${name}\n`]));
    const artifacts = new Map([...programs].map(([name, text]) => [name, sha256(text)]));
    for (const [name, text] of change ? programs : []) {
      const file = join(root, "bucket", sha256(text), name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const there = plan.hosts.flatMap(({ name }): [string, Made][] => {
      const file = join(folderOf(root, name), "made.json");
      return existsSync(file) ? [[name, Made.parse(JSON.parse(readFileSync(file, "utf8")))]] : [];
    });
    return { ...ownOf(spec), artifacts, there: new Map(there) };
  },
  place: async (args) => new Folders(args, (await known(args.sshKey.publicKeyOpenssh))?.trim()),
  madeHost: (resources, host) => made(resources("command:local:Command", host)?.stdout),
  degradations: async () => [],
  sweep: async (spec) => rmSync(rootOf(spec), { recursive: true, force: true }),
};

class Folders extends pulumi.ComponentResource implements Placement {
  readonly boundary: pulumi.Resource;

  constructor(
    readonly args: PlacementArgs<PreparedFolders>,
    readonly key: string | undefined,
  ) {
    super("test:index:Folders", args.plan.stack);
    const { plan, prepared, after } = args;
    const environment = { ROOT: prepared.root };
    this.boundary = this.command("network", 'mkdir -p "$ROOT/hosts"', 'rmdir "$ROOT/hosts"', environment, {
      dependsOn: after,
    });
    for (const pool of plan.pools) this.nodes(pool);
    this.registerOutputs({});
  }

  found({ name }: HostPlan): FoundMachine {
    const found = this.args.prepared.there.get(name);
    if (!found) return { state: "absent" };
    const { plan, prepared } = this.args;
    const knowsKey = found.key === this.key;
    const same = found.label === prepared.label && found.ephemeral === String(plan.ephemeral) && knowsKey;
    const change = found.image !== prepared.image ? "a restart" : same ? "none" : "while it runs";
    return { state: "running", target: { user: "root", port: sshPort, name, ...printed(found) }, knowsKey, change };
  }

  host(plan: HostPlan, after: readonly pulumi.Resource[], asItIs = false): Host {
    const { prepared, sshKey } = this.args;
    const ephemeral = String(this.args.plan.ephemeral);
    const resource = this.folder(
      plan.name,
      {
        ADDRESS: plan.address,
        DEVICES: plan.machine.volumes.map(({ device }) => device.replace("/proc/self/cwd/", "")).join(" "),
        AUTHORIZED_KEY: sshKey.publicKeyOpenssh.apply((key) => key.trim()),
        IMAGE: prepared.image,
        LABEL: prepared.label,
        EPHEMERAL: ephemeral,
      },
      { dependsOn: [this.boundary, ...after], ignoreChanges: asItIs ? ["environment"] : [] },
    );
    const target = resource.stdout.apply((text) => ({ ...(made(text) as MadeHost), name: plan.name }));
    const connection = pulumi.all([target, sshKey.privateKeyOpenssh]).apply(([at, key]) => pulumiConnection(at, key));
    return { plan, target, connection, resource };
  }

  /** A node is the template of its pool in a folder. */
  private nodes({ name, count, template }: PoolPlan): void {
    for (let index = 1; index <= count; index++) {
      const create = 'mkdir "$FOLDER" && printf "%s" "$TEMPLATE" >"$FOLDER/machine.json"';
      const environment = {
        FOLDER: folderOf(this.args.prepared.root, `${name}-${index}`),
        TEMPLATE: JSON.stringify(template),
      };
      this.command(`${name}-${index}`, create, 'rm -r "$FOLDER"', environment, { dependsOn: this.boundary });
    }
  }

  private folder(
    name: string,
    more: Record<string, pulumi.Input<string>>,
    options: pulumi.CustomResourceOptions,
  ): local.Command {
    const program = 'PATH="test/platform/folders:$PATH" make-folder';
    const environment = { FOLDER: folderOf(this.args.prepared.root, name), ...more };
    return this.command(name, `${program} create`, `${program} delete`, environment, options);
  }

  private command(
    name: string,
    create: string,
    remove: string,
    environment: Record<string, pulumi.Input<string>>,
    options: pulumi.CustomResourceOptions,
  ): local.Command {
    const fixed = { addPreviousOutputInEnv: false, logging: local.Logging.None };
    return new local.Command(name, { create, delete: remove, environment, ...fixed }, { parent: this, ...options });
  }
}

const printed = ({ address, hostKey }: Made) => ({ address, hostKey });

function made(stdout: unknown): MadeHost | undefined {
  return typeof stdout === "string" ? { user: "root", port: sshPort, ...Printed.parse(JSON.parse(stdout)) } : undefined;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const namesOfBinaries = ({ hosts }: ClusterPlan) =>
  hosts.flatMap(({ machine }) => Object.values(machine.binaries).map(({ name }) => name));
