/** Policy packs, at the points of a run where the real engine asks them (step_generator.go, from "Send the resource off to any Analyzers"). */
import type { Run } from "../run/run";
import { stopChild } from "../sdk/child";
import { analyzer, call, fromStruct } from "../sdk/proto";
import type { Goal } from "../state/goal";
import { type ResourceState, ROOT_STACK } from "../state/types";
import { request, stackResource, violationOf } from "./messages";
import { type Pack, type PackEnvironment, type PolicyPack, startPack } from "./pack";

type Analysis = InstanceType<typeof analyzer.AnalyzeResponse>;

export class Policies {
  private constructor(
    private readonly run: Run,
    private readonly packs: readonly Pack[],
  ) {}

  static async start(run: Run, packs: readonly PolicyPack[], environment: PackEnvironment): Promise<Policies> {
    return new Policies(run, await Promise.all(packs.map((pack) => startPack(pack, environment))));
  }

  /** Remediates, then analyzes a resource as it is going to be; true when it must not be begun. */
  async analyze(goal: Goal, state: ResourceState, provider: ResourceState | undefined): Promise<boolean> {
    let mandatory = false;
    for (const pack of this.packs) await this.#remediate(pack, goal, state, provider);
    for (const { client } of this.packs) {
      const response = await call<Analysis>((done) => client.analyze(request(goal, state, provider), done));
      mandatory = this.#reportAll(response, state.urn) || mandatory;
    }
    if (mandatory) this.run.fail(this.run.preview);
    return mandatory && !this.run.preview;
  }

  async #remediate(
    { client }: Pack,
    goal: Goal,
    state: ResourceState,
    provider: ResourceState | undefined,
  ): Promise<void> {
    const response = await call<InstanceType<typeof analyzer.RemediateResponse>>((done) =>
      client.remediate(request(goal, state, provider), done),
    );
    for (const item of response.getRemediationsList()) {
      const message = item.getDiagnostic();
      this.run.violation({
        urn: state.urn,
        pack: item.getPolicypackname(),
        packVersion: item.getPolicypackversion(),
        policy: item.getPolicyname(),
        description: item.getDescription(),
        message,
        level: message === "" ? "remediate" : "advisory",
      });
      if (message === "") state.inputs = fromStruct(item.getProperties());
    }
  }

  /** The rules for the stack as a whole, on the final outputs; they cannot stop anything any more. */
  async analyzeStack(goals: ReadonlyMap<string, Goal>, states: ReadonlyMap<string, ResourceState>): Promise<void> {
    if (this.packs.length === 0) return;
    const message = new analyzer.AnalyzeStackRequest();
    message.setResourcesList([...states.values()].map((state) => stackResource(goals.get(state.urn), state, states)));
    const root = [...states.values()].find((state) => state.type === ROOT_STACK)?.urn ?? "";
    for (const { client } of this.packs) {
      const response = await call<Analysis>((done) => client.analyzeStack(message, done));
      if (this.#reportAll(response, root)) this.run.fail(true);
    }
  }

  /** True when one of the violations is of a mandatory rule. */
  #reportAll(response: Analysis, urn: string): boolean {
    const violations = response.getDiagnosticsList().map((item) => violationOf(item, urn));
    for (const violation of violations) this.run.violation(violation);
    return violations.some(({ level }) => level === "mandatory");
  }

  async close(): Promise<void> {
    for (const { client } of this.packs) client.close();
    await Promise.all(this.packs.map(({ child }) => stopChild(child)));
  }
}
