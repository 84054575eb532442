/**
 * The `command` package: what pulumi-command 1.2.1 does, on this machine and over SSH.
 *
 * Which command runs when, and what a preview knows, follows its commandController.go and the diff of pulumi-go-provider.
 */
import { randomBytes } from "node:crypto";
import { diffOf, type Provider, type ResourceCall } from "../../provider/provider";
import { changedPaths, same } from "../../values/compare";
import { hasUnknown, UNKNOWN, type Value, type Values } from "../../values/value";
import { withDefaults, withSecrets } from "./connection";
import { copyToRemote } from "./copy";
import { runLocal } from "./local";
import { COPY, failuresOf, LOCAL } from "./properties";
import { runRemote } from "./remote";
import { ConnectionPool } from "./ssh";

/** As `resource.NewUniqueHex`: the name and 8 hexadecimal digits. */
function newId(name: string): string {
  return name + randomBytes(4).toString("hex");
}

class CommandProvider implements Provider {
  readonly #pool = new ConnectionPool();

  async check(call: ResourceCall, _old: Values | undefined, inputs: Values) {
    const { connection } = inputs;
    if (connection === undefined) return { inputs, failures: failuresOf(call.type, inputs) };
    const filled = withDefaults(connection) as Value;
    const failures = failuresOf(call.type, { ...inputs, connection: filled });
    return { inputs: { ...inputs, connection: withSecrets(filled) }, failures };
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

  secretOutputs(type: string): readonly string[] {
    return type === LOCAL ? [] : ["connection"];
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
