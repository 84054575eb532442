/** What lets test files run side by side: stacks that share no address, none of whose files gets into a commit, and a known order. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ranges } from "../../bench/lib/ranges";
import { type Cidr, overlap, parseCidr } from "../../config/cidr";
import { longest } from "../longest-first";

const names = Object.keys(ranges);
const stacks = execFileSync("git", ["ls-files", "stacks/Pulumi.*.yaml"], { encoding: "utf8" }).trim().split("\n");
const fileOf = (name: string) => `stacks/Pulumi.${name}.yaml`;

/** The range of a stack of the project. */
function hostsOf(file: string): string {
  const { config } = parse(readFileSync(file, "utf8")) as { config: Record<string, { hosts?: string }> };
  return config["kilonode:network"]?.hosts ?? "198.18.0.0/20";
}

describe("stacks of tests and benchmarks", () => {
  it("share no address, neither with each other nor with a stack of the project", () => {
    const all = [...Object.entries(ranges), ...stacks.map((file): [string, string] => [file, hostsOf(file)])];
    const parsed = all.map(([name, range]) => [name, parseCidr(range) as Cidr] as const);
    const shared = parsed.flatMap(([name, range], index) =>
      parsed.slice(index + 1).flatMap(([other, its]) => (overlap(range, its) ? [`${name} and ${other}`] : [])),
    );
    expect(shared.filter((pair) => names.some((name) => pair.startsWith(`${name} and`)))).toEqual([]);
  });

  it("have names that fit into the name of a lab's link", () => {
    expect(names.filter((name) => `kn-${name}`.length > 15)).toEqual([]);
  });

  it("have files that git ignores, as it does with no other stack", () => {
    const tried = [...names.map(fileOf), ...stacks, fileOf("mine")];
    const ignored = execFileSync("git", ["check-ignore", "--no-index", ...tried], { encoding: "utf8" });
    expect(ignored.trim().split("\n").sort()).toEqual(names.map(fileOf).sort());
  });
});

it("files that take minutes are there by the names by which they are begun first", () => {
  expect(longest.filter((file) => !existsSync(file))).toEqual([]);
});
