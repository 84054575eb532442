/** Operations on the pretended account: numbered, told about, and gone wrong as planned. */
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ResourceCall } from "../../provider/provider";
import type { Value, Values } from "../../values/value";
import { ApiError } from "./api-error";
import type { Cloud, Thing } from "./cloud";
import { textAt, textsAt } from "./inputs";
import type { Fault, Plan } from "./plan";
import type { Making, Row } from "./row";
import { T, zoneOf } from "./rows/common";
import { terminate } from "./rows/instances";

/** `terminate`: an instance ended behind our back. */
export type Verb = "create" | "update" | "delete" | "read" | "terminate";

/** A line of the stream of operations, told when the effect is on the disk. */
export interface Told {
  /** Counted from 1 over all runs on the account. */
  readonly operation: number;
  readonly verb: Verb;
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  readonly id?: string;
  /** The inputs before and after; long texts are cut. */
  readonly before?: Values;
  readonly after?: Values;
  /** An instance is stopped and started for this update. */
  readonly restarts?: true;
  /** Calls that it took, where it was not one. */
  readonly calls?: number;
  readonly error?: string;
}

/** As the real provider's `max_retries`. */
const MAX_CALLS = 25;
const LONG = 200;

export class Operations {
  /** References that do not find a thing yet, by its id. */
  readonly #late = new Map<string, number>();

  constructor(
    readonly cloud: Cloud,
    private readonly plan: Plan,
    private readonly onOperation: (told: Told) => void = () => undefined,
  ) {}

  begin(verb: Verb, call: ResourceCall, row: Row): Operation {
    const number = this.cloud.nextOperation();
    const label = `${verb} ${call.type} ${call.name}`;
    const faults = (this.plan.faults ?? []).flatMap((fault, index) =>
      matches(fault, number, label) ? [{ fault, index }] : [],
    );
    const operation = new Operation(this, number, verb, call, row, faults);
    for (const { instance } of operation.take("terminate")) {
      const found = this.cloud.all(T.instance).find(({ id, name }) => id === instance || name === instance);
      if (found === undefined) continue;
      terminate(found, this.cloud);
      const { id, type, name, urn, inputs } = found;
      this.tell({ operation: number, verb: "terminate", type, name, urn, id, before: cut(inputs) });
    }
    operation.crash("before");
    return operation;
  }

  /** Takes a fault, if it is not used up. */
  use({ fault, index }: Planned): boolean {
    return this.cloud.useFault(index, fault.times ?? 1);
  }

  tell(told: Told): void {
    if (this.plan.operations !== undefined)
      appendFileSync(this.plan.operations, `${JSON.stringify(told)}\n`, { mode: 0o600 });
    this.onOperation(told);
  }

  lag(id: string, references: number): void {
    this.#late.set(id, references);
  }

  /** True where a reference to the thing is told that there is none. */
  isLate(id: string): boolean {
    const left = this.#late.get(id) ?? 0;
    if (left > 0) this.#late.set(id, left - 1);
    return left > 0;
  }
}

interface Planned {
  readonly fault: Fault;
  readonly index: number;
}

function matches({ at, on }: Fault, number: number, label: string): boolean {
  if (at !== undefined && at !== number) return false;
  return on === undefined || new RegExp(`^${on.split("*").map(literally).join(".*")}$`).test(label);
}

const literally = (text: string): string => text.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&");

/** The answer did not come: whether the thing was done is not known. */
class LostAnswer extends Error {}

export class Operation {
  #calls = 0;
  #throttled = 0;

  constructor(
    private readonly all: Operations,
    readonly number: number,
    readonly verb: Verb,
    private readonly call: ResourceCall,
    private readonly row: Row,
    private readonly faults: readonly Planned[],
  ) {
    for (const { calls = 1 } of this.take("throttle")) this.#throttled += calls;
  }

  /** The faults of a kind that are planned for this operation and not used up. */
  take<F extends Fault["fault"]>(kind: F): Extract<Fault, { fault: F }>[] {
    return this.faults.flatMap((planned) =>
      planned.fault.fault === kind && this.all.use(planned) ? [planned.fault as Extract<Fault, { fault: F }>] : [],
    );
  }

  crash(moment: "before" | "after"): void {
    for (const planned of this.faults)
      if (planned.fault.fault === "crash" && planned.fault.when === moment && this.all.use(planned))
        process.kill(process.pid, "SIGKILL");
  }

  /** A call of the API, made again where the real provider does: `work` is what the API does. */
  async request<R>(work: () => R): Promise<R> {
    const refused = this.take("refuse");
    let lost = this.take("lost").length;
    for (;;) {
      this.#calls++;
      try {
        if (this.#throttled > 0) {
          this.#throttled--;
          throw new ApiError("RequestLimitExceeded", "Request limit exceeded.", true);
        }
        const [refusal] = refused;
        if (refusal !== undefined) throw new ApiError(refusal.code, refusal.reason);
        const result = work();
        this.crash("after");
        if (lost-- > 0) throw new LostAnswer();
        return result;
      } catch (error) {
        const again = error instanceof LostAnswer || (error instanceof ApiError && error.retried);
        if (!again || this.#calls >= MAX_CALLS) throw error;
      }
      await sleep(1, undefined, { signal: this.call.signal });
    }
  }

  /** Until what was made is found by reading it. */
  async visible(thing: Thing): Promise<void> {
    for (const { reads = 1, references = 0 } of this.take("lag")) {
      this.all.lag(thing.id, references);
      this.#calls += reads;
    }
  }

  /** Refuses what cannot be started for want of machines. */
  capacity({ inputs, cloud }: Making): void {
    if (this.row.type !== T.instance) return;
    const [own] = textsAt(inputs, "primaryNetworkInterface.networkInterfaceId");
    const subnet =
      own === undefined
        ? textAt(inputs, "subnetId")
        : textAt(cloud.find(T.networkInterface, own)?.inputs ?? {}, "subnetId");
    const zone = zoneOf(cloud, subnet);
    // The provider does not ask again (terraform-provider-aws, service_package.go of EC2).
    for (const planned of this.faults)
      if (planned.fault.fault === "no-capacity" && planned.fault.zone === zone && this.all.use(planned))
        throw new ApiError(
          "InsufficientInstanceCapacity",
          `We currently do not have sufficient ${inputs.instanceType} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity.`,
        );
  }

  isLate(id: string): boolean {
    return this.all.isLate(id);
  }

  tell(told: Pick<Told, "id" | "before" | "after" | "error">): void {
    const { type, name, urn } = this.call;
    const { before, after } = told;
    const restarts =
      this.verb === "update" &&
      told.error === undefined &&
      (this.row.restarts ?? []).some((input) => textAt(before ?? {}, input) !== textAt(after ?? {}, input));
    this.all.tell({
      ...{ operation: this.number, verb: this.verb, type, name, urn },
      ...told,
      ...(before && { before: cut(before) }),
      ...(after && { after: cut(after) }),
      ...(restarts && { restarts }),
      ...(this.#calls > 1 && { calls: this.#calls }),
    });
  }
}

function cut(values: Values): Values {
  return JSON.parse(
    JSON.stringify(values, (_key, value: Value) =>
      typeof value === "string" && value.length > LONG ? `${value.slice(0, LONG)}...` : value,
    ),
  ) as Values;
}
