/** What a cluster that exists is held to: which changes of releases are refused, before and while rollouts are under way. */
import { describe, expect, it } from "vitest";
import { impossibleChanges } from "../../cli/run/impossible";
import { printedBy } from "../../cli/run/printed";
import { type Commitments, changeProblems, commitmentsOf, committed } from "../../components/plan/commitments";
import { resourceIds } from "../../components/resources";
import { Progress } from "../../components/rollout/gate/progress";
import { GateRefused } from "../../components/rollout/gate/refusal";
import { refuseStep } from "../../components/rollout/step";
import { clusterOf } from "../support/plans";
import { smallConfiguration } from "./cli-fixture";

const planOf = (kubernetesVersion: string, etcdVersion: string) =>
  clusterOf("lab-small", { ...smallConfiguration, kubernetesVersion, etcdVersion }).plan;
const commitments = (kubernetes: string, etcd: string): Commitments => ({
  ...commitmentsOf(planOf("1.37.2", "3.7.3")),
  releases: { kubernetes, etcd },
});

/** What rollouts of lab-small printed: the masters, and each shard. */
function printed(masters: string | undefined, shards: readonly (string | undefined)[]): (string | undefined)[] {
  const result = (release: string | undefined) =>
    release === undefined ? undefined : JSON.stringify({ hosts: [{ name: "h1", digest: "d" }], release });
  const [main, events, leases] = shards.map(result);
  const texts = new Map([
    ["etcd-main", main],
    ["etcd-events", events],
    ["etcd-leases", leases],
    ["masters", result(masters)],
  ]);
  return planOf("1.37.2", "3.7.3").groups.map(({ name }) => texts.get(name));
}

const three = (version: string) => [version, version, version];

/** A first commitment, then one for each step: as the program writes them, whatever the rollouts did. */
function written(first: Commitments, ...more: readonly Commitments[]): Commitments {
  return more.reduce(committed, first);
}

describe("what commitments say of releases", () => {
  const old = commitments("1.36.3", "3.6.16");
  const fresh = commitments("1.37.2", "3.7.3");

  it("is the new ones, and those before them", () => {
    expect(written(old, fresh)).toEqual({ ...fresh, cameFrom: { kubernetes: "1.36.3", etcd: "3.6.16" } });
    expect(written(old, old).cameFrom).toEqual({ kubernetes: "1.36.3", etcd: "3.6.16" });
  });

  it("is kept through changes of other things, and of the other product", () => {
    expect(written(old, fresh, fresh, fresh).cameFrom).toEqual({ kubernetes: "1.36.3", etcd: "3.6.16" });
    expect(written(old, commitments("1.36.3", "3.7.3"), fresh).cameFrom).toEqual({
      kubernetes: "1.36.3",
      etcd: "3.6.16",
    });
  });

  it("refuses what the cluster can take from neither", () => {
    expect(changeProblems(written(old, fresh), old)).toEqual([]);
    const back = changeProblems(written(old, fresh), commitments("1.35.4", "3.6.16"));
    expect(back).toHaveLength(1);
    expect(back[0]).toContain('the step from Kubernetes "1.37.2" to "1.35.4" is refused');
    expect(changeProblems(fresh, old)).toHaveLength(2);
  });
});

