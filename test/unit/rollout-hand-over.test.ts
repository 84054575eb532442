/** Leadership moves while the clients of all members wait: the commands that a hand-over runs on the hosts, in their order. */
import { describe, expect, it } from "vitest";
import type { Words } from "../../components/access/privilege";
import type { Outcome } from "../../components/access/ssh";
import { RemoteShard } from "../../components/rollout/etcd/remote";
import { NotYet } from "../../components/rollout/etcd/shard";

const member = (name: string, id: string) => ({
  name,
  id,
  peerUrl: `https://${name}:2380`,
  clientUrl: `https://${name}:2379`,
  learner: false,
});
const [m1, m2] = [member("m1", "a1"), member("m2", "b2")];

/** Every command of each host, answered by `answer`; the clock goes on by `costs` with each hold. */
class Recorded extends RemoteShard {
  readonly log: string[] = [];
  #time = 0;

  constructor(
    names: readonly string[],
    readonly answer: (name: string, command: string) => Partial<Outcome> | Error,
    readonly costs: readonly number[] = [],
  ) {
    const host = { user: "root", port: 22, hostKey: "ssh-ed25519 AAAA" };
    super(
      names.map((name, index) => ({ ...host, name, address: `10.0.0.${index + 1}` })),
      "",
      60_000,
    );
  }

  override now(): number {
    return this.#time;
  }

  override async run(name: string, words: Words): Promise<Outcome> {
    const short = words.slice(1).join(" ");
    if (short.startsWith("hold") && name === "m1") {
      this.#time += this.costs[this.log.filter((line) => line.startsWith("m1: hold")).length] ?? 100;
    }
    this.log.push(`${name}: ${short}`);
    const outcome = this.answer(name, short);
    if (outcome instanceof Error) throw outcome;
    return { code: 0, stdout: "", stderr: "", ...outcome };
  }
}

const hold = "hold 2379 1900 10.0.0.1 http://127.0.0.1:2381/metrics";
const held = [`m1: ${hold}`, `m2: ${hold}`, `m3: ${hold}`];
const released = ["m1: release", "m2: release", "m3: release"];
const fine = () => ({});

describe("a hand-over", () => {
  it("holds the clients of every member, moves the leadership, and lets them go on", async () => {
    const shard = new Recorded(["m1", "m2", "m3"], fine);
    expect(await shard.moveLeader(m1, m2)).toEqual([]);
    expect(shard.log).toEqual([...held, "m1: move-leader b2", ...released]);
  });

  it("tells where clients are not held, and goes on", async () => {
    const answer = (name: string, command: string) => {
      if (command.startsWith("hold") && name === "m1") return { code: 127, stderr: "nft: not found" };
      return command.startsWith("hold") && name === "m2" ? new Error("connection broke") : {};
    };
    const shard = new Recorded(["m1", "m2", "m3"], answer);
    expect(await shard.moveLeader(m1, m2)).toEqual([
      "clients of m1 are not held: nft: not found",
      "clients of m2 are not held: connection broke",
    ]);
    expect(shard.log).toContain("m1: move-leader b2");
  });

  it("lets clients go on when the leadership does not move", async () => {
    const answer = (_name: string, command: string) =>
      command.includes("move-leader") ? { code: 1, stderr: "etcdserver: request timed out" } : {};
    const shard = new Recorded(["m1", "m2", "m3"], answer);
    await expect(shard.moveLeader(m1, m2)).rejects.toBeInstanceOf(NotYet);
    expect(shard.log).toEqual([...held, "m1: move-leader b2", ...released]);
  });

  it("holds anew when the first hold could end before the leadership has moved", async () => {
    const shard = new Recorded(["m1", "m2", "m3"], fine, [1_200, 300]);
    expect(await shard.moveLeader(m1, m2)).toEqual([]);
    expect(shard.log).toEqual([...held, ...held, "m1: move-leader b2", ...released]);
  });

  it("does not hold for ever on hosts that are too slow, and says so", async () => {
    const shard = new Recorded(["m1", "m2", "m3"], fine, [1_200, 1_200, 1_200]);
    expect(await shard.moveLeader(m1, m2)).toEqual(["clients were held too slowly: hosts are busy"]);
    expect(shard.log).toEqual([...held, ...held, ...held, "m1: move-leader b2", ...released]);
  });
});
