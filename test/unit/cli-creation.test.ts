/** What a preview says of a first creation: how many resources, what waits for what, how long. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chainText, creationOf, longestChain } from "../../cli/show/creation";
import type { Step } from "../../engine";
import { localCommand, remoteCommand, smallPlan, step } from "./cli-fixture";

const plan = smallPlan();
const network = "cloud:index:Network";
const urn = (type: string, name: string) => step("create", type, name).urn;
const made = (type: string, name: string, dependencies: readonly string[] = [], more: Partial<Step> = {}) =>
  step("create", type, name, { dependencies, ...more });

/** A host on a network, its content in a component that waits for it, and something long that nobody waits for. */
const steps = [
  made("pulumi:pulumi:Stack", "stack", [], { custom: false }),
  made(network, "net"),
  made("cloud:index:Balancer", "balancer"),
  made(localCommand, "a-master-1", [urn(network, "net")]),
  made("kilonode:index:HostContent", "a-master-1", [urn(localCommand, "a-master-1")], { custom: false }),
  made(remoteCommand, "a-master-1-programs", [], { parent: urn("kilonode:index:HostContent", "a-master-1") }),
  made(localCommand, "masters-rollout", [urn(remoteCommand, "a-master-1-programs")]),
];
const seconds = { host: 100, [network]: 12, "cloud:index:Balancer": 150 };

describe("a first creation", () => {
  it("takes the longest chain, through components, and not what is done beside it", () => {
    const creation = creationOf({ changes: { create: 32 }, steps }, plan, seconds);
    expect(creation).toEqual({
      resourcesPerControlPlaneHost: 4,
      longestChain: {
        seconds: 192,
        operations: [
          { type: network, name: "net", seconds: 12 },
          { type: localCommand, name: "a-master-1", seconds: 100 },
          { type: remoteCommand, name: "a-master-1-programs", seconds: 20 },
          { type: localCommand, name: "masters-rollout", seconds: 60 },
        ],
      },
    });
    expect(chainText(creation!.longestChain!)).toBe(
      "4 operations, about 4 minutes: Network net 12 s -> host a-master-1 100 s -> programs of host a-master-1-programs 20 s -> rollout masters-rollout 60 s",
    );
  });

  it("has no time where nobody waits, or where the engine does not tell", () => {
    expect(creationOf({ changes: { create: 32 }, steps }, plan)).toEqual({ resourcesPerControlPlaneHost: 4 });
    const untold = steps.map(({ dependencies: _, ...one }) => one);
    expect(creationOf({ changes: { create: 32 }, steps: untold }, plan, seconds)).toEqual({
      resourcesPerControlPlaneHost: 4,
    });
  });

  it("is none where something exists, or nothing is made", () => {
    expect(creationOf({ changes: { create: 1, same: 31 }, steps }, plan, seconds)).toBeUndefined();
    expect(creationOf({ changes: { create: 1, replace: 1 }, steps }, plan, seconds)).toBeUndefined();
    expect(creationOf({ changes: {}, steps }, plan, seconds)).toBeUndefined();
  });

  it("says what is short as dots", () => {
    const operations = ["a", "b", "c", "d"].map((name) => ({ type: network, name, seconds: name === "c" ? 70 : 1 }));
    expect(chainText({ seconds: 73, operations })).toBe("4 operations, about 2 minutes: ... -> Network c 70 s -> ...");
  });
});

/** Each may wait for any before it. */
const graphs = fc
  .array(fc.record({ seconds: fc.integer({ min: 0, max: 9 }), waits: fc.array(fc.nat(), { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((nodes) =>
    nodes.map(({ seconds: own, waits }, index) => ({
      own,
      step: made(network, `${index}`, index === 0 ? [] : waits.map((wait) => urn(network, `${wait % index}`))),
    })),
  );

it("takes as long as everything at once does, each as soon as what it waits for is done", () => {
  fc.assert(
    fc.property(graphs, (nodes) => {
      const ends = new Map<string, number>();
      for (const { own, step: one } of nodes)
        ends.set(one.urn, own + Math.max(0, ...one.dependencies!.map((other) => ends.get(other)!)));
      const own = new Map(nodes.map((node) => [node.step.urn, node.own]));
      const chain = longestChain(
        nodes.map((node) => node.step),
        (one) => own.get(one.urn)!,
      );
      expect(chain!.seconds).toBe(Math.max(...ends.values()));
      expect(chain!.operations.reduce((sum, one) => sum + one.seconds, 0)).toBe(chain!.seconds);
    }),
  );
});
