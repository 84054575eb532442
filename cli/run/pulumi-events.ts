/** Turns the events of the Pulumi CLI into those of the rehearsal engine, so that both are displayed by the same code. */
import type { EngineEvent as PulumiEvent, StepEventMetadata } from "@pulumi/pulumi/automation";
import type { Diagnostic, EngineEvent, Op, PolicyViolation, Result, Severity, Step, Values } from "../../engine";
import type { Action } from "./engine";

export class PulumiEvents {
  readonly #started: number;
  readonly #steps = new Map<string, Step>();
  readonly #diagnostics: Diagnostic[] = [];
  readonly #policy: PolicyViolation[] = [];
  #changes: Result["changes"] = {};
  #failed = false;

  constructor(
    private readonly action: Action,
    private readonly onEvent: (event: EngineEvent) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#started = now();
  }

  take(event: PulumiEvent): void {
    const {
      resourcePreEvent,
      resOutputsEvent,
      resOpFailedEvent,
      diagnosticEvent,
      policyEvent,
      stdoutEvent,
      summaryEvent,
    } = event;
    if (resourcePreEvent) this.#step("pre", resourcePreEvent.metadata);
    if (resOutputsEvent) this.#step("done", resOutputsEvent.metadata);
    if (resOpFailedEvent) this.#step("failed", resOpFailedEvent.metadata);
    if (stdoutEvent) this.onEvent({ type: "log", stream: "stdout", line: plainText(stdoutEvent.message) });
    if (summaryEvent) this.#changes = summaryEvent.resourceChanges as Result["changes"];
    if (diagnosticEvent) {
      const { urn, message, severity, ephemeral } = diagnosticEvent;
      this.#diagnose({
        severity: severity.replace("#err", "") as Severity,
        message: plainText(message).trimEnd(),
        ...(urn && { urn }),
        ...(ephemeral && { ephemeral }),
      });
    }
    if (policyEvent) {
      const violation: PolicyViolation = {
        urn: policyEvent.resourceUrn ?? "",
        pack: policyEvent.policyPackName,
        packVersion: policyEvent.policyPackVersion,
        policy: policyEvent.policyName,
        description: "",
        message: plainText(policyEvent.message),
        level: policyEvent.enforcementLevel === "mandatory" ? "mandatory" : "advisory",
      };
      this.#policy.push(violation);
      this.onEvent({ type: "policy", violation });
    }
  }

  /** The command ended with an error; what it says is only worth showing when no event said it. */
  failed(message: string): void {
    this.#failed = true;
    if (!this.#diagnostics.some(({ severity }) => severity === "error")) this.#diagnose({ severity: "error", message });
  }

  result(aborted: boolean, outputs: Values): Result {
    return {
      action: this.action,
      result: aborted ? "interrupted" : this.#failed ? "failed" : "succeeded",
      steps: [...this.#steps.values()],
      changes: this.#changes,
      diagnostics: this.#diagnostics,
      policy: this.#policy,
      outputs,
      pending: [],
      durationMs: this.#elapsed(),
    };
  }

  #elapsed(): number {
    return Math.round(this.now() - this.#started);
  }

  #diagnose(diagnostic: Diagnostic): void {
    if (diagnostic.severity !== "debug" && !diagnostic.ephemeral) this.#diagnostics.push(diagnostic);
    this.onEvent({ type: "diagnostic", ...diagnostic });
  }

  #step(type: "pre" | "done" | "failed", metadata: StepEventMetadata): void {
    const key = `${metadata.urn} ${metadata.op}`;
    const step = this.#steps.get(key) ?? this.#newStep(metadata);
    this.#steps.set(key, step);
    if (type !== "pre") {
      step.status = type;
      step.durationMs = this.#elapsed() - step.startedAt;
      step.newOutputs = metadata.new?.outputs as Values | undefined;
      step.newId = metadata.new?.id;
    }
    this.onEvent({ type, step });
  }

  #newStep(metadata: StepEventMetadata): Step {
    const { op, urn, type, old, new: now, keys, diffs, detailedDiff, provider } = metadata;
    const state = now ?? old;
    return {
      op: op as Op,
      urn,
      type,
      name: urn.split("::").slice(3).join("::"),
      custom: state?.custom ?? false,
      internal: type.startsWith("pulumi:providers:") && /::default(_|$)/.test(urn),
      parent: state?.parent || undefined,
      provider: provider || undefined,
      protect: state?.protect ?? false,
      oldId: old?.id,
      newId: undefined,
      oldInputs: old?.inputs as Values | undefined,
      newInputs: now?.inputs as Values | undefined,
      oldOutputs: old?.outputs as Values | undefined,
      newOutputs: undefined,
      detailedDiff:
        detailedDiff &&
        Object.fromEntries(Object.entries(detailedDiff).map(([path, { diffKind }]) => [path, diffKind])),
      diffs: diffs ?? [],
      keys: keys ?? [],
      status: "running",
      error: undefined,
      startedAt: this.#elapsed(),
      durationMs: 0,
    };
  }
}

/** Without the CLI's marks for colours, such as <{%fg 1%}>. */
function plainText(text: string): string {
  return text.replace(/<\{%[^%]*%\}>/g, "");
}
