/** A member of a shard that lies in what the others tell of it: its text goes into no command on another host. */
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, it } from "vitest";
import { asRoot, type Words } from "../../components/access/privilege";
import type { Outcome } from "../../components/access/ssh";
import { leave } from "../../components/rollout/etcd/leave";
import { RemoteShard } from "../../components/rollout/etcd/remote";
import { Progress } from "../../components/rollout/gate/progress";

const hosts = ["m1", "m2", "m3"];

/** What etcd-look prints is given; of everything else the words are noted, as a shell on the host takes them apart. */
class Watched extends RemoteShard {
  readonly words: string[] = [];
  #time = 0;

  constructor(private readonly printed: () => string) {
    const host = { user: "root", port: 22, hostKey: "ssh-ed25519 AAAA" };
    super(
      hosts.map((name, index) => ({ ...host, name, address: `10.0.0.${index + 1}` })),
      "",
      60_000,
    );
  }

  override now(): number {
    return this.#time;
  }

  override async sleep(milliseconds: number): Promise<void> {
    this.#time += Math.max(milliseconds, 5_000);
  }

  override async run(_host: string, words: Words): Promise<Outcome> {
    if (words[0]?.endsWith("/etcd-look")) return { code: 0, stdout: this.printed(), stderr: "" };
    const text = asRoot("root", ["printf", "%s\\0", ...words]);
    const taken = execFileSync("sh", ["-c", text], { encoding: "utf8" }).split("\0").slice(0, -1);
    expect(taken).toEqual(words);
    this.words.push(...taken);
    return { code: 0, stdout: "", stderr: "" };
  }
}

const bad = [
  "$(touch /tmp/kilonode-hostile)",
  "`reboot`",
  "'",
  '"',
  "\n",
  "; reboot",
  " --endpoints=x",
  "\u001b[2J",
  "$HOME",
];
const hostile = fc.array(fc.constantFrom(...bad, "https://", "m1", "a"), { minLength: 1 }).map((all) => all.join(""));
const text = (honest: string) => fc.oneof({ weight: 3, arbitrary: fc.constant(honest) }, hostile);
const honestMember = (n: number) => ({
  ID: String(n),
  name: `m${n}`,
  peerURLs: [`https://10.0.0.${n}:2380`] as [string],
  clientURLs: [`https://10.0.0.${n}:2379`] as [string],
});
const member = (n: number) =>
  fc.record({
    ID: text(String(n)),
    name: text(`m${n}`),
    peerURLs: fc.tuple(text(`https://10.0.0.${n}:2380`)),
    clientURLs: fc.tuple(text(`https://10.0.0.${n}:2379`)),
  });
const list = fc.record({ members: fc.tuple(member(1), member(2), member(3)) });
const statuses = fc.array(
  fc.record({
    Status: fc.record({
      header: fc.record({ member_id: fc.constantFrom("1", "2", "3") }),
      leader: text("1"),
      raftAppliedIndex: fc.constant(9),
      version: hostile,
      errors: fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, fc.tuple(hostile)),
    }),
  }),
  { minLength: 3, maxLength: 3 },
);

type Members = typeof list extends fc.Arbitrary<infer T> ? T : never;
type Answers = typeof statuses extends fc.Arbitrary<infer T> ? T : never;

/** A shard that is well: the leader hands over, and leaves. */
const honest: [members: Members, answers: Answers] = [
  { members: [honestMember(1), honestMember(2), honestMember(3)] },
  (["1", "2", "3"] as const).map((member_id) => ({
    Status: { header: { member_id }, leader: "1", raftAppliedIndex: 9, version: "3.7.3", errors: [] },
  })),
];

it("whatever a member says of itself, commands on other hosts consist of what is planned and of ids", async () => {
  const seen = { handedOver: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(list, statuses, async (members, answers) => {
      const printed = ["quorum", JSON.stringify(members), JSON.stringify(answers)].join("\n");
      const shard = new Watched(() => printed);
      const plan = { group: "etcd-main", member: "m1", hosts, hostTimeoutMs: 30_000 };
      const lines: string[] = [];
      const progress = new Progress(
        "etcd-main",
        (line) => lines.push(line),
        () => shard.now() > 60_000,
      );
      await leave(shard, plan, progress).catch((error: Error) => lines.push(error.message));
      for (const word of shard.words) expect(word).toMatch(/^[A-Za-z0-9/.:-]+$/);
      // Nor does it reach a terminal as anything but text.
      expect(lines.join("")).not.toContain("\u001b");
      if (shard.words.includes("move-leader")) seen.handedOver++;
      else seen.refused++;
    }),
    { numRuns: 300, examples: [honest] },
  );
  expect(seen.handedOver).toBeGreaterThan(0);
  expect(seen.refused).toBeGreaterThan(20);
});
