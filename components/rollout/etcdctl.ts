/** What etcdctl 3.7 prints, as data; and the etcd side of a shard over SSH. */
import { ports } from "../plan/ports";
import { type Alarm, type Endpoint, type EtcdShard, type Member, NotYet, type View } from "./etcd-shard";
import { Executor } from "./executor";

/** Answers of etcd that mean "the same call later": connections younger than 5 s, a learner not in sync, no leader just now. */
const LATER =
  /unhealthy cluster|in sync with leader|not enough started members|no leader|leader changed|timed out|deadline exceeded|Unavailable/i;

/** There is nothing left to do: an earlier call, whose answer was lost, has done it, or the leadership has moved by itself. */
const DONE_ALREADY =
  /Peer URLs already exists|member not found|can only promote a learner member$|not leader|no leader endpoint given/im;

/** Shorter than the 2 s after which an API server that cannot ask etcd says that it is not ready (--etcd-readycheck-timeout). */
const HOLD_MS = 1_900;
const HOLD_ATTEMPTS = 3;

/** Settings of etcdctl on each member's host (address, CA, certificate, key). */
const SETTINGS = "set -a; . /etc/etcd/etcdctl.env";

export class RemoteShard extends Executor implements EtcdShard {
  async look(via: string): Promise<View> {
    // Through a quorum if there is one, else what this member remembers. Then each member for itself; one that does not answer
    // makes etcdctl fail, and the others' answers are still printed.
    const script = `${SETTINGS}
list() { etcdctl --command-timeout=3s --hex -w json member list "--consistency=$1"; }
members=$(list l 2>/dev/null) && echo quorum || { members=$(list s) && echo alone; } || exit 1
printf '%s\\n' "$members"
urls=$(printf '%s' "$members" | grep -o '"clientURLs":\\["[^"]*"' | cut -d'"' -f4 | paste -sd, -)
ETCDCTL_ENDPOINTS=$urls etcdctl --command-timeout=1s -w json endpoint status 2>/dev/null || true`;
    const [how, members = "", endpoints = ""] = (await this.read(via, script)).trim().split("\n");
    return { quorum: how === "quorum", members: parseMembers(members), ...parseEndpoints(endpoints) };
  }

  async addLearner(via: string, name: string, peerUrl: string): Promise<void> {
    await this.#etcdctl(via, `member add ${name} --peer-urls=${peerUrl} --learner`);
  }

  async promote(via: string, id: string): Promise<void> {
    await this.#etcdctl(via, `member promote ${id}`);
  }

  async remove(via: string, id: string): Promise<void> {
    await this.#etcdctl(via, `member remove ${id}`);
  }

  async moveLeader(via: string, leader: Member, to: Member): Promise<readonly string[]> {
    try {
      const unheld = await this.#holdClients(via, leader);
      await this.#etcdctl(via, `move-leader ${to.id}`, leader.clientUrl);
      return unheld;
    } finally {
      await this.#onEveryHost("release");
    }
  }

  /** @returns what stands in the way of holding the clients of all members */
  async #holdClients(via: string, leader: Member): Promise<string[]> {
    const metrics = `http://127.0.0.1:${ports.etcdMetrics}/metrics`;
    const stray = this.names.includes(leader.name) ? [] : [`clients of ${leader.name} are not held: it is leaving`];
    for (let attempt = 1; ; attempt++) {
      const started = this.now();
      const unheld = await this.#onEveryHost(`hold ${ports.etcdClient} ${HOLD_MS} ${this.address(via)} ${metrics}`);
      // The hand-over has to begin while even the first host still holds.
      if (this.now() - started < HOLD_MS / 2) return [...stray, ...unheld];
      if (attempt === HOLD_ATTEMPTS) return [...stray, ...unheld, "clients were held too slowly: hosts are busy"];
    }
  }

  /** @returns a line for each host that could not */
  async #onEveryHost(verb: string): Promise<string[]> {
    const lines = this.names.map(async (name) => {
      const command = `/usr/local/lib/kilonode/hold-clients ${verb}`;
      const failure = await this.run(name, command, HOLD_MS).then(
        ({ code, stderr }) => (code === 0 ? undefined : stderr.trim() || `exit ${code}`),
        (error: Error) => error.message,
      );
      return failure === undefined ? [] : [`clients of ${name} are not held: ${failure}`];
    });
    return (await Promise.all(lines)).flat();
  }

  /** Settings come by the environment alone: etcdctl refuses a flag that shadows a variable. */
  async #etcdctl(via: string, command: string, endpoint?: string): Promise<void> {
    const there = endpoint ? `ETCDCTL_ENDPOINTS=${endpoint} ` : "";
    const { code, stderr } = await this.run(via, `${SETTINGS}\n${there}etcdctl --command-timeout=10s ${command}`);
    if (code === 0 || DONE_ALREADY.test(stderr)) return;
    const said = stderr.trim().split("\n").at(-1) ?? "";
    if (LATER.test(stderr)) throw new NotYet(`etcdctl ${command} on ${via}: ${said}`);
    throw new Error(`etcdctl ${command} on ${via}: ${said}`);
  }
}

interface MemberJson {
  readonly ID: string;
  readonly name?: string;
  readonly peerURLs?: readonly string[];
  readonly clientURLs?: readonly string[];
  readonly isLearner?: boolean;
}

/** Of `member list --hex`. */
export function parseMembers(json: string): Member[] {
  const { members } = JSON.parse(json) as { members: readonly MemberJson[] };
  return members.map(({ ID, name = "", peerURLs = [], clientURLs = [], isLearner = false }) => ({
    id: ID,
    name,
    peerUrl: peerURLs[0] ?? "",
    ...(clientURLs[0] ? { clientUrl: clientURLs[0] } : {}),
    learner: isLearner,
  }));
}

interface StatusJson {
  readonly Status: {
    readonly header: { readonly member_id: string };
    readonly leader?: string;
    readonly raftAppliedIndex?: number;
    readonly errors?: readonly string[];
  };
}

/** Of `endpoint status`, where `--hex` does not apply: ids are numbers of 64 bits, made text before they are read. */
export function parseEndpoints(json: string): { endpoints: Map<string, Endpoint>; alarms: Alarm[] } {
  const safe = json.replace(/"(member_id|cluster_id|leader)":\s*"?(\d+)"?/g, '"$1":"$2"');
  const answers = (JSON.parse(safe || "null") ?? []) as readonly StatusJson[];
  const endpoints = new Map<string, Endpoint>();
  const alarms = new Map<string, Alarm>();
  for (const { Status } of answers) {
    const leader = hex(Status.leader ?? "0");
    endpoints.set(hex(Status.header.member_id), {
      ...(leader === "0" ? {} : { leader }),
      appliedIndex: Status.raftAppliedIndex ?? 0,
    });
    for (const error of Status.errors ?? []) {
      const [, id, type] = /memberID:\s*(\d+)\s+alarm:\s*(\w+)/.exec(error) ?? [];
      if (id && type) alarms.set(`${id} ${type}`, { memberId: hex(id), type });
    }
  }
  return { endpoints, alarms: [...alarms.values()] };
}

const hex = (decimal: string): string => BigInt(decimal).toString(16);
