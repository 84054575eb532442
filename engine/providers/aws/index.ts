/**
 * The `aws` package: a pretended account, which the program talks to as to the real provider (types, inputs and outputs of
 * @pulumi/aws 7.48). It is a graph of what exists, with the API's own rules and words; see README.md.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../errors";
import { diffOf, PartialFailure, type Provider, type ResourceCall } from "../../provider/provider";
import { changedPaths } from "../../values/compare";
import { isObject, UNKNOWN, type Value, type Values } from "../../values/value";
import { type Failure, unsupported } from "../unsupported";
import { ApiError } from "./api-error";
import { problemsOf } from "./check";
import { Cloud, type Thing } from "./cloud";
import { textAt, textsAt } from "./inputs";
import { invoke } from "./invoke";
import { follow } from "./machines";
import { type Operation, Operations, type Told } from "./operations";
import { type Plan, readPlan } from "./plan";
import type { Making, Row } from "./row";
import { rows } from "./rows";
import { readSettings, type Settings } from "./settings";

/** What the real provider notes of the names that it made up (the Terraform bridge's `__defaults`). */
const DEFAULTS = "__defaults";
/** Outputs that begin so are kept in the cloud alone. */
const INTERNAL = "simulated";
/** Something that is in use may be on its way out: the real provider asks again for minutes. */
const PATIENCE_MS = 2_000;

export interface Options {
  /** Where the account is kept; it outlives the stack's state. */
  readonly file: string;
  readonly plan?: Plan;
  readonly onOperation?: (told: Told) => void;
  readonly patienceMs?: number;
}

export class SimulatedProvider implements Provider {
  #settings: Settings = readSettings({});
  readonly #operations: Operations;
  readonly cloud: Cloud;

  constructor(private readonly options: Options) {
    this.cloud = cloudIn(options);
    this.cloud.refresh();
    for (const { type, id, region, inputs } of options.plan?.existing ?? []) this.#put(type, id, region, inputs);
    this.#operations = new Operations(this.cloud, options.plan ?? {}, options.onOperation);
  }

  async configure(config: Values): Promise<void> {
    this.#settings = readSettings(config, this.options.plan?.account);
  }

  async check(call: ResourceCall, old: Values | undefined, given: Values, seed: Buffer) {
    const row = rowOf(call.type);
    const plain = withoutNull(given);
    const { [DEFAULTS]: _, ...inputs } = plain as Values;
    const named = withName(row, call.name, inputs, old, seed);
    return { inputs: named.inputs, failures: [...named.failures, ...problemsOf(row, without(named.inputs))] };
  }

  async diff(call: ResourceCall, _id: string, old: Values, _outputs: Values, now: Values, ignored: readonly string[]) {
    const row = rowOf(call.type);
    const [before, after] = [without(old), without(now)];
    const also = (row.replacesAlso?.(before, after) ?? []).filter((name) => !ignored.includes(name));
    const fixed = [...row.replaces, ...also];
    const found = diffOf(changedPaths(before, after), (path) => {
      const plain = path.replaceAll(/\[\d+\]/g, "");
      return fixed.some((name) => plain === name || plain.startsWith(`${name}.`));
    });
    if (found.replaces === undefined) return found;
    return { ...found, deleteBeforeReplace: keepsName(row, old, now) };
  }

