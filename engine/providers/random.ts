/** The `random` package, as far as it is needed: bytes, ids and passwords that stay the same as long as their inputs do. */
import { randomBytes, randomInt } from "node:crypto";
import { diffOf, type Provider, type ResourceCall } from "../provider/provider";
import { changedPaths } from "../values/compare";
import { hasUnknown, UNKNOWN, type Values } from "../values/value";
import { unsupported } from "./unsupported";

const BYTES = "random:index/randomBytes:RandomBytes";
const ID = "random:index/randomId:RandomId";
const PASSWORD = "random:index/randomPassword:RandomPassword";
const TYPES = [BYTES, ID, PASSWORD];
const CLASSES: readonly [flag: string, minimum: string, characters: string][] = [
  ["lower", "minLower", "abcdefghijklmnopqrstuvwxyz"],
  ["upper", "minUpper", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
  ["numeric", "minNumeric", "0123456789"],
  ["special", "minSpecial", "!@#$%&*()-_=+[]{}<>:?"],
];

/** The defaults of the real provider, which it adds to what the program gave. */
const PASSWORD_DEFAULTS: Values = Object.fromEntries(
  CLASSES.flatMap(([flag, min]) => [
    [flag, true],
    [min, 0],
  ]),
);

function pick(characters: string, count: number): string[] {
  return Array.from({ length: count }, () => characters[randomInt(characters.length)] as string);
}

function password(inputs: Values): string {
  const length = Number(inputs.length);
  const settings = { ...PASSWORD_DEFAULTS, ...inputs };
  const special = typeof inputs.overrideSpecial === "string" ? inputs.overrideSpecial : undefined;
  const classes = CLASSES.filter(([flag]) => settings[flag] !== false).map(([flag, min, characters]) => ({
    characters: flag === "special" ? (special ?? characters) : characters,
    minimum: Number(settings[min]),
  }));
  if (classes.length === 0) throw new Error("no character class is allowed in the password");
  const chosen = classes.flatMap(({ characters, minimum }) => pick(characters, minimum));
  if (chosen.length > length) throw new Error(`length ${length} is less than the minimums of the character classes`);
  chosen.push(...pick(classes.map(({ characters }) => characters).join(""), length - chosen.length));
  for (let i = chosen.length - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [chosen[i], chosen[j]] = [chosen[j] as string, chosen[i] as string];
  }
  return chosen.join("");
}

function idOutputs(bytes: Buffer, prefix: string): { id: string; outputs: Values } {
  const id = bytes.toString("base64url");
  const outputs = {
    b64Std: prefix + bytes.toString("base64"),
    b64Url: prefix + id,
    hex: prefix + bytes.toString("hex"),
    dec: prefix + BigInt(`0x${bytes.toString("hex")}`).toString(10),
  };
  return { id, outputs };
}

class RandomProvider implements Provider {
  async check(call: ResourceCall, _old: Values | undefined, inputs: Values) {
    if (!TYPES.includes(call.type)) throw unsupported("Resource type", call.type, TYPES);
    const property = call.type === ID ? "byteLength" : "length";
    const length = inputs[property];
    if (length === UNKNOWN || (Number.isInteger(length) && Number(length) > 0)) return { inputs };
    return { inputs, failures: [{ property, reason: `${property} must be a whole number above 0` }] };
  }

  /** Every change draws again, as in the real provider: nothing about a drawn value can be updated. */
  async diff(_call: ResourceCall, _id: string, oldInputs: Values, _outputs: Values, inputs: Values) {
    return diffOf(changedPaths(oldInputs, inputs), () => true);
  }

  async create(call: ResourceCall, inputs: Values) {
    const names = { [BYTES]: ["base64", "hex"], [ID]: ["b64Std", "b64Url", "hex", "dec"] }[call.type] ?? ["result"];
    if (call.preview || hasUnknown(inputs)) {
      return { id: "", outputs: { ...inputs, ...Object.fromEntries(names.map((name) => [name, UNKNOWN])) } };
    }
    if (call.type === BYTES) {
      const bytes = randomBytes(Number(inputs.length));
      const outputs = { ...inputs, base64: bytes.toString("base64"), hex: bytes.toString("hex") };
      return { id: outputs.base64, outputs };
    }
    if (call.type === ID) {
      const drawn = idOutputs(randomBytes(Number(inputs.byteLength)), String(inputs.prefix ?? ""));
      return { id: drawn.id, outputs: { ...inputs, ...drawn.outputs } };
    }
    return { id: "none", outputs: { ...PASSWORD_DEFAULTS, ...inputs, result: password(inputs) } };
  }

  async read(_call: ResourceCall, id: string, inputs: Values, outputs: Values) {
    return { id, inputs, outputs };
  }

  secretOutputs(type: string): readonly string[] {
    return { [BYTES]: ["base64", "hex"], [PASSWORD]: ["result"] }[type] ?? [];
  }
}

export function randomProvider(): Provider {
  return new RandomProvider();
}
