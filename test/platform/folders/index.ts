/**
 * A platform as small as one can be, and unlike the lab: hosts are folders of this machine, the API's address is a name that the
 * platform manages, hosts are known by names, masters run static pods, nodes come in pools, artifacts lie in a bucket.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import * as z from "zod";
import { pulumiConnection } from "../../../components/access/pulumi";
import { range } from "../../../components/plan/parts";
import type { ClusterPlan, PoolPlan } from "../../../components/plan/types";
import type {
  Host,
  MadeHost,
  Placement,
  PlacementArgs,
  PlatformModule,
  Prepared,
} from "../../../components/platform/module";
import { addressAt } from "../../../config/cidr";
import type { ClusterSpec } from "../../../config/cluster";

const Knobs = z.strictObject({ /** Folder in which the hosts are. */ root: z.string().startsWith("/") });
const rootOf = (spec: ClusterSpec) => (spec as ClusterSpec<z.output<typeof Knobs>>).own.root;

export const sshPort = 2222;
export const domainOf = (stack: string) => `${stack}.folders.test`;
export const folderOf = (root: string, host: string) => join(root, "hosts", host);
/** A folder finds its disks in the folder that its programs work in. */
const devices = { wal: "/proc/self/cwd/dev/wal", database: "/proc/self/cwd/dev/database" };

interface PreparedFolders extends Prepared {
  readonly root: string;
  readonly there: ReadonlySet<string>;
}

export const folders: PlatformModule<PreparedFolders> = {
  knobs: {
    own: Knobs,
    changes: { root: { to: "refused", why: "hosts are there" } },
    defaults: { ephemeral: true },
  },
  rehearsed: true,
  facts: (spec) => ({
    api: { kind: "managed", name: `api.${domainOf(spec.stack)}` },
    zones: spec.zones.map((name, index) => ({
      name,
      range: `${addressAt(range(spec.network.hosts), index * 256)}/24`,
    })),
    domain: domainOf(spec.stack),
    runtimes: ["static-pod"],
    devices,
    objectStore: { kind: "bucket", url: `file://${rootOf(spec)}/bucket` },
    placesPools: true,
    simulatedNodes: 0,
    sharedKernel: true,
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
    const there = plan.hosts.filter(({ name }) => existsSync(folderOf(root, name))).map(({ name }) => name);
    return { root, artifacts, there: new Set(there) };
  },
  place: (args) => new Folders(args),
  madeHost: (resources, host) => made(resources("command:local:Command", host)?.stdout),
  degradations: async () => [],
  sweep: async (spec) => rmSync(rootOf(spec), { recursive: true, force: true }),
};

class Folders extends pulumi.ComponentResource implements Placement {
  readonly boundary: pulumi.Resource;
  readonly hosts: readonly Host[];

  constructor(readonly args: PlacementArgs<PreparedFolders>) {
    super("test:index:Folders", args.plan.stack);
    const { plan, prepared, sshKey, after } = args;
    const environment = { ROOT: prepared.root };
    this.boundary = this.command("network", 'mkdir -p "$ROOT/hosts"', 'rmdir "$ROOT/hosts"', environment, after);
    this.hosts = plan.hosts.map((host) => {
      const resource = this.folder(host.name, {
        ADDRESS: host.address,
        DEVICES: host.machine.volumes.map(({ device }) => device.replace("/proc/self/cwd/", "")).join(" "),
        AUTHORIZED_KEY: sshKey.publicKeyOpenssh.apply((key) => key.trim()),
        STORE: join(prepared.root, "bucket"),
        EPHEMERAL: String(plan.ephemeral),
      });
      const target = resource.stdout.apply((text) => ({ ...(made(text) as MadeHost), name: host.name }));
      const connection = pulumi.all([target, sshKey.privateKeyOpenssh]).apply(([at, key]) => pulumiConnection(at, key));
      return { plan: host, target, connection, resource, existed: prepared.there.has(host.name) };
    });
    for (const pool of plan.pools) this.nodes(pool);
    this.registerOutputs({});
  }

  /** A node is the template of its pool in a folder. */
  private nodes({ name, count, template }: PoolPlan): void {
    for (let index = 1; index <= count; index++) {
      const create = 'mkdir "$FOLDER" && printf "%s" "$TEMPLATE" >"$FOLDER/machine.json"';
      const environment = {
        FOLDER: folderOf(this.args.prepared.root, `${name}-${index}`),
        TEMPLATE: JSON.stringify(template),
      };
      this.command(`${name}-${index}`, create, 'rm -r "$FOLDER"', environment, this.boundary);
    }
  }

  private folder(name: string, more: Record<string, pulumi.Input<string>>): local.Command {
    const program = 'PATH="test/platform/folders:$PATH" make-folder';
    const environment = { FOLDER: folderOf(this.args.prepared.root, name), ...more };
    return this.command(name, `${program} create`, `${program} delete`, environment, this.boundary);
  }

  private command(
    name: string,
    create: string,
    remove: string,
    environment: Record<string, pulumi.Input<string>>,
    dependsOn: pulumi.Resource,
  ): local.Command {
    const fixed = { addPreviousOutputInEnv: false, logging: local.Logging.None };
    return new local.Command(name, { create, delete: remove, environment, ...fixed }, { parent: this, dependsOn });
  }
}

const Printed = z.object({ address: z.ipv4(), hostKey: z.string().startsWith("ssh-ed25519 ") });

function made(stdout: unknown): MadeHost | undefined {
  return typeof stdout === "string" ? { user: "root", port: sshPort, ...Printed.parse(JSON.parse(stdout)) } : undefined;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const namesOfBinaries = ({ hosts }: ClusterPlan) =>
  hosts.flatMap(({ machine }) => Object.values(machine.binaries).map(({ name }) => name));
