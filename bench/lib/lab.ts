/** The hosts of a stack in the lab, for who hurts them: power, cables, disks, and a shell that needs no network. */
import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { StatusReport } from "../../cli/hosts/status-types";
import { finished, project, type TestStack, timed } from "./stack";

export interface LabHost {
  readonly name: string;
  readonly role: string;
  readonly zone: string;
  readonly address: string;
}

const scripts = join(project, "components/platform/lab");
const stateDir = "/var/lib/kilonode/lab";
/** Each a few seconds apart. */
const LOOKS = 10;

export class Lab {
  private constructor(
    readonly stack: TestStack,
    readonly hosts: readonly LabHost[],
  ) {}

  static async of(stack: TestStack): Promise<Lab> {
    const { hosts } = await stack.json<{ hosts: LabHost[] }>("outputs");
    return new Lab(stack, hosts);
  }

  get prefix(): string {
    return `kn-${this.stack.name}`;
  }

  host(name: string): LabHost {
    const host = this.hosts.find((one) => one.name === name);
    if (!host) throw new Error(`no host ${name} in ${this.hosts.map((one) => one.name).join(", ")}`);
    return host;
  }

  members(shard: string): readonly LabHost[] {
    return this.hosts.filter(({ name }) => name.startsWith(`${this.stack.name}-etcd-${shard}-`));
  }

  /** Those that a zone takes with it. The load balancer and the node simulator stand for what is in no zone. */
  inZone(zone: string): readonly LabHost[] {
    return this.hosts.filter((host) => host.zone === zone && (host.role === "etcd" || host.role === "master"));
  }

  /** Its shell, reached by its processes: also with the network cut. @returns what it printed */
  inside({ name }: LabHost, script: string, input?: string): Promise<string> {
    return inHost(this.prefix, name, script, input);
  }

  /** All of them at once. */
  async powerOf(verb: "start" | "stop" | "kill", hosts: readonly LabHost[]): Promise<void> {
    await Promise.all(
      hosts.map(({ name }) => {
        const env = { ...process.env, PREFIX: this.prefix, NAME: name };
        return promisify(execFile)(join(scripts, "lab-host"), [verb], { env });
      }),
    );
  }

  async powerOfAll(verb: "cut" | "restore"): Promise<void> {
    await promisify(execFile)(join(scripts, "lab-power"), [verb, "--prefix", this.prefix]);
  }

  /** The cable between a host and the switch. */
  async cable(state: "up" | "down", { name }: LabHost): Promise<void> {
    const script = `source "$1" && ip -n "$2" link set dev "$(port_name "$3")" "$4"`;
    const args = ["-c", script, "cable", join(scripts, "lib.sh"), this.prefix, name, state];
    await promisify(execFile)("bash", args);
  }

  /** Where a volume of a host is on this machine. */
  image({ name }: LabHost, volume: "wal" | "database"): string {
    return join(stateDir, this.prefix, "volumes", name, `${volume}.img`);
  }

  async status(): Promise<StatusReport> {
    return this.stack.json<StatusReport>("status");
  }

  /** On a busy machine a look may miss what the next one sees. */
  async leader(shard = "main"): Promise<LabHost> {
    for (let look = 1; look <= LOOKS; look++) {
      const { etcd } = await this.status();
      const name = etcd.find((one) => one.shard === shard)?.leader;
      if (name) return this.host(name);
    }
    throw new Error(`no member tells who leads shard ${shard}, asked ${LOOKS} times`);
  }

  async follower(shard = "main"): Promise<LabHost> {
    const leader = await this.leader(shard);
    const follower = this.members(shard).find(({ name }) => name !== leader.name);
    if (!follower) throw new Error(`shard ${shard} has no follower`);
    return follower;
  }

  /** Another member of its shard, which is well. */
  async other(member: LabHost): Promise<LabHost> {
    for (let look = 1; look <= LOOKS; look++) {
      const { etcd } = await this.status();
      const shard = etcd.find(({ members }) => members.some(({ name }) => name === member.name));
      const other = shard?.members.find(({ name, up }) => up && name !== member.name);
      if (other) return this.host(other.name);
    }
    throw new Error(`no other member answers beside ${member.name}, asked ${LOOKS} times`);
  }

  async isWell(member: LabHost): Promise<boolean> {
    const members = (await this.status()).etcd.flatMap((shard) => shard.members);
    return members.some(({ name, up }) => up && name === member.name);
  }

  async up(): Promise<void> {
    await timed(this.stack, "up");
  }

  /** What is wrong, with the causes that hosts know. */
  async noticed(): Promise<readonly string[]> {
    const { hosts, problems, unknown } = await this.status();
    return [...problems, ...unknown, ...hosts.flatMap(({ causes }) => Object.values(causes))];
  }

  /** Waits until `kilonode status` finds nothing wrong. @returns what was wrong at last, when it does not come to that */
  async healthy(withinMs: number): Promise<readonly string[]> {
    const until = performance.now() + withinMs;
    for (;;) {
      const { healthy, problems, unknown } = await this.status();
      if (healthy) return [];
      if (performance.now() > until) return [...problems, ...unknown];
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** Runs a script in a host of the lab with the prefix. @returns what it printed */
export async function inHost(prefix: string, host: string, script: string, input = ""): Promise<string> {
  const roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
  const files = roots.map((root) => join(root, `kilonode.${prefix}`, host, "payload/init.scope/cgroup.procs"));
  const file = files.find(existsSync);
  if (!file) throw new Error(`${host} does not run`);
  const pid = readFileSync(file, "utf8").split("\n")[0] as string;
  const words = ["--target", pid, "--mount", "--uts", "--ipc", "--net", "--pid", "--", "bash", "-euc", script];
  const child = spawn("nsenter", words, { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.on("error", () => undefined).end(input);
  const { code, stdout, stderr } = await finished(child);
  if (code !== 0) throw new Error(`on ${host}: ${script}: exit ${code}\n${stdout}\n${stderr}`);
  return stdout;
}
