/**
 * The `command` package: what pulumi-command 1.2.1 does, on this machine and over SSH.
 *
 * Which command runs when, and what a preview knows, follows its commandController.go and the diff of pulumi-go-provider.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { diffOf, type Provider, type ResourceCall } from "../../provider/provider";
import { changedPaths, same } from "../../values/compare";
import { hasUnknown, isObject, UNKNOWN, type Value, type Values } from "../../values/value";
import { unsupported } from "../unsupported";
import { withDefaults } from "./connection";
import { copyToRemote } from "./copy";
import { runLocal } from "./local";
import { runRemote } from "./remote";
import { ConnectionPool } from "./ssh";

const LOCAL = "command:local:Command";
const REMOTE = "command:remote:Command";
const COPY = "command:remote:CopyToRemote";
const RUN = "command:local:run";
const LOGGING = ["stdout", "stderr", "stdoutAndStderr", "none"];

function typed(property: string, value: Value): string | undefined {
  const all = (ok: (item: Value) => boolean, items: readonly Value[]) =>
    items.every((item) => item === UNKNOWN || ok(item));
  const isString = (item: Value) => typeof item === "string";
  switch (property) {
    case "create":
    case "update":
    case "delete":
    case "stdin":
    case "dir":
    case "remotePath":
      return isString(value) ? undefined : "must be a string";
    case "environment":
      return isObject(value) && all(isString, Object.values(value)) ? undefined : "must be a map of strings";
    case "interpreter":
      return Array.isArray(value) && all(isString, value) ? undefined : "must be a list of strings";
    case "triggers":
      return Array.isArray(value) ? undefined : "must be a list";
    case "logging":
      return LOGGING.includes(String(value)) ? undefined : `must be one of ${LOGGING.join(", ")}`;
    case "addPreviousOutputInEnv":
      return typeof value === "boolean" ? undefined : "must be a boolean";
    case "assetPaths":
    case "archivePaths":
      return Array.isArray(value) && value.length === 0 ? undefined : "is not supported in a rehearsal";
    case "connection":
      return isObject(value) && value.host !== undefined ? undefined : "must have a host";
    case "source":
      return isObject(value) ? undefined : "must be an asset or an archive";
    default:
      return undefined;
  }
}

function checked(type: string, inputs: Values): { property: string; reason: string }[] {
  const required = { [REMOTE]: ["connection"], [COPY]: ["connection", "source", "remotePath"] }[type] ?? [];
  return [...new Set([...required, ...Object.keys(inputs)])].flatMap((property) => {
    const value = inputs[property] ?? null;
    if (value === UNKNOWN || (value === null && !required.includes(property))) return [];
    const reason = value === null ? "is missing" : typed(property, value);
    return reason === undefined ? [] : [{ property, reason: `${property} ${reason}` }];
  });
}

/** Assets are compared by their hashes; the engine normally brings them along. */
function withHash(source: Value | undefined): Value | undefined {
  if (!isObject(source) || typeof source.hash === "string") return source;
  const digest = (data: Buffer | string): string => createHash("sha256").update(data).digest("hex");
  if (typeof source.text === "string") return { ...source, hash: digest(source.text) };
  if (typeof source.path === "string" && statSync(source.path).isFile()) {
    return { ...source, hash: digest(readFileSync(source.path)) };
  }
  return source;
}

/** As `resource.NewUniqueHex`: the name and 8 hexadecimal digits. */
function newId(name: string): string {
  return name + randomBytes(4).toString("hex");
}

class CommandProvider implements Provider {
  readonly #pool = new ConnectionPool();

  async check(call: ResourceCall, _old: Values | undefined, inputs: Values) {
    if (![LOCAL, REMOTE, COPY].includes(call.type))
      throw unsupported("Resource type", call.type, [LOCAL, REMOTE, COPY]);
    const filled = { ...inputs };
    if (inputs.connection !== undefined) filled.connection = withDefaults(inputs.connection) as Value;
    if (inputs.source !== undefined) filled.source = withHash(inputs.source) as Value;
    return { inputs: filled, failures: checked(call.type, filled) };
  }

  async diff(_call: ResourceCall, _id: string, oldInputs: Values, _oldOutputs: Values, inputs: Values) {
    // `connection` is secret as a whole, so its parts are never named. Only a change of `triggers` as a whole forces a
    // replacement here; for its items the SDK adds `replaceOnChanges: ["triggers[*]"]` to every command.
    return diffOf(changedPaths(oldInputs, inputs, ["connection"]), (path) => path === "triggers");
  }

  async create(call: ResourceCall, inputs: Values) {
    if (call.type === COPY) {
      if (call.preview) return { id: "", outputs: inputs };
      await copyToRemote(this.#pool, call, inputs);
      return { id: newId(""), outputs: inputs };
    }
    const id = newId(call.name);
    if (call.preview) return { id, outputs: { ...inputs, stdout: UNKNOWN, stderr: UNKNOWN } };
    return { id, outputs: await this.#run(call, inputs.create, inputs, {}) };
  }

  async update(call: ResourceCall, _id: string, oldInputs: Values, oldOutputs: Values, inputs: Values) {
    if (call.type === COPY) {
      const again = !same(oldOutputs.source, inputs.source) || oldOutputs.remotePath !== inputs.remotePath;
      if (again && !call.preview) await copyToRemote(this.#pool, call, inputs);
      return { outputs: inputs };
    }
    if (call.preview) {
      const unchanged = !hasUnknown(inputs) && same(oldInputs, inputs);
      const printed = unchanged ? printedOf(oldOutputs) : { stdout: UNKNOWN, stderr: UNKNOWN };
      return { outputs: { ...inputs, ...printed } };
    }
    return { outputs: await this.#run(call, inputs.update ?? inputs.create, inputs, oldOutputs) };
  }

  async delete(call: ResourceCall, _id: string, _inputs: Values, outputs: Values): Promise<void> {
    if (call.type !== COPY) await this.#run(call, outputs.delete, outputs, outputs);
  }

  /** A command cannot be looked at again: a refresh finds what the state says. */
  async read(_call: ResourceCall, id: string, inputs: Values, outputs: Values) {
    return { id, inputs, outputs };
  }

  async invoke(token: string, args: Values, call: Pick<ResourceCall, "preview" | "signal" | "log">): Promise<Values> {
    if (token !== RUN) throw unsupported("Function", token, [RUN]);
    const failures = checked(LOCAL, args);
    if (failures[0] !== undefined) throw new Error(failures[0].reason);
    return { ...args, ...(await runLocal(call, String(args.command), args, {})) };
  }

  secretOutputs(type: string): readonly string[] {
    return type === REMOTE || type === COPY ? ["connection"] : [];
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #run(call: ResourceCall, command: Value | undefined, properties: Values, previous: Values): Promise<Values> {
    if (typeof command !== "string") return { ...properties, ...printedOf(previous) };
    const printed =
      call.type === LOCAL
        ? await runLocal(call, command, properties, previous)
        : await runRemote(this.#pool, call, command, properties, previous);
    return { ...properties, ...printed };
  }
}

function printedOf(outputs: Values): Values {
  return { stdout: outputs.stdout ?? "", stderr: outputs.stderr ?? "" };
}

export function commandProvider(): Provider {
  return new CommandProvider();
}
