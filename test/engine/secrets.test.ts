/** Secrets at rest, those within secrets too, against the real engine's way of writing them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Crypter } from "../../engine/state/crypter";
import { isSecret, plain, secret } from "../../engine/values/secrets";
import { SECRET, SIGNATURE, type Value, type Values } from "../../engine/values/value";

/** `SerializePropertyValue` and `DeserializePropertyValue` of Pulumi's pkg/resource/stack/deployment.go, for values without assets. */
type Crypt = (text: string) => string;
const asItIs: Crypt = (text) => text;

function serialize(value: Value, encrypt: Crypt): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => serialize(item, encrypt));
  if (isSecret(value)) {
    return { [SIGNATURE]: SECRET, ciphertext: encrypt(JSON.stringify(serialize(value.value, asItIs))) };
  }
  return entries(value as Values, (item) => serialize(item, encrypt));
}

function deserialize(value: Value, decrypt: Crypt): Value {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => deserialize(item, decrypt));
  const object = value as Values;
  if (object[SIGNATURE] !== SECRET) return entries(object, (item) => deserialize(item, decrypt));
  const element = JSON.parse(decrypt(String(object.ciphertext))) as Value;
  return { [SIGNATURE]: SECRET, value: deserialize(element, asItIs) };
}

const entries = (values: Values, change: (item: Value) => Value): Values =>
  Object.fromEntries(Object.entries(values).map(([key, item]) => [key, change(item)]));

const crypter = new Crypter("a passphrase", undefined, "the test");
const encrypt: Crypt = (text) => crypter.encrypt(text);
const decrypt: Crypt = (text) => crypter.decrypt(text);

const key = fc.string().filter((text) => text !== "__proto__");
const { value } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), fc.string({ unit: "binary" })),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 3, noNullPrototype: true }),
    // `secret` marks what is a secret already no second time, and neither does the real engine.
    tie("value").map(secret),
  ),
}));
const values = fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true });

describe("values with secrets at any depth", () => {
  it("are opened as they were sealed", () => {
    fc.assert(
      fc.property(values, (all) => {
        expect(crypter.open("a", crypter.seal("a", all))).toEqual(all);
      }),
    );
  });

  it("are read by the real engine's rules, and what it has written is read here", () => {
    fc.assert(
      fc.property(values, (all) => {
        expect(deserialize(crypter.seal("b", all), decrypt)).toEqual(all);
        expect(crypter.open("c", serialize(all, encrypt) as Values)).toEqual(all);
      }),
    );
  });

  it("keep their ciphertexts as long as they do not change, whoever has written them", () => {
    fc.assert(
      fc.property(values, (all) => {
        const written = serialize(all, encrypt) as Values;
        expect(crypter.seal("d", crypter.open("d", written))).toEqual(written);
      }),
    );
  });

  it("are read from an export with its secrets in clear", () => {
    const inClear = (item: Value): Value => {
      if (typeof item !== "object" || item === null) return item;
      if (Array.isArray(item)) return item.map(inClear);
      return isSecret(item)
        ? { [SIGNATURE]: SECRET, plaintext: JSON.stringify(inClear(item.value)) }
        : entries(item as Values, inClear);
    };
    fc.assert(
      fc.property(values, (all) => {
        expect(crypter.open("e", inClear(all) as Values)).toEqual(all);
      }),
    );
  });

  it("show nothing of a secret, at whatever depth it stands", () => {
    const word = "cleartext-of-a-secret";
    const hidden = secret({ outer: [word, secret({ [word]: secret(word) })] });
    const sealed = crypter.seal("f", { list: [{ hidden }] });
    expect(JSON.stringify(sealed)).not.toContain(word);
    expect(plain(crypter.open("f", sealed))).toEqual({ list: [{ hidden: { outer: [word, { [word]: word }] } }] });
  });
});

describe("a damaged secret", () => {
  it.each([
    ["neither form", {}],
    ["no JSON", { plaintext: "{" }],
    ["no JSON within another one", { plaintext: JSON.stringify({ a: { [SIGNATURE]: SECRET, ciphertext: "{" } }) }],
  ])("is refused and not taken for nothing: %s", (_, form) => {
    expect(() => crypter.open("g", { a: { [SIGNATURE]: SECRET, ...form } })).toThrow(/the test: a secret is damaged/);
  });
});
