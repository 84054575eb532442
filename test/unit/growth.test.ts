/** A cluster grows with its workload: shards that do not say how many members they have follow `workload.nodes`, as the scale model says. */
import { describe, expect, it } from "vitest";
import { changeProblems, commitmentsOf } from "../../components/plan/commitments";
import { defaultReleases } from "../../config/releases";
import { deriveScale } from "../../config/scale";
import { clusterOf } from "../support/plans";
import { smallConfiguration as small } from "./cli-fixture";

const versions = { kubernetesVersion: defaultReleases.kubernetes, etcdVersion: defaultReleases.etcd };
const shards = {
  main: {},
  events: { resources: ["/events"] },
  leases: { resources: ["coordination.k8s.io/leases"] },
};
const planOf = (nodes: number, given: object = shards) =>
  clusterOf("lab-small", { ...small, workload: { nodes, pods: nodes * 30 }, etcd: { ...small.etcd, shards: given } })
    .plan;
const sizes = (nodes: number, given?: object) =>
  Object.fromEntries(planOf(nodes, given).shards.map(({ name, members }) => [name, members.length]));

describe("members that follow the workload", () => {
  it.each([5, 100, 101, 1000, 1001, 5000])("are as many as the model's own layout has for %i nodes", (nodes) => {
    const { etcd } = deriveScale({ nodes, pods: nodes * 30 }, versions);
    const model = Object.fromEntries(Object.entries(etcd.shards).map(([name, { members }]) => [name, members]));
    expect(sizes(nodes)).toEqual(model);
  });

  it("join the hosts that are there when more nodes are asked for, and that is no change that is refused", () => {
    const [before, after] = [planOf(50), planOf(2000)];
    const names = (plan: typeof before) =>
      plan.shards.flatMap(({ members }) => members.map(({ name, address }) => `${name} ${address}`));
    expect(names(after)).toEqual(expect.arrayContaining(names(before)));
    expect(names(after).length - names(before).length).toBe(4 + 2 + 2);
    expect(changeProblems(commitmentsOf(before), commitmentsOf(after))).toEqual([]);
  });

  it("stay as many as the configuration says, where it does", () => {
    expect(sizes(2000, { ...shards, main: { members: 3 } })).toEqual({ main: 3, events: 5, leases: 5 });
  });
});
