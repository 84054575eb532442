import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { clusterOf, problemsOf, rawOf } from "../support/plans";

/** Starts from a configuration that is fine, changes something, and gives the problems. */
const problems = (change: Record<string, unknown>, stack = "test") => problemsOf({ platform: "lab", ...change }, stack);

describe("a configuration", () => {
  it("has the production layout by default", () => {
    const spec = clusterOf("prod", { platform: "lab", ephemeral: false }).spec;
    expect(spec.masters.count).toBe(11);
    expect(Object.entries(spec.etcd.shards).map(([name, shard]) => [name, shard.members])).toEqual([
      ["main", 7],
      ["events", 5],
      ["leases", 5],
    ]);
    expect(spec.ephemeral).toBe(false);
  });

  it("refuses an unknown key and names it with its path", () => {
    expect(problems({ mastres: { count: 3 } })).toEqual([
      "mastres: unknown key; see docs/configuration.md for the keys there are",
    ]);
    expect(problems({ masters: { cuont: 3 } })).toEqual([
      "masters.cuont: unknown key; see docs/configuration.md for the keys there are",
    ]);
  });

  it("refuses an even shard", () => {
    const shards = { main: { members: 4 } };
    expect(problems({ etcd: { shards } })[0]).toMatch(/^etcd\.shards\.main\.members: 4 members: an even size/);
  });

  it("refuses 9 voters unless they are meant", () => {
    const shards = { main: { members: 9 } };
    expect(problems({ etcd: { shards } })[0]).toMatch(/^etcd\.shards\.main\.members: 9 voters: at most 7/);
    expect(problems({ etcd: { shards, allowMoreThanSevenVoters: true } })).toEqual([]);
  });

  it("refuses ranges that overlap or are none", () => {
    expect(problems({ network: { pods: "10.96.0.0/12" } })).toEqual([
      "network.pods: 10.96.0.0/12 overlaps network.services (10.96.0.0/16); choose ranges that share no address",
    ]);
    expect(problems({ network: { services: "10.96.0.1/16" } })[0]).toMatch(
      /^network\.services: 10\.96\.0\.1\/16 is no IPv4 range/,
    );
  });

  it("refuses a production shard that loses its quorum with one zone", () => {
    expect(problems({ ephemeral: false, zones: ["a", "b"] })).toHaveLength(3);
    expect(problems({ ephemeral: false })).toEqual([]);
  });

  it("refuses a second shard for one resource, and two shards at one place", () => {
    const shards = {
      main: { members: 3 },
      events: { members: 3, resources: ["/events"] },
      more: { members: 3, resources: ["/events"] },
    };
    expect(problems({ etcd: { shards } })).toEqual([
      "etcd.shards.more.resources: /events is already kept in shard events; a resource lives in one shard",
      "etcd.shards.more.slot: missing: a shard of this name has no block of addresses of its own; give a free one, 3 to 11",
    ]);
  });

  it("reports every problem at once, with the value got", () => {
    const found = problems({ masters: { count: 0, typo: 1 }, etcd: { quotaGiB: "big" }, platform: "azure" }, "A stack");
    expect(found).toHaveLength(5);
    expect(found.join("\n")).toMatchInlineSnapshot(`
      "stack: "A stack" is no usable name; lower-case letters, digits and dashes, at most 12, since host names and network devices start with it
      platform: allowed is "aws" or "lab" (got "azure")
      etcd.quotaGiB: Invalid input: expected number, received string (got "big")
      masters.count: Too small: expected number to be >=1 (got 0)
      masters.typo: unknown key; see docs/configuration.md for the keys there are"
    `);
  });
});

describe("the stack files", () => {
  it.each(["lab", "lab-small"])("%s is valid and has less than 20 lines", (stack) => {
    const text = readFileSync(`stacks/Pulumi.${stack}.yaml`, "utf8");
    clusterOf(stack, rawOf(stack));
    expect(text.split("\n").length - 1).toBeLessThan(20);
  });
});
