/**
 * npm run bench:hand-over [-- --rounds N --json]
 *
 * What a hand-over of leadership costs the clients of an etcd shard: N times (default 20) with etcd's move-leader alone, and N times
 * with the clients held meanwhile, as a rollout does. Three real members and 12 clients, in a network namespace of their own (root).
 */
import { execFileSync, spawnSync } from "node:child_process";
import http from "node:http";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Words } from "../components/access/privilege";
import { tools } from "../components/machine/host-programs";
import { ports } from "../components/plan/ports";
import { bootstrapEnv } from "../components/rollout/etcd/bootstrap";
import type { Member } from "../components/rollout/etcd/shard";
import { findEtcd, LocalShard } from "./lib/local-etcd";
import { machineLine } from "./lib/machine";

export interface HandOverReport {
  readonly handOvers: number;
  readonly acknowledged: number;
  readonly failed: Readonly<Record<string, number>>;
  readonly unheld: readonly string[];
  readonly longestWaitMs: number;
}

const members = ["m1", "m2", "m3"];
const clients = 12;
/** Between a client's writes, and between hand-overs. */
const pauseMs = 2;
const restMs = 500;
/** Clients come from another address than members and etcdctl, which are let through. */
const clientAddress = "127.0.0.9";
const memberSource = "127.0.0.1";
const program = join(__dirname, "../components/machine/files/usr/local/lib/kilonode/hold-clients");

class HeldShard extends LocalShard {
  override get names(): readonly string[] {
    return members;
  }

  override address(): string {
    return memberSource;
  }

  override run(name: string, words: Words, timeoutMs?: number) {
    // One namespace for all members: each one's metrics are on its client port, and one set of rules is enough.
    const metrics = `http://${this.host(name).address}:${ports.etcdClient}/metrics`;
    const here = words.flatMap((word) => {
      if (word === `${tools}/hold-clients`) return ["flock", "/run/kilonode-hand-over.lock", "sh", program];
      return word.endsWith(`:${ports.etcdMetrics}/metrics`) ? [metrics] : [word];
    });
    return super.run(name, here, timeoutMs);
  }
}

async function measure(hold: boolean, rounds: number): Promise<HandOverReport> {
  const binaries = await findEtcd();
  if (!binaries) throw new Error("no etcd in the artifact cache: an `up` of the lab puts it there");
  const shard = new (hold ? HeldShard : LocalShard)(binaries, hold ? 1 : 2);
  try {
    for (const name of members) shard.addHost(name, "content");
    await start(shard);
    const writers = new Writers(shard.clientUrls());
    const unheld = new Set<string>();
    for (let round = 0; round < rounds; round++) {
      const { from, to } = await roles(shard);
      for (const line of await shard.moveLeader(from, to)) unheld.add(line);
      await shard.sleep(restMs);
      if ((await roles(shard)).from.id !== to.id) throw new Error(`${to.name} does not lead after the hand-over`);
    }
    return { handOvers: rounds, unheld: hold ? [...unheld] : [], ...(await writers.stop()) };
  } finally {
    await shard.cleanUp();
  }
}

async function start(shard: LocalShard): Promise<void> {
  const { targets, token } = shard.plan(members);
  for (const name of members) await shard.activate(name, { env: bootstrapEnv(targets, token) });
  for (const name of members) while (!(await shard.settled(name))) await shard.sleep(50);
}

async function roles(shard: LocalShard): Promise<{ from: Member; to: Member }> {
  const view = await shard.look("m1");
  const leader = view.endpoints.values().next().value?.leader;
  const index = view.members.findIndex(({ id }) => id === leader);
  const from = view.members[index];
  const to = view.members[(index + 1) % view.members.length];
  if (!from || !to) throw new Error("the shard has no leader");
  return { from, to };
}

/** Each puts one key after the other at one member, over one connection; nothing is tried again. */
class Writers {
  #stopped = false;
  #acknowledged = 0;
  #longestWaitMs = 0;
  readonly #failed: Record<string, number> = {};
  readonly #loops: Promise<void>[];

  constructor(urls: readonly string[]) {
    this.#loops = Array.from({ length: clients }, (_, client) =>
      this.#write(new URL(urls[client % urls.length] as string), client),
    );
  }

  async stop(): Promise<Pick<HandOverReport, "acknowledged" | "failed" | "longestWaitMs">> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    const longestWaitMs = Math.round(this.#longestWaitMs);
    return { acknowledged: this.#acknowledged, failed: this.#failed, longestWaitMs };
  }

  async #write(url: URL, client: number): Promise<void> {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let index = 0; !this.#stopped; index++) {
      const started = performance.now();
      const failure = await put(agent, url, `${client}-${index}`).catch((error: Error) => error.message);
      if (failure === undefined) this.#acknowledged++;
      else this.#failed[failure] = (this.#failed[failure] ?? 0) + 1;
      this.#longestWaitMs = Math.max(this.#longestWaitMs, performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    agent.destroy();
  }
}

/** @returns what etcd said when it refused */
function put(agent: http.Agent, url: URL, key: string): Promise<string | undefined> {
  const body = JSON.stringify({ key: Buffer.from(key).toString("base64"), value: "a2lsb25vZGU=" });
  return new Promise((resolve, reject) => {
    const { hostname, port } = url;
    const options = { agent, hostname, port, localAddress: clientAddress, path: "/v3/kv/put", method: "POST" };
    const request = http.request(options, (answer) => {
      let text = "";
      answer.on("data", (chunk) => {
        text += chunk;
      });
      answer.on("error", reject);
      answer.on("end", () =>
        resolve(answer.statusCode === 200 ? undefined : (JSON.parse(text) as { message: string }).message),
      );
    });
    request.on("error", reject);
    request.end(body);
  });
}

function describe(title: string, report: HandOverReport): string {
  const failed = Object.values(report.failed).reduce((sum, count) => sum + count, 0);
  const why = Object.entries(report.failed).map(([message, count]) => `\n    ${count} x ${message}`);
  return `${title}: ${report.handOvers} hand-overs, ${report.acknowledged} writes acknowledged, ${failed} failed; longest wait ${report.longestWaitMs} ms${why.join("")}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: "string", default: "20" }, json: { type: "boolean" }, inside: { type: "boolean" } },
  });
  if (!values.inside) {
    const command = [process.execPath, "--import", "tsx", __filename, "--inside", ...process.argv.slice(2)];
    const { status } = spawnSync("unshare", ["--net", ...command], { stdio: "inherit" });
    process.exitCode = status ?? 1;
    return;
  }
  execFileSync("ip", ["link", "set", "lo", "up"]);
  const rounds = Number(values.rounds);
  const alone = await measure(false, rounds);
  const held = await measure(true, rounds);
  if (values.json) return console.log(JSON.stringify({ alone, held }));
  console.log(`machine: ${machineLine()}`);
  console.log(describe("move-leader alone", alone));
  console.log(describe("clients held", held));
  for (const line of held.unheld) console.log(`  ${line}`);
}

main().catch((error: Error) => {
  console.error(`bench/hand-over: ${error.message}`);
  process.exitCode = 1;
});
