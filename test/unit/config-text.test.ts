/** A stack's file as Pulumi writes it: `pulumi stack init` makes texts of its scalars, `pulumi config set` has rules of its own. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readStackFile } from "../../cli/stack/configuration";
import { stackNames } from "../../cli/stack/project";
import { platformKnobs, platforms } from "../../components/platform/registry";
import { readSpec } from "../../config/read";
import { clusterOf, problemsOf, rawOf } from "../support/plans";

/** What the program gets of a value: a text, a map or list as its JSON. */
const asText = (value: unknown) => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** Every scalar, at every depth, in the other type that it may have been written in. */
function rewritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewritten);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewritten(item)]));
  }
  if (typeof value !== "string") return String(value);
  // As `pulumi config set --path` reads them.
  if (value === "true" || value === "false") return value === "true";
  return /^(0|[1-9]\d*)$/.test(value) ? Number(value) : value;
}

describe.each(stackNames())("stack %s", (stack) => {
  const { plan, spec } = clusterOf(stack, rawOf(stack));
  const each = (change: (value: unknown) => unknown) =>
    clusterOf(stack, Object.fromEntries(Object.entries(rawOf(stack)).map(([key, value]) => [key, change(value)])));

  it("is the same as texts, which is how its program gets it", () => {
    expect(each(asText)).toMatchObject({ plan, spec });
  });

  it("is the same with every number and boolean written as a text", () => {
    expect(each(rewritten)).toMatchObject({ plan, spec });
  });
});

/** Written by `pulumi stack init` and `pulumi config set` (3.260.0) over a stack with unquoted scalars. */
const written = `config:
  kilonode:platform: lab
  kilonode:ephemeral: "true"
  kilonode:zones: '["a","b","c"]'
  kilonode:workload:
    nodes: "100"
  kilonode:etcd:
    allowMoreThanSevenVoters: "false"
    quotaGiB: "8"
    shards:
      main:
        members: "3"
  kilonode:masters:
    count: 3
    flags:
      apiserver:
        v: "4"
        profiling: false
  kilonode:pools:
    batch:
      count: "2"
      labels:
        gpu: true
        generation: 3
      taints:
      - key: dedicated
        value: 1
        effect: NoSchedule
encryptionsalt: v1:AF+M8l6f68U=:v1:pbOSz8GB5YK7hZCm:P2Q+0jNxgxX6uzZ1yTR8CHSNAVJvCA==
`;

describe("values as Pulumi writes them", () => {
  it("are read as what the knobs are", () => {
    const { values = {}, problems } = readStackFile(written, "the file");
    expect(problems).toEqual([]);
    expect(readSpec("test", values, platformKnobs(platforms))).toMatchObject({
      ephemeral: true,
      zones: ["a", "b", "c"],
      workload: { nodes: 100 },
      etcd: { allowMoreThanSevenVoters: false, quotaGiB: 8, shards: { main: { members: 3 } } },
      masters: { count: 3, flags: { apiserver: { v: "4", profiling: false } } },
      pools: {
        batch: {
          count: 2,
          labels: { gpu: "true", generation: "3" },
          taints: [{ key: "dedicated", value: "1", effect: "NoSchedule" }],
        },
      },
    });
  });

  it.each([
    ["masters", { count: "3 hosts" }, 'masters.count: Invalid input: expected number, received string (got "3 hosts")'],
    ["masters", { count: "" }, 'masters.count: Invalid input: expected number, received string (got "")'],
    ["masters", { count: "08" }, 'masters.count: Invalid input: expected number, received string (got "08")'],
    ["masters", { count: "0x8" }, 'masters.count: Invalid input: expected number, received string (got "0x8")'],
    ["masters", { count: "99" }, "masters.count: Too big: expected number to be <=20 (got 99)"],
    ["ephemeral", "yes", 'ephemeral: Invalid input: expected boolean, received string (got "yes")'],
    ["zones", '["a",', 'zones: Invalid input: expected array, received string (got "[\\"a\\",")'],
    ["network", { hosts: 1.5 }, "network.hosts: Invalid input: expected string, received number (got 1.5)"],
  ])("are refused where they are something else: %s %j", (key, value, problem) => {
    expect(problemsOf({ platform: "lab", [key]: value })).toEqual([problem]);
  });
});

describe("a file that cannot be read", () => {
  const file = "stacks/Pulumi.x.yaml";
  it.each([
    ["config:\n  a: *none\n", "*none names no anchor above it at line 2, column 6; write the value itself there"],
    [
      "config:\n  a: &a [*a]\n",
      "*a stands within the value that it names at line 2, column 10; write the value itself there",
    ],
    ["config:\n  <<: *none\n", "*none names no anchor above it at line 2, column 7; write the value itself there"],
    ["config: {<<: 5}\n", "Merge sources must be maps or map aliases"],
    ["config:\n  a: 1\n  a: 2\n", "Map keys must be unique at line 3, column 3"],
    ["config:\n\ta: 1\n", "Tabs are not allowed as indentation at line 2, column 1"],
    ["- a\n", 'holds no keys; it needs "config:" with the keys below it'],
  ])("is told with its place: %j", (text, problem) => {
    expect(readStackFile(text, file)).toEqual({ problems: [`${file}: ${problem}`] });
  });

  it("may be any beginning of a stack's file: a problem or values, never something thrown", () => {
    const text = readFileSync("stacks/Pulumi.lab.yaml", "utf8").replace(/zones.*/, "zones: &z [a, b, c]\n  more: *z");
    for (let end = 0; end <= text.length; end++) {
      const { values, problems } = readStackFile(text.slice(0, end), file);
      expect(values !== undefined || problems.length > 0).toBe(true);
    }
  });
});

describe("a file with", () => {
  it("anchors and merge keys is read as Pulumi reads it", () => {
    const text = "config:\n  kilonode:a: &x {k: 1, l: 2}\n  kilonode:b: {<<: *x, k: 3}\n  kilonode:c: *x\n";
    expect(readStackFile(text, "f")).toEqual({
      problems: [],
      values: { a: { k: 1, l: 2 }, b: { k: 3, l: 2 }, c: { k: 1, l: 2 } },
    });
  });

  it("an encrypted knob is told how to set it", () => {
    const text = "config:\n  kilonode:platform: lab\n  kilonode:etcd:\n    quotaGiB: {secure: v1:x}\n";
    expect(readStackFile(text, "f")).toEqual({
      values: { platform: "lab" },
      problems: [
        "etcd.quotaGiB: is encrypted, and no knob is a secret; set it anew with `pulumi config set` without --secret",
      ],
    });
  });
});