  async create(call: ResourceCall, inputs: Values) {
    const row = rowOf(call.type);
    if (call.preview) return { id: "", outputs: this.#previewed(row, without(inputs), {}, row.computed) };
    const operation = this.#operations.begin("create", call, row);
    let made: Thing | undefined;
    try {
      const thing = await operation.request(() => {
        // A client token makes the second request the first.
        if (made !== undefined && row.token) return made;
        made = this.#make(operation, row, call, this.#named(row, without(inputs)));
        return made;
      });
      await operation.visible(thing);
      const outputs = this.#outputs(row, thing);
      operation.tell({ id: thing.id, after: thing.inputs });
      await this.#follow("put", thing).catch((error: Error) => {
        throw new PartialFailure(error.message, thing.id, outputs);
      });
      if (operation.take("half").length > 0)
        throw new PartialFailure(
          `waiting for ${row.api[0]} ${call.name} (${thing.id}) to be ready: timeout while waiting for state`,
          thing.id,
          outputs,
        );
      return { id: thing.id, outputs };
    } catch (error) {
      throw this.#failed(error, operation, row, "creating", row.api[1]);
    }
  }

  async update(call: ResourceCall, id: string, old: Values, outputs: Values, inputs: Values) {
    const row = rowOf(call.type);
    const after = without(inputs);
    if (call.preview) {
      const gone = Object.keys(without(old)).filter((name) => !(name in after));
      const kept = Object.fromEntries(Object.entries(outputs).filter(([name]) => !gone.includes(name)));
      const unknown = [...(row.renewed ?? []), ...gone.filter((name) => row.computed.includes(name))];
      return { outputs: this.#previewed(row, after, kept, unknown) };
    }
    const operation = this.#operations.begin("update", call, row);
    try {
      const before = this.#present(row, id);
      const thing = await operation.request(() =>
        this.#make(operation, row, call, this.#named(row, after, before), before),
      );
      operation.tell({ id, before: before.inputs, after: thing.inputs });
      await this.#follow("put", thing);
      return { outputs: this.#outputs(row, thing) };
    } catch (error) {
      throw this.#failed(error, operation, row, "updating", row.api[1].replace(/^(Create|Run)/, "Modify"), id);
    }
  }

  async delete(call: ResourceCall, id: string): Promise<void> {
    const row = rowOf(call.type);
    const operation = this.#operations.begin("delete", call, row);
    const before = this.cloud.find(row.type, id);
    try {
      const until = Date.now() + (this.options.patienceMs ?? PATIENCE_MS);
      await operation.request(() => undefined);
      for (;;) {
        const refusal = this.#remove(row, id);
        if (refusal === undefined) break;
        if (Date.now() > until) throw refusal;
        await sleep(20, undefined, { signal: call.signal });
      }
      if (before) await this.#follow("remove", before);
      operation.crash("after");
      operation.tell({ id, ...(before && { before: before.inputs }) });
    } catch (error) {
      throw this.#failed(error, operation, row, "deleting", row.api[2], id);
    }
  }

  async read(call: ResourceCall, id: string) {
    const row = rowOf(call.type);
    const operation = this.#operations.begin("read", call, row);
    const thing = await operation.request(() => this.cloud.named([row.type], id));
    operation.tell({ id, ...(thing && { after: thing.inputs }) });
    return thing && { id: thing.id, inputs: thing.inputs, outputs: this.#outputs(row, thing) };
  }

  async invoke(token: string, args: Values): Promise<Values> {
    return invoke(token, args, this.#settings, this.cloud);
  }

  #follow(verb: "put" | "remove", thing: Thing): Promise<void> {
    return follow(this.options.plan?.machines, verb, this.cloud.file, thing);
  }

  /** What was there before the program. */
  #put(type: string, id: string, region: string, inputs: Values): void {
    const row = rowOf(type);
    if (this.cloud.find(type, id) !== undefined) return;
    const made = row.make({ region, account: this.#settings.account, inputs, cloud: this.cloud, id });
    this.cloud.put({ id, type, urn: "", name: id, region, inputs, outputs: { ...inputs, ...made } });
  }

  /** What the API does with a request. */
  #make(operation: Operation, row: Row, call: ResourceCall, inputs: Values, self?: Thing): Thing {
    const { cloud } = this;
    const { region: own, account } = this.#settings;
    const region = textAt(inputs, "region") ?? own;
    const making: Making = { region, account, inputs, cloud, ...(self && { self }) };
    for (const { path, to, unless, code, reason, retried = false } of row.references ?? [])
      for (const value of textsAt(inputs, path)) {
        if (unless?.test(value)) continue;
        const found = cloud.named(to, value);
        if (found === undefined || operation.isLate(found.id)) throw new ApiError(code, reason(value), retried);
      }
    row.rules?.(making);
    operation.capacity(making);
    const id = self?.id ?? row.id(making);
    const outputs = row.make({ ...making, id });
    const name = row.naming && inputs[row.naming.property];
    const thing: Thing = {
      ...{ id, type: row.type, urn: call.urn, name: call.name, region, inputs },
      outputs: {
        ...inputs,
        ...outputs,
        // Tags that others gave it stay.
        ...(self?.outputs.simulatedTags !== undefined && { simulatedTags: self.outputs.simulatedTags }),
        ...(name !== undefined && { name }),
        ...(row.optional.includes("tags") &&
          isTags(inputs.tags) && { tagsAll: { ...this.#settings.defaultTags, ...inputs.tags } }),
        ...(row.optional.includes("region") && { region }),
      },
    };
    cloud.put(thing);
    return thing;
  }

  #remove(row: Row, id: string): ApiError | undefined {
    const thing = this.cloud.find(row.type, id);
    if (thing === undefined) return undefined;
    const [holder] = this.cloud.holders(thing);
    if (holder !== undefined && row.inUse !== undefined) return new ApiError(...row.inUse(thing, holder));
    try {
      row.remove?.(thing, this.cloud);
    } catch (error) {
      if (error instanceof ApiError && error.code === "DependencyViolation") return error;
      throw error;
    }
    if (this.cloud.find(row.type, id) !== undefined) this.cloud.remove(thing);
    return undefined;
  }

  #present(row: Row, id: string): Thing {
    const thing = this.cloud.find(row.type, id);
    if (thing === undefined)
      throw new ApiError(
        "NotFound",
        `${row.type.split(":").at(-1)} ${id} does not exist: it went without this program`,
      );
    return thing;
  }

  /** With the name that the provider makes of a prefix. */
  #named(row: Row, inputs: Values, self?: Thing): Values {
    const { property, prefix } = row.naming ?? {};
    if (property === undefined || inputs[property] !== undefined) return inputs;
    const start = prefix === undefined ? undefined : textAt(inputs, prefix);
    const known = self?.inputs[property];
    return { ...inputs, [property]: known ?? `${start ?? ""}${randomBytes(13).toString("hex")}` };
  }

  #outputs(row: Row, { id, outputs }: Thing): Values {
    const shown = Object.entries(outputs).filter(([name]) => !name.startsWith(INTERNAL));
    return { ...Object.fromEntries(shown), ...(row.computed.includes("arn") && { arn: outputs.arn ?? id }) };
  }

  #previewed(row: Row, inputs: Values, before: Values, unknown: readonly string[]): Values {
    const open = unknown.filter((name) => inputs[name] === undefined);
    const { property } = row.naming ?? {};
    return {
      ...before,
      ...Object.fromEntries(open.map((name) => [name, UNKNOWN])),
      ...inputs,
      ...(property !== undefined &&
        inputs[property] === undefined &&
        before[property] === undefined && { [property]: UNKNOWN }),
      ...(row.optional.includes("tags") &&
        isTags(inputs.tags) && { tagsAll: { ...this.#settings.defaultTags, ...inputs.tags } }),
      ...(row.optional.includes("region") && { region: inputs.region ?? this.#settings.region }),
    };
  }

  #failed(error: unknown, operation: Operation, row: Row, doing: string, api: string, id?: string): unknown {
    if (error instanceof PartialFailure) return error;
    const what = `${doing} ${row.api[0]} ${row.type.split(":").at(-1)}${id === undefined ? "" : ` (${id})`}`;
    const message = `${what}: operation error ${row.api[0]}: ${api}, ${(error as Error).message}`;
    operation.tell({ error: error instanceof ApiError ? error.code : message, ...(id !== undefined && { id }) });
    return error instanceof ApiError ? new Error(message, { cause: error }) : error;
  }
}

/** Providers of one process share an account: each would have to read what the others did. */
const clouds = new Map<string, { readonly plan: string; readonly cloud: Cloud }>();

function cloudIn({ file, plan }: Options): Cloud {
  const text = JSON.stringify(plan ?? {});
  const known = clouds.get(file);
  if (known?.plan === text) return known.cloud;
  const cloud = new Cloud(file, rows, plan);
  clouds.set(file, { plan: text, cloud });
  return cloud;
}

/** The account of a stack, for those who ask about it beside the stack's own resources. */
export function cloudOf(stateFile: string): Cloud {
  return cloudIn({ file: `${stateFile}.aws`, plan: readPlan(process.env.REHEARSAL_AWS) });
}

/** The account is kept beside the state file, in `<state file>.aws`; its plan is in the file that REHEARSAL_AWS names. */
export function simulatedAws(stateFile?: string): Provider {
  if (stateFile === undefined)
    throw new EngineError("refused", "an account is kept beside a state file, and none was given");
  return new SimulatedProvider({ file: `${stateFile}.aws`, plan: readPlan(process.env.REHEARSAL_AWS) });
}

function rowOf(type: string): Row {
  const row = Object.hasOwn(rows, type) ? rows[type] : undefined;
  if (row === undefined) throw unsupported("Resource type", type, Object.keys(rows).sort());
  return row;
}

const isTags = (tags: Value | undefined): tags is Values => tags === undefined || isObject(tags);

function without({ [DEFAULTS]: _, ...inputs }: Values): Values {
  return inputs;
}

function withoutNull(value: Value): Value {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) => (item === null ? [] : [[name, withoutNull(item)]])),
  );
}

/** A name for what was given none: the resource's and seven digits, the same as long as the resource lives. */
function withName(
  row: Row,
  name: string,
  inputs: Values,
  old: Values | undefined,
  seed: Buffer,
): { inputs: Values; failures: Failure[] } {
  const { property = "", prefix = "", longest = 0, start = "", plain } = row.naming ?? {};
  if (row.naming === undefined || inputs[property] !== undefined || inputs[prefix] !== undefined)
    return { inputs, failures: [] };
  const known = old?.[DEFAULTS];
  const kept = Array.isArray(known) && known.includes(property) ? old?.[property] : undefined;
  const made = kept ?? `${start}${name}${plain ? "" : `-${seed.toString("hex").slice(0, 7)}`}`;
  const reason = `name '${name}' plus 7 random chars is longer than maximum length ${longest}`;
  const failures = String(made).length - start.length > longest ? [{ property, reason }] : [];
  return { inputs: { ...inputs, [property]: made, [DEFAULTS]: [property] }, failures };
}

/** A fixed name that stays cannot be on two at once (the bridge's `nameRequiresDeleteBeforeReplace`). */
function keepsName({ naming }: Row, old: Values, now: Values): boolean {
  if (naming === undefined || now[naming.property] === undefined) return false;
  const made = now[DEFAULTS];
  return !(Array.isArray(made) && made.includes(naming.property)) && old[naming.property] === now[naming.property];
}
