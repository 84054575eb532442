/** The look at the cluster with which an `up` ends, under a virtual clock. */
import { describe, expect, it } from "vitest";
import { settledHealth } from "../../cli/hosts/settled";
import { plainStyle } from "../../cli/show/style";
import { exitCodeOfRun, type RunReport, summaryText } from "../../cli/show/summary";
import { planOf } from "../support/plans";

class World {
  time = 0;
  readonly waited: (readonly string[])[] = [];
  readonly abort = new AbortController();

  /** @param problemsAt what a look finds at that second */
  async settle(problemsAt: (second: number) => readonly string[]) {
    const look = async () => {
      this.time += 500;
      const problems = problemsAt(Math.floor(this.time / 1000));
      return { healthy: problems.length === 0, problems };
    };
    const clock = {
      now: () => this.time,
      sleep: async (milliseconds: number) => {
        this.time += milliseconds;
      },
    };
    return settledHealth(look, clock, (problems) => this.waited.push(problems), this.abort.signal);
  }
}

describe("the look at the end of an up", () => {
  it("is one look at a healthy cluster", async () => {
    const world = new World();
    expect(await world.settle(() => [])).toEqual({ healthy: true, problems: [], durationMs: 500 });
    expect(world.waited).toEqual([]);
  });

  it("waits as long as it gets on", async () => {
    const world = new World();
    const nodes = (second: number) => Math.floor(second / 20);
    const health = await world.settle((second) => (nodes(second) < 6 ? [`${nodes(second)} of 6 nodes`] : []));
    expect(health).toMatchObject({ healthy: true, problems: [] });
    expect(world.waited).toEqual([["0 of 6 nodes"]]);
  });

  it("gives up when nothing has changed for a while, and says what is wrong", async () => {
    const world = new World();
    const health = await world.settle((second) => (second < 5 ? ["a", "b"] : ["b"]));
    expect(health).toMatchObject({ healthy: false, problems: ["b"] });
    expect(health.durationMs).toBeGreaterThan(30_000);
    expect(health.durationMs).toBeLessThan(40_000);
  });

  it("comes to an end although something changes for ever, or when it is interrupted", async () => {
    const world = new World();
    const health = await world.settle((second) => [`at ${second} s`]);
    expect(health.healthy).toBe(false);
    expect(health.durationMs).toBeLessThan(310_000);
    const interrupted = new World();
    interrupted.abort.abort();
    expect(await interrupted.settle(() => ["a"])).toEqual({ healthy: false, problems: ["a"], durationMs: 500 });
  });
});

describe("an up whose cluster is not healthy", () => {
  const report = (health: RunReport["health"]): RunReport => ({
    stack: "lab",
    engine: "rehearsal",
    action: "up",
    result: "succeeded",
    changes: { same: 3 },
    durationMs: 1_000,
    phases: [],
    diagnostics: [],
    policy: [],
    failures: [],
    ...(health && { health }),
    outputs: {},
  });
  const text = (health: RunReport["health"]) => summaryText(report(health), planOf("lab"), plainStyle).join("\n");

  it("fails, says what is wrong, and does not say how to use it", () => {
    const health = { healthy: false, problems: ["no master leads as kube-scheduler"], durationMs: 30_000 };
    expect(exitCodeOfRun(report(health))).toBe(1);
    expect(text(health)).toContain(
      "error: everything was applied, but the cluster is not healthy:\n  no master leads as kube-scheduler\n",
    );
    expect(text(health)).not.toContain("use it");
  });

  it("is told from one that could not be looked at, and from a healthy one", () => {
    const unseen = { problems: ["lab-lb-1: it is not made yet"], durationMs: 0 };
    expect(exitCodeOfRun(report(unseen))).toBe(0);
    expect(text(unseen)).toContain("cluster    not looked at: lab-lb-1: it is not made yet");
    const healthy = { healthy: true, problems: [], durationMs: 1_200 };
    expect(exitCodeOfRun(report(healthy))).toBe(0);
    expect(text(healthy)).toContain("cluster    healthy (looked for 1.2s)");
  });
});
