import { describe, expect, it } from "vitest";
import { UNKNOWN } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { call, create } from "./support";

const provider = providers("random");

describe("random", () => {
  it("draws bytes, known by their base64 form as in the real provider", async () => {
    const type = "random:index/randomBytes:RandomBytes";
    const made = await create(provider, call(type), { length: 32 });
    const bytes = Buffer.from(made.outputs.base64 as string, "base64");
    expect(bytes).toHaveLength(32);
    expect(made).toMatchObject({ id: made.outputs.base64, outputs: { length: 32, hex: bytes.toString("hex") } });
    expect(provider.secretOutputs?.(type)).toEqual(["base64", "hex"]);
    const planned = await create(provider, call(type, "it", { preview: true }), { length: 32 });
    expect(planned.outputs).toEqual({ length: 32, base64: UNKNOWN, hex: UNKNOWN });
    await expect(create(provider, call(type), { length: 0 })).rejects.toThrow("length must be a whole number above 0");
  });

  it("draws ids and passwords, and again when an input changes", async () => {
    const id = await create(provider, call("random:index/randomId:RandomId"), { byteLength: 4, prefix: "p-" });
    expect(id.outputs.hex).toMatch(/^p-[0-9a-f]{8}$/);
    expect(id.outputs.b64Url).toBe(`p-${id.id}`);
    const type = "random:index/randomPassword:RandomPassword";
    const inputs = { length: 12, special: false, minNumeric: 3 };
    const { outputs } = await create(provider, call(type), inputs);
    expect(outputs.result).toMatch(/^[A-Za-z0-9]{12}$/);
    expect(String(outputs.result).replace(/\D/g, "").length).toBeGreaterThanOrEqual(3);
    expect(
      (await provider.diff?.(call(type), "none", inputs, outputs, { ...inputs, length: 13 }, []))?.replaces,
    ).toEqual(["length"]);
    await expect(create(provider, call("random:index/randomPet:RandomPet"), {})).rejects.toThrow("is not supported");
  });
});
