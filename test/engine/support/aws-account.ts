/** A pretended AWS account without a stack: resources are made and deleted by calls of its provider. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { ResourceCall, Values } from "../../../engine";
import { SimulatedProvider } from "../../../engine/providers/aws";
import type { Told } from "../../../engine/providers/aws/operations";
import type { Plan } from "../../../engine/providers/aws/plan";
import { T } from "../../../engine/providers/aws/rows/common";
import { call, create } from "../providers/support";

export { T };

export interface Made {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly inputs: Values;
  readonly outputs: Values;
}

export class Account {
  readonly folder = mkdtempSync(path.join(tmpdir(), "rehearsal-aws-"));
  readonly file = path.join(this.folder, "state.json.aws");
  readonly told: Told[] = [];
  provider: SimulatedProvider;
  #names = 0;

  constructor(plan: Plan = {}) {
    this.provider = this.open(plan);
  }

  /** The same account, found by another run. */
  open(plan: Plan = {}): SimulatedProvider {
    this.provider = new SimulatedProvider({
      file: this.file,
      plan,
      patienceMs: 0,
      onOperation: (told) => this.told.push(told),
    });
    return this.provider;
  }

  at(type: string, name: string, preview = false): ResourceCall {
    return call(type, name, { preview });
  }

  async make(type: string, inputs: Values = {}, name = `n${++this.#names}`): Promise<Made> {
    return { type, name, ...(await create(this.provider, this.at(type, name), inputs)) };
  }

  async remove({ type, name, id }: Made): Promise<void> {
    await this.provider.delete(this.at(type, name), id);
  }

  async update(made: Made, inputs: Values): Promise<Values> {
    const { type, name, id } = made;
    return (await this.provider.update(this.at(type, name), id, made.inputs, made.outputs, inputs)).outputs;
  }

  /** What is said of the inputs before anything is touched. */
  async problems(type: string, inputs: Values): Promise<string[]> {
    const { failures } = await this.provider.check(this.at(type, "it"), undefined, inputs, Buffer.alloc(32));
    return failures.map(({ property, reason }) => `${property}: ${reason}`);
  }

  async replaced(type: string, before: Values, after: Values): Promise<readonly string[]> {
    return (await this.provider.diff(this.at(type, "it"), "id", before, {}, after, [])).replaces ?? [];
  }

  /** A network with a subnet in each of two zones, a group and an interface. */
  async network() {
    const vpc = await this.make(T.vpc, { cidrBlock: "10.0.0.0/16" });
    const subnet = await this.make(T.subnet, {
      vpcId: vpc.id,
      cidrBlock: "10.0.0.0/24",
      availabilityZone: "us-east-1a",
    });
    const second = await this.make(T.subnet, {
      vpcId: vpc.id,
      cidrBlock: "10.0.1.0/24",
      availabilityZone: "us-east-1b",
    });
    const group = await this.make(T.group, { vpcId: vpc.id, name: "hosts" });
    return { vpc, subnet, second, group };
  }

  async host(subnetId: string, more: Values = {}, name?: string): Promise<Made> {
    return this.make(T.instance, { ami: "ami-0123456789abcdef0", instanceType: "m6i.large", subnetId, ...more }, name);
  }

  write(name: string, value: unknown): string {
    const file = path.join(this.folder, name);
    writeFileSync(file, JSON.stringify(value));
    return file;
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
