/** A member leaves its shard: what comes next, and that it does so on a simulated shard. */
import { describe, expect, it } from "vitest";
import { leave, nextLeaveStep } from "../../components/rollout/etcd/leave";
import type { Endpoint, View } from "../../components/rollout/etcd/shard";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { SimulatedShard } from "./rollout-simulated-shard";

const hosts = ["m1", "m2", "m3"];
const planOf = (member: string) => ({ group: "etcd-main", member, hosts, hostTimeoutMs: 60_000 });

function view(
  leader: string,
  more: { down?: readonly string[]; members?: readonly string[]; quorum?: boolean } = {},
): View {
  const { down = [], members = hosts, quorum = true } = more;
  const all = members.map((name) => ({
    id: name.replace("m", "a"),
    name,
    peerUrl: `https://${name}:2380`,
    clientUrl: `https://${name}:2379`,
    learner: false,
  }));
  const endpoint: Endpoint = { leader: leader.replace("m", "a"), appliedIndex: 7 };
  const up = all.filter(({ name }) => !down.includes(name));
  return { members: all, quorum, endpoints: new Map(up.map(({ id }) => [id, endpoint])), alarms: [] };
}

describe("a member that leaves", () => {
  it.each([
    ["follows: it is removed", "m3", view("m1"), { kind: "remove", member: { name: "m3" } }],
    ["leads: the first member takes over", "m3", view("m3"), { kind: "handOver", to: { name: "m1" } }],
    ["leads and is the first: the next takes over", "m1", view("m1"), { kind: "handOver", to: { name: "m2" } }],
    ["is down: it is removed", "m3", view("m1", { down: ["m3"] }), { kind: "remove", member: { name: "m3" } }],
    ["is none any more: nothing is left to do", "m3", view("m1", { members: ["m1", "m2"] }), { kind: "done" }],
    [
      "waits while another one is down",
      "m3",
      view("m1", { down: ["m2"] }),
      { kind: "blocked", findings: [{ host: "m2", lasting: false }] },
    ],
    [
      "waits while nobody knows whether the list is right",
      "m3",
      view("m1", { members: ["m1", "m2"], quorum: false }),
      { kind: "blocked", findings: [{ checked: "the shard has a leader and a quorum" }] },
    ],
    [
      "stays when it is the last one",
      "m1",
      view("m1", { members: ["m1"] }),
      { kind: "blocked", findings: [{ host: "m1", lasting: true }] },
    ],
  ])("%s", (_what, member, seen, step) => {
    expect(nextLeaveStep(planOf(member), seen)).toMatchObject(step);
  });

  it("leaves a full shard, too, and none with another alarm", () => {
    const alarmed = (type: string) => ({ ...view("m1", { down: ["m3"] }), alarms: [{ memberId: "a2", type }] });
    expect(nextLeaveStep(planOf("m3"), alarmed("NOSPACE"))).toMatchObject({ kind: "remove", member: { name: "m3" } });
    expect(nextLeaveStep(planOf("m3"), alarmed("CORRUPT"))).toMatchObject({ kind: "blocked" });
    expect(nextLeaveStep(planOf("m2"), { ...alarmed("CORRUPT"), endpoints: view("m1").endpoints })).toMatchObject({
      kind: "remove",
    });
  });

  it("is removed by a follower's leave and by a leader's, which hands over first", async () => {
    const shard = SimulatedShard.running(hosts);
    shard.leader = shard.members[2]?.id;
    const lines: string[] = [];
    for (const member of ["m3", "m2"])
      await leave(shard, planOf(member), new Progress("etcd-main", (line) => lines.push(line)));
    expect(shard.log).toEqual(["move m3 m1", "remove m3", "remove m2"]);
    expect(shard.elections).toBe(0);
    expect(lines).toEqual([
      "the others are healthy; handing leadership from m3 to m1",
      "the others are healthy; removing member m3",
      "m3 is no member any more",
      "the others are healthy; removing member m2",
      "m2 is no member any more",
    ]);
  });

  it("ends before it is removed where API servers still ask it, and is removed all the same when it cannot be reached", async () => {
    const shard = SimulatedShard.running(hosts);
    await leave(shard, { ...planOf("m3"), inUse: true }, new Progress("etcd-main", () => undefined));
    expect(shard.log).toEqual(["rest m3", "remove m3"]);
    const other = SimulatedShard.running([...hosts, "m4"]);
    other.host("m4").sshDown = true;
    const lines: string[] = [];
    const four = { ...planOf("m4"), hosts: [...hosts, "m4"], inUse: true };
    await leave(other, four, new Progress("etcd-main", (line) => lines.push(line)));
    expect(other.log).toEqual(["remove m4"]);
    expect(lines).toContain("m4 does not end in order: SSH to m4: timed out");
  });

  it("stays, with nothing touched, while another one is down", async () => {
    const shard = SimulatedShard.running(hosts);
    shard.stop("m2");
    await expect(leave(shard, planOf("m3"), new Progress("etcd-main", () => undefined))).rejects.toBeInstanceOf(
      GateRefused,
    );
    expect(shard.log).toEqual([]);
  });
});