describe("a change of releases, by what the state tells", () => {
  const old = commitments("1.36.3", "3.6.16");
  const upgraded = JSON.stringify(written(old, commitments("1.37.2", "3.7.3")));
  const problems = (to: [string, string], text: string | undefined, results: (string | undefined)[]) =>
    impossibleChanges(planOf(...to), text, results).map((problem) => problem.split(" is refused: ")[0]);

  it("is free for a cluster that does not exist", () => {
    expect(problems(["1.35.4", "3.6.16"], undefined, printed(undefined, []))).toEqual([]);
  });

  it("is refused when it goes back after all rollouts were completed", () => {
    expect(problems(["1.36.3", "3.6.16"], upgraded, printed("1.37.2", three("3.7.3")))).toEqual([
      'etcdVersion: the step from etcd "3.7.3" to "3.6.16"',
      'kubernetesVersion: the step from Kubernetes "1.37.2" to "1.36.3"',
    ]);
  });

  it("may go on, or back, when the rollouts stopped half-way", () => {
    const halfway = printed("1.36.3", three("3.6.16"));
    expect(problems(["1.37.2", "3.7.3"], upgraded, halfway)).toEqual([]);
    expect(problems(["1.36.3", "3.6.16"], upgraded, halfway)).toEqual([]);
  });

  it("counts each shard and the masters for themselves", () => {
    const results = printed("1.36.3", ["3.6.16", "3.7.3", "3.6.16"]);
    expect(problems(["1.36.3", "3.7.3"], upgraded, results)).toEqual([]);
    expect(problems(["1.36.3", "3.6.16"], upgraded, results)).toEqual([
      'etcdVersion: the step from etcd "3.7.3" to "3.6.16"',
    ]);
  });

  it("does not leave out a minor version, though commitments name the one between", () => {
    const toMiddle = JSON.stringify(written(commitments("1.35.4", "3.6.16"), old));
    expect(problems(["1.37.2", "3.6.16"], toMiddle, printed("1.36.3", three("3.6.16")))).toEqual([]);
    const [problem = "", ...more] = impossibleChanges(
      planOf("1.37.2", "3.6.16"),
      toMiddle,
      printed("1.35.4", three("3.6.16")),
    );
    expect(more).toEqual([]);
    expect(problem).toContain('the step from Kubernetes "1.35.4" to "1.37.2" is refused');
    expect(problem).toContain(
      "set kubernetesVersion: 1.36.3 and run `kilonode up`, then set kubernetesVersion: 1.37.2",
    );
  });

  it("goes back by etcd's own downgrade where that is asked for: before it, while it is under way, and up again", () => {
    const back = clusterOf("lab-small", {
      ...smallConfiguration,
      etcdVersion: "3.6.16",
      etcd: { ...smallConfiguration.etcd, downgradeTo: "3.6.16" },
    }).plan;
    const fresh = commitments("1.37.2", "3.7.3");
    const newer = three("3.7.3");
    expect(impossibleChanges(back, JSON.stringify(fresh), printed("1.37.2", newer))).toEqual([]);
    const begun = JSON.stringify(committed(fresh, commitmentsOf(back)));
    for (const shards of [newer, ["3.6.16", "3.7.3", "3.6.16"], three("3.6.16")]) {
      expect(impossibleChanges(back, begun, printed("1.37.2", shards))).toEqual([]);
      expect(problems(["1.37.2", "3.7.3"], begun, printed("1.37.2", shards))).toEqual([]);
    }
    // Without the word, hosts that have not gone back may not.
    expect(problems(["1.37.2", "3.6.16"], begun, printed("1.37.2", newer))).toEqual([
      'etcdVersion: the step from etcd "3.7.3" to "3.6.16"',
    ]);
  });

  it("is judged by commitments alone while no rollout was completed", () => {
    const text = JSON.stringify(commitments("1.35.4", "3.6.16"));
    expect(problems(["1.37.2", "3.6.16"], text, printed(undefined, []))).toEqual([
      'kubernetesVersion: the step from Kubernetes "1.35.4" to "1.37.2"',
    ]);
    expect(problems(["1.36.3", "3.7.3"], text, printed(undefined, []))).toEqual([]);
  });
});

describe("what resources of a state printed", () => {
  const resource = (name: string, stdout: unknown, more: object = {}) => {
    const [type] = resourceIds.commitments;
    return { urn: `urn:pulumi:lab::kilonode::${type}::${name}`, type, outputs: { stdout }, ...more };
  };

  it("comes in the order asked for, without secrets, and without what is only there to be removed", () => {
    const state = [
      resource("masters-rollout", "old", { delete: true }),
      resource("masters-rollout", "new"),
      resource("commitments", "held"),
      resource("etcd-main-rollout", { ciphertext: "x" }),
    ];
    const asked = [resourceIds.commitments, ...["masters", "etcd-main", "etcd-events"].map(resourceIds.rollout)];
    expect(printedBy(state, asked)).toEqual(["held", "new", undefined, undefined]);
  });
});

describe("a rollout's own step", () => {
  const masters = (release: string) => ({ kind: "masters", release }) as const;
  const refuse = (strategy: Parameters<typeof refuseStep>[0], release?: string) =>
    refuseStep(strategy, { completed: true, ...(release && { release }) }, new Progress("masters", () => undefined));

  it("is refused where upstream forbids it, with nothing changed", () => {
    expect(() => refuse(masters("1.37.2"), "1.35.4")).toThrow(GateRefused);
    expect(() => refuse(masters("1.37.2"), "1.35.4")).toThrow(
      /^masters: all hosts: checked: upstream allows the step .*"1\.35\.4" to "1\.37\.2" is refused.*docs\/releases\.md#what-is-refused\. Nothing was changed\./s,
    );
    expect(() => refuse(masters("1.36.3"), "1.37.2")).toThrow(GateRefused);
    expect(() => refuse({ kind: "etcd", release: "3.6.16" }, "3.7.3")).toThrow(GateRefused);
    expect(() => refuse({ kind: "etcd", release: "3.5.26", downgrade: true }, "3.7.3")).toThrow(GateRefused);
  });

  it("is free otherwise", () => {
    refuse(masters("1.37.2"), "1.36.3");
    refuse(masters("1.37.2"), "1.37.2");
    refuse(masters("1.37.2"));
    refuse({ kind: "etcd", release: "3.7.3" }, "3.6.16");
    refuse({ kind: "etcd", release: "3.6.16", downgrade: true }, "3.7.3");
    refuse({ kind: "together" }, "1.35.4");
  });
});
