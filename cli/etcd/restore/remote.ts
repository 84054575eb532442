/** A restore's hosts over SSH. */
import type { Words } from "../../../components/access/privilege";
import type { Outcome } from "../../../components/access/ssh";
import { tools } from "../../../components/machine/host-programs";
import type { ClusterPlan } from "../../../components/plan/types";
import { restoreAdvice } from "../../../components/rollout/etcd/advice";
import { ownDataEnv } from "../../../components/rollout/etcd/bootstrap";
import { findings, silentShard } from "../../../components/rollout/etcd/health";
import type { RemoteShard } from "../../../components/rollout/etcd/remote";
import type { EtcdPlan, View } from "../../../components/rollout/etcd/shard";
import type { GateFinding } from "../../../components/rollout/gate/refusal";
import type { RemoteHosts } from "../../../components/rollout/hosts/remote";
import { UserError } from "../../../config/errors";
import {
  type ApiState,
  type MemberState,
  readApi,
  readMember,
  readRevision,
  readSnapshots,
  type Snapshot,
} from "./answers";
import type { RestoreHosts, RestoreRequest } from "./hosts";

const program = `${tools}/etcd-restore`;

export class RemoteRestore implements RestoreHosts {
  constructor(
    readonly shard: RemoteShard,
    readonly masters: RemoteHosts,
    /** By master, as the program `api-server` takes it. */
    readonly services: ReadonlyMap<string, string>,
    readonly plan: EtcdPlan,
    /** Whose work it is, for those hosts that do not tell by what is asked of them. */
    readonly command?: "move",
  ) {}

  get #of(): Words {
    return this.command === undefined ? [] : ["--command", this.command];
  }

  now(): number {
    return this.shard.now();
  }

  sleep(milliseconds: number): Promise<void> {
    return this.shard.sleep(milliseconds);
  }

  close(): void {
    this.shard.close();
    this.masters.close();
  }

  async member(host: string, ...options: readonly "--stored"[]): Promise<MemberState> {
    const timeoutMs = options.length > 0 ? this.plan.hostTimeoutMs : undefined;
    return readMember(host, await this.shard.read(host, [program, "state", ...options], timeoutMs));
  }

  stage(host: string, request: RestoreRequest, shard: string): Promise<void> {
    const { bump, bytes, id, members, snapshot, token } = request;
    const fields = Object.entries({ id, shard, snapshot, bytes, token, bump });
    const options = [
      ...fields.flatMap(([name, value]) => [`--${name}`, String(value)]),
      ...members.flatMap((member) => ["--member", member]),
    ];
    // The snapshot is fetched, and each of its bytes read and written more than once.
    return this.#do(host, ["stage", ...options, ...this.#of], 2 * this.plan.hostTimeoutMs);
  }

  hold(host: string, shard: string): Promise<void> {
    return this.#do(host, ["hold", "--shard", shard, ...this.#of]);
  }

  swap(host: string): Promise<void> {
    return this.#do(host, [
      "swap",
      ...Object.entries(ownDataEnv).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    ]);
  }

  start(host: string): Promise<void> {
    return this.#do(host, ["start"]);
  }

  release(host: string): Promise<void> {
    return this.#do(host, ["release"]);
  }

  finish(host: string): Promise<void> {
    return this.#do(host, ["finish"]);
  }

  abandon(host: string): Promise<void> {
    return this.#do(host, ["abandon"]);
  }

  async unhealthy(members: readonly string[]): Promise<readonly GateFinding[]> {
    const views = await this.views(members);
    const view = views.find(({ quorum }) => quorum) ?? views[0];
    if (!view) return [silentShard(this.plan.targets.map(({ name }) => name))];
    const found = findings(view, ({ name, peerUrl }) => name || peerUrl);
    const listed = view.members.map(({ name }) => name).sort();
    const wanted = [...members].sort();
    if (found.length > 0 || JSON.stringify(listed) === JSON.stringify(wanted)) return found;
    const checked = `the members of the shard are ${wanted.join(", ")}`;
    const advice = restoreAdvice.unhealthy;
    return [{ host: "the whole shard", checked, found: listed.join(", "), advice, lasting: true }];
  }

  /** What each of them sees that answers. */
  async views(members: readonly string[]): Promise<View[]> {
    const answers = await Promise.allSettled(members.map((host) => this.shard.look(host)));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  /** The highest that a member tells; undefined when none answers. */
  async revision(members: readonly string[]): Promise<number | undefined> {
    const words = [`${tools}/etcd-call`, "-w", "json", "endpoint", "status"];
    const answers = await Promise.allSettled(
      members.map(async (host) => readRevision(host, await this.shard.read(host, words))),
    );
    const told = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    return told.length > 0 ? Math.max(...told) : undefined;
  }

  /** Of the first member that can tell. */
  async snapshots(members: readonly string[]): Promise<readonly Snapshot[]> {
    const why: string[] = [];
    for (const host of members) {
      try {
        const printed = await this.shard.read(host, [`${tools}/etcd-backup`, "list"], this.plan.hostTimeoutMs);
        return readSnapshots(host, printed);
      } catch (error) {
        why.push((error as Error).message);
      }
    }
    throw new UserError("no member can list the snapshots of its shard", undefined, why);
  }

  async api(master: string): Promise<ApiState | undefined> {
    let printed: string;
    try {
      printed = await this.masters.read(master, this.#api(master, "state"));
    } catch {
      return undefined;
    }
    return readApi(master, printed);
  }

  async stopApi(master: string): Promise<void> {
    await this.masters.read(master, this.#api(master, "stop"), this.masters.hostTimeoutMs);
  }

  async startApi(master: string): Promise<void> {
    await this.masters.read(master, this.#api(master, "start"), this.masters.hostTimeoutMs);
  }

  async restartApi(master: string, id: string): Promise<void> {
    await this.masters.read(master, [...this.#api(master, "restart"), id], this.masters.hostTimeoutMs);
  }

  async unready(master: string): Promise<string | undefined> {
    const outcome = await this.masters
      .run(master, [`${tools}/check-apiserver`])
      .catch((error: Error): Outcome => ({ code: 1, stdout: "", stderr: error.message }));
    return outcome.code === 0
      ? undefined
      : outcome.stdout.trim().split("\n")[0] || outcome.stderr.trim() || "not ready";
  }

  #api(master: string, verb: string): Words {
    return [`${tools}/api-server`, verb, this.services.get(master) ?? ""];
  }

  async #do(host: string, words: Words, timeoutMs = this.plan.hostTimeoutMs): Promise<void> {
    await this.shard.read(host, [program, ...words], timeoutMs);
  }
}

/** The service of each master, as the program `api-server` takes it. */
export function apiServices({ groups, hosts }: Pick<ClusterPlan, "groups" | "hosts">): ReadonlyMap<string, string> {
  const names = groups.flatMap(({ strategy }) => (strategy.kind === "masters" ? strategy.apiServices : []));
  return new Map(
    hosts.flatMap(({ name, machine }) =>
      names.flatMap((service): [string, string][] => {
        const kind = machine.services[service]?.kind;
        return kind === undefined ? [] : [[name, `${kind}:${service}`]];
      }),
    ),
  );
}
