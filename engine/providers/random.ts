/** The `random` package: `RandomBytes`, which stay the same as long as their length does. */
import { randomBytes } from "node:crypto";
import { diffOf, type Provider, type ResourceCall } from "../provider/provider";
import { changedPaths } from "../values/compare";
import { hasUnknown, UNKNOWN, type Values } from "../values/value";
import { unsupported, unsupportedProperties } from "./unsupported";

const BYTES = "random:index/randomBytes:RandomBytes";

class RandomProvider implements Provider {
  async check(call: ResourceCall, _old: Values | undefined, inputs: Values) {
    if (call.type !== BYTES) throw unsupported("Resource type", call.type, [BYTES]);
    const failures = unsupportedProperties(inputs, ["length"]);
    const { length } = inputs;
    if (length !== UNKNOWN && !(Number.isInteger(length) && Number(length) > 0))
      failures.push({ property: "length", reason: "length must be a whole number above 0" });
    return { inputs, failures };
  }

  /** Every change draws again, as in the real provider: nothing about a drawn value can be updated. */
  async diff(_call: ResourceCall, _id: string, oldInputs: Values, _outputs: Values, inputs: Values) {
    return diffOf(changedPaths(oldInputs, inputs), () => true);
  }

  /** Known by their base64 form, as in the real provider. */
  async create(call: ResourceCall, inputs: Values) {
    if (call.preview || hasUnknown(inputs)) return { id: "", outputs: { ...inputs, base64: UNKNOWN, hex: UNKNOWN } };
    const bytes = randomBytes(Number(inputs.length));
    const base64 = bytes.toString("base64");
    return { id: base64, outputs: { ...inputs, base64, hex: bytes.toString("hex") } };
  }

  secretOutputs(): readonly string[] {
    return ["base64", "hex"];
  }
}

export function randomProvider(): Provider {
  return new RandomProvider();
}
