/** The hosts of a cluster with their content: those that stand as planned at once, those whose machine changes each in its turn. */
import * as pulumi from "@pulumi/pulumi";
import type { ClusterSpec } from "../config/cluster";
import { HostContent } from "./host/content";
import type { AllRepairs } from "./host/repairs";
import type { Pki } from "./pki/pki";
import type { GroupPlan } from "./plan/groups";
import { turnsOf } from "./plan/turns";
import type { ClusterPlan, HostPlan } from "./plan/types";
import type { Host, MachineChange, Placement } from "./platform/module";
import { machineGates, turnOf } from "./rollout/before-change";
import type { RolloutArgs, RolloutMember } from "./rollout/document";
import type { TurnSpec } from "./rollout/spec";

export interface ClusterArgs {
  readonly spec: ClusterSpec;
  readonly plan: ClusterPlan;
  readonly placement: Placement;
  readonly repairs: AllRepairs;
  /** Private key that logs in to every host, OpenSSH format. */
  readonly sshKey: pulumi.Output<string>;
}

export class ClusterHosts {
  /** True: the machine of a host that runs is another one than planned. */
  readonly turning: boolean;
  /** True: a host runs already. */
  readonly running: boolean;
  readonly #hosts = new Map<string, Host>();
  readonly #members = new Map<string, RolloutMember>();
  /** Looks, before the first turn. */
  readonly gates: pulumi.Resource;

  constructor(
    private readonly args: ClusterArgs,
    private readonly pki: Pki,
    private readonly parent: pulumi.Resource,
  ) {
    const { plan, sshKey } = args;
    const changes = plan.hosts.map((host) => this.#change(host.name));
    this.turning = changes.some((change) => change !== "none");
    this.running = plan.hosts.some((host) => args.placement.found(host).state === "running");
    for (const host of plan.hosts) {
      const found = args.placement.found(host);
      if (this.#change(host.name) === "none") this.#stage(host, []);
      else if (found.state === "running") this.#members.set(host.name, { plan: host, target: found.target });
    }
    // What changes while it runs endangers nobody's service, and may be what lets us in to look.
    const restarting = changes.includes("a restart");
    this.gates = machineGates(
      restarting ? { groups: plan.groups.map(this.rollout), backups: plan.backup !== undefined, sshKey } : undefined,
      { parent },
    );
  }

  existed = ({ hosts }: GroupPlan): boolean =>
    this.args.plan.hosts.some(
      (host) => hosts.includes(host.name) && this.args.placement.found(host).state === "running",
    );

  /** Changes the machines of the group's hosts, one after the other. */
  takeTurns(group: GroupPlan, before: readonly pulumi.Resource[]): void {
    const { parent } = this;
    const { hosts } = this.args.plan;
    const turns = turnsOf(group, hosts, (name) => this.#change(name) !== "none");
    let last: readonly pulumi.Resource[] = [this.gates, ...before];
    for (const host of turns) {
      const change = this.#change(host.name) as TurnSpec["change"];
      const turn = turnOf(host.name, { change, group: this.rollout(group) }, { parent, dependsOn: [...last] });
      last = [this.#stage(host, [turn])];
    }
    const others = hosts.filter((host) => group.hosts.includes(host.name) && !turns.includes(host));
    for (const { name } of others) turnOf(name, undefined, { parent });
  }

  rollout = (group: GroupPlan): RolloutArgs => {
    const { hostTimeoutSeconds, name, strategy } = group;
    const hosts = group.hosts.flatMap((host) => this.#members.get(host) ?? []);
    const { plan, repairs, sshKey } = this.args;
    const kept = !plan.ephemeral && strategy.kind === "etcd";
    const seen = group.hosts.every((host) => repairs.has(host));
    return { group: name, strategy: this.#strategy(strategy), hosts, hostTimeoutSeconds, seen, sshKey, kept };
  };

  machines = ({ hosts }: GroupPlan): pulumi.Resource[] => hosts.map((name) => this.made(name).resource);

  /** Once it had its turn. */
  made(name: string): Host {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`host ${name} has not had its turn`);
    return host;
  }

  #change(name: string): MachineChange {
    const { placement, plan } = this.args;
    const host = plan.hosts.find((one) => one.name === name);
    const found = host && placement.found(host);
    return found?.state === "running" ? found.change : "none";
  }

  /** Makes the host, or its machine what is planned, and stages its content. */
  #stage(plan: HostPlan, after: readonly pulumi.Resource[]): pulumi.Resource {
    const { parent } = this;
    const host = this.args.placement.host(plan, after);
    const content = new HostContent(host, this.pki, this.args.repairs.get(plan.name), {
      parent,
      dependsOn: host.resource,
    });
    this.#hosts.set(plan.name, host);
    this.#members.set(plan.name, { plan, target: host.target, staged: content.staged });
    return content;
  }

  /** The group's strategy with the host that it names as a target. */
  #strategy(strategy: GroupPlan["strategy"]): RolloutArgs["strategy"] {
    if (strategy.kind !== "masters") return strategy;
    const { balancer, ...masters } = strategy;
    const target = balancer === undefined ? undefined : this.#members.get(balancer)?.target;
    return target ? pulumi.output(target).apply((loadBalancer) => ({ ...masters, loadBalancer })) : masters;
  }
}
