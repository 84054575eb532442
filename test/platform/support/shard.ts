/** A simulated etcd shard over hosts that are folders: who is a member, who is up, who leads. */
import type { ShardPlan } from "../../../components/plan/types";
import { type Answer, answered, failed } from "./answer";
import type { FolderHost } from "./host";

const unit = "etcd.service";

interface Member {
  readonly id: string;
  readonly name: string;
  readonly peerUrl: string;
  /** Known once it has started. */
  clientUrl?: string;
}

export class Shard {
  #members: readonly Member[] = [];
  #leader: string | undefined;

  constructor(
    readonly plan: ShardPlan,
    readonly hosts: readonly FolderHost[],
    readonly log: string[],
  ) {}

  get leader(): string | undefined {
    return this.#leader;
  }

  /** As after an election that nobody has caused. */
  lead(name: string): void {
    this.#leader = name;
  }

  get hasQuorum(): boolean {
    return this.#members.length > 0 && this.#up().length > this.#members.length / 2;
  }

  /** As etcd does at its start: one that has no data yet joins by the list that it was given. */
  started(host: FolderHost): void {
    const own = host.settings("etc/etcd/etcd.env");
    if (!this.#members.some(({ name }) => name === host.name)) {
      const list = host.settings("etc/kilonode/activation.env").get("ETCD_INITIAL_CLUSTER") ?? "";
      const listed = new Map(list.split(",").map((entry) => entry.split("=") as [string, string]));
      // "--initial-cluster has ... but missing from --initial-advertise-peer-urls"
      if (listed.get(host.name) !== own.get("ETCD_INITIAL_ADVERTISE_PEER_URLS")) {
        host.fail(unit);
        return;
      }
      if (this.#members.length > 0) throw new Error(`${host.name} begins another shard beside ${this.plan.name}`);
      this.#members = [...listed].map(([name, peerUrl], index) => ({ id: `${index + 1}`, name, peerUrl }));
    }
    const member = this.#members.find(({ name }) => name === host.name);
    if (member) member.clientUrl = own.get("ETCD_ADVERTISE_CLIENT_URLS") ?? "";
  }

  /** What etcd-look prints on the host. */
  look(host: FolderHost): Answer {
    if (!this.#isUp(host.name)) return failed("connection refused");
    this.#elect();
    const members = this.#members.map(({ id, name, peerUrl, clientUrl }) => ({
      ID: id,
      name: clientUrl === undefined ? "" : name,
      peerURLs: [peerUrl],
      clientURLs: clientUrl === undefined ? [] : [clientUrl],
    }));
    const leader = this.#members.find(({ name }) => name === this.#leader)?.id;
    const endpoints = this.#up().map(({ id }) => ({
      Status: { header: { member_id: id }, ...(leader && { leader }), raftAppliedIndex: 100 },
    }));
    const lines = [this.hasQuorum ? "quorum" : "alone", JSON.stringify({ members }), JSON.stringify(endpoints)];
    return answered(lines.join("\n"));
  }

  /** etcd-call: of etcdctl's verbs those that a change of content and a member that leaves need. */
  call(host: FolderHost, words: readonly string[]): Answer {
    const [verb, to, id] = words;
    if (verb === "member" && to === "remove") return this.#remove(id);
    if (verb !== "move-leader") return failed(`not simulated: ${words.join(" ")}`);
    if (host.name !== this.#leader) return failed("no leader endpoint given");
    const heir = this.#up().find(({ id }) => BigInt(id).toString(16) === to);
    if (!heir) return failed("timed out");
    this.log.push(`${this.plan.group}: leadership from ${this.#leader} to ${heir.name}`);
    this.#leader = heir.name;
    return answered("");
  }

  #remove(id: string | undefined): Answer {
    const gone = this.#members.find((member) => BigInt(member.id).toString(16) === id);
    if (!gone) return failed("member not found");
    this.#members = this.#members.filter((member) => member !== gone);
    this.log.push(`${this.plan.group}: ${gone.name} removed`);
    if (this.#leader === gone.name) this.#leader = undefined;
    return answered("");
  }

  #isUp(name: string): boolean {
    return this.hosts.some((host) => host.name === name && host.runsUnit(unit));
  }

  #up(): readonly Member[] {
    return this.#members.filter(({ name }) => this.#isUp(name));
  }

  #elect(): void {
    if (this.#leader !== undefined && this.#isUp(this.#leader)) return;
    // The first is what every shard begins with; another one is what a rollout must not cause.
    this.log.push(`${this.plan.group}: election`);
    this.#leader = this.hasQuorum ? this.#up()[0]?.name : undefined;
  }
}
