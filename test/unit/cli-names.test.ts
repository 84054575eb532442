import { expect, test } from "vitest";
import { shortList } from "../../cli/show/names";
import { table } from "../../cli/show/table";
import { duration } from "../../cli/show/terminal";
import { lineDiff } from "../../cli/show/text-diff";

test.each([
  [["lab-etcd-main-1", "lab-etcd-main-2", "lab-etcd-main-3"], "lab-etcd-main-1..3"],
  [["lab-master-1", "lab-master-2"], "lab-master-1,2"],
  [["lab-master-11", "lab-master-9", "lab-master-10", "lab-master-1"], "lab-master-1,9..11"],
  [["lab-master-1-keys", "lab-master-2-keys", "lab-lb-1"], "lab-master-{1,2}-keys, lab-lb-1"],
  [["lab-master-1-keys"], "lab-master-1-keys"],
  [["network", "ClusterRole/kilonode:kwok"], "network, ClusterRole/kilonode:kwok"],
  [[], ""],
])("%j is %s", (names, text) => {
  expect(shortList(names)).toBe(text);
});

test("a table is as wide as its cells, without counting colours", () => {
  expect(
    table(
      [
        ["\x1b[32ma\x1b[39m", "b"],
        ["long", 5],
        ["x", 12],
      ],
      "  ",
    ),
  ).toEqual(["  \x1b[32ma\x1b[39m     b", "  long   5", "  x     12"]);
});

test.each([
  [400, "0.4s"],
  [99_900, "99.9s"],
  [125_000, "2m05s"],
])("%d ms are %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("a diff has one line around each change, and a mark between changes", () => {
  const before = Array.from({ length: 9 }, (_, index) => `line ${index}`);
  const after = before.with(1, "one").with(7, "seven");
  expect(lineDiff(before.join("\n"), after.join("\n"))).toEqual([
    " line 0",
    "-line 1",
    "+one",
    " line 2",
    "@@",
    " line 6",
    "-line 7",
    "+seven",
    " line 8",
  ]);
});
