import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { changesOf, differences, digestOf, type Reviewed, readReviewed } from "../../cli/run/reviewed";
import { exitCodes } from "../../config/errors";
import { step } from "./cli-fixture";

const type = "command:local:Command";
const host = (op: Parameters<typeof step>[0], more: Parameters<typeof step>[3] = {}) =>
  step(op, type, "lab-small-lb-1", more);
const urn = host("same").urn;

describe("what a preview would do", () => {
  it("is nothing of what stays, is read, only groups, or belongs to the engine", () => {
    const idle = [
      host("same"),
      host("read"),
      step("create", "kilonode:index:Lab", "lab", { custom: false }),
      host("create", { internal: true }),
    ];
    expect(changesOf(idle)).toEqual({});
  });

  it("is the same in whatever order it is told, and however long it took", () => {
    const first = host("create", { newInputs: { a: 1, b: { c: "x", d: [1, 2] } } });
    const second = step("delete", type, "network");
    const again = host("create", {
      newInputs: { b: { d: [1, 2], c: "x" }, a: 1 },
      durationMs: 70,
      newOutputs: { at: "noon" },
    });
    expect(changesOf([first, second])).toEqual(changesOf([second, again]));
    expect(Object.keys(changesOf([first, second]))).toEqual([urn, second.urn].sort());
  });

  it.each([
    ["the values before", { oldInputs: { a: 0 }, newInputs: { a: 2 } }],
    ["the values after", { oldInputs: { a: 1 }, newInputs: { a: 3 } }],
    ["the resource itself", { oldId: "i-2", oldInputs: { a: 1 }, newInputs: { a: 2 } }],
    ["the order of a list", { oldInputs: { a: 1 }, newInputs: { a: 2, list: [2, 1] } }],
  ])("is something else with other %s", (_, more) => {
    const reviewed = changesOf([
      host("update", { oldId: "i-1", oldInputs: { a: 1 }, newInputs: { a: 2, list: [1, 2] } }),
    ]);
    expect(differences(reviewed, changesOf([host("update", { oldId: "i-1", ...more })]))).toEqual([
      "host lab-small-lb-1: update with other values than reviewed",
    ]);
  });

  it("is the same whatever name a provider makes up, and another one for a name that is given", () => {
    const [one, two] = ["lb-1a", "lb-2b"].map((name) => ({ internal: true, name, __defaults: ["name"] }));
    expect(changesOf([host("create", { newInputs: one! })])).toEqual(changesOf([host("create", { newInputs: two! })]));
    const [given, other] = ["lb-1a", "lb-2b"].map((name) => ({ internal: true, name, __defaults: [] }));
    const changes = [one, given, other].map(
      (newInputs) => changesOf([host("create", { newInputs: newInputs! })])[urn]?.sha256,
    );
    expect(new Set(changes).size).toBe(3);
  });

  it("is one thing for a replacement, whichever of its three steps comes first", () => {
    const steps = [
      host("create-replacement", { newInputs: { a: 2 } }),
      host("replace", { newInputs: { a: 2 } }),
      host("delete-replaced"),
    ];
    expect(changesOf(steps)[urn]?.op).toBe("replace");
    expect(changesOf(steps)).toEqual(changesOf([...steps].reverse()));
  });
});

test("each difference from what was reviewed is named, those of a kind together", () => {
  const content = (master: number) => step("update", "command:remote:Command", `lab-small-master-${master}-machine`);
  const reviewed = changesOf([host("update"), content(1), content(2), content(3)]);
  const now = changesOf([host("replace"), content(1), step("delete", type, "network")]);
  expect(differences(reviewed, now)).toEqual([
    "host lab-small-lb-1: update was reviewed, and now it is replace",
    "network network: delete, which was not reviewed",
    "content of host lab-small-master-{2,3}-machine: update was reviewed, and nothing is to be done any more",
  ]);
  expect(differences(now, now)).toEqual([]);
});

describe("the file of a review", () => {
  const reviewed: Reviewed = {
    stack: "lab",
    engine: "rehearsal",
    newIncarnation: "0123abcd",
    changes: changesOf([host("create")]),
  };
  const folder = mkdtempSync(join(tmpdir(), "kilonode-reviewed-"));
  const read = (text: string) => {
    const file = join(folder, "reviewed.json");
    writeFileSync(file, text);
    try {
      return readReviewed(file);
    } finally {
      rmSync(file);
    }
  };

  it("is read as it was written, and its digest is of all that it holds", () => {
    expect(read(JSON.stringify(reviewed))).toEqual(reviewed);
    const digests = [reviewed, { ...reviewed, stack: "test" }, { ...reviewed, changes: {} }].map(digestOf);
    expect(new Set(digests).size).toBe(3);
    expect(digests[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each([
    ["cut", JSON.stringify(reviewed).slice(0, 50), "JSON"],
    ["something else", "{}", "stack"],
    ["a shell in the place of a mark", JSON.stringify({ ...reviewed, newIncarnation: "$(id)" }), "newIncarnation"],
  ])("is refused when it is %s: exit 2, and what to do", (_, text, what) => {
    const refused = () => read(text);
    expect(refused).toThrow(what);
    expect(refused).toThrow("name a file that `kilonode preview <stack> --save FILE` has written. Nothing was touched");
    expect(refused).toThrow(expect.objectContaining({ exitCode: exitCodes.badConfiguration }));
  });

  it("is refused when it is not there", () => {
    expect(() => readReviewed(join(folder, "none"))).toThrow("ENOENT");
  });
});
