/** Whose turn a backup is: the pure part of etcd-backup, asked as the program itself asks it. */
import { describe, expect, it } from "vitest";
import { lookOf, python, type ShownMember } from "./backup-host";

const order = (members: readonly ShownMember[]) => python("look", "order(read_view(given).members)", lookOf(members));
const seeing = (sees: string, ...names: readonly string[]): ShownMember[] => names.map((name) => ({ name, sees }));

describe("the order of members", () => {
  it("has no leader in it while another member is healthy; ties go by name", () => {
    expect(order(seeing("m-1", "m-1", "m-2", "m-3"))).toEqual(["m-2", "m-3"]);
    expect(order(seeing("m-3", "m-3", "m-2", "m-1"))).toEqual(["m-1", "m-2"]);
  });

  it("has the leader where it is the only member, or the only healthy one", () => {
    expect(order(seeing("m-1", "m-1"))).toEqual(["m-1"]);
    expect(order([{ name: "m-1", sees: "m-1" }, { name: "m-2" }])).toEqual(["m-1"]);
  });

  it("has who is least behind in front, and does not mind what members differ by while they are asked", () => {
    const behind = (applied: number): ShownMember[] => [
      { name: "m-1", sees: "m-1", applied: 20_000 },
      { name: "m-2", sees: "m-1", applied },
      { name: "m-3", sees: "m-1", applied: 20_000 },
    ];
    expect(order(behind(15_001))).toEqual(["m-2", "m-3"]);
    expect(order(behind(15_000))).toEqual(["m-3", "m-2"]);
  });

  it("has no learner in it, not even where only the leader is left", () => {
    const learner: ShownMember = { name: "m-2", sees: "m-1", learner: true };
    expect(order([{ name: "m-1", sees: "m-1" }, learner])).toEqual(["m-1"]);
    expect(order([{ name: "m-1", sees: "m-1" }, learner, { name: "m-3", sees: "m-1" }])).toEqual(["m-3"]);
  });

  it("has nobody in it who sees another leader than most, or whose data differs", () => {
    expect(order([...seeing("m-1", "m-1", "m-2", "m-3"), { name: "m-4", sees: "m-4" }])).toEqual(["m-2", "m-3"]);
    const errors = ["memberID:1002 alarm:CORRUPT ", "memberID:1003 alarm:NOSPACE "];
    const all = seeing("m-1", "m-1", "m-2", "m-3").map((member) => ({ ...member, errors }));
    expect(order(all)).toEqual(["m-3"]);
  });

  it("is empty where nobody sees a leader", () => {
    expect(order([{ name: "m-1", sees: "m-0" }].map(({ name }) => ({ name })))).toEqual([]);
  });
});

describe("what members say", () => {
  const view = (printed: string) => python("look", "list(read_view(given))", printed);
  const refused = { refused: expect.stringMatching(/^etcd-look printed something else than expected: /) };

  it("is read with what a backup needs", () => {
    expect(view(lookOf([{ name: "m-1", sees: "m-1" }], "alone"))).toEqual([
      false,
      [["m-1", true, false, true, 100, 24_576, "3.7.3", "c1"]],
    ]);
  });

  it("of a member that has not started, or is not listed, counts for nothing", () => {
    const [how, , answers] = lookOf([{ name: "m-1", sees: "m-1" }]).split("\n");
    expect(view(`${how}\n{"members":[{"ID":1001},{"ID":7,"name":"m-7"}]}\n${answers}\n`)).toEqual([true, []]);
    expect(view('quorum\n{"members":[{"ID":1,"name":"m-1"}]}\n')).toEqual([true, []]);
  });

  it.each([
    ["no JSON", "quorum\n[\n[]\n"],
    ["a name that is none", lookOf([{ name: "m-1; rm -rf /", sees: "m-1" }])],
    ["more members than a shard has", lookOf(Array.from({ length: 101 }, (_, index) => ({ name: `m-${index}` })))],
    ["an index that is no number", lookOf([{ name: "m-1", sees: "m-1" }]).replace('Index":100', 'Index":"many"')],
    ["statuses of another kind", 'quorum\n{"members":[]}\n[1]\n'],
    ["nothing", ""],
  ])("is refused when it is %s", (_, printed) => {
    expect(view(printed)).toEqual(refused);
  });
});
