import { describe, expect, it } from "vitest";
import { UNKNOWN } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { call, create } from "./support";

const provider = providers("random");
const type = "random:index/randomBytes:RandomBytes";

describe("RandomBytes", () => {
  it("are known by their base64 form, as in the real provider", async () => {
    const made = await create(provider, call(type), { length: 32 });
    const bytes = Buffer.from(made.outputs.base64 as string, "base64");
    expect(bytes).toHaveLength(32);
    expect(made).toMatchObject({ id: made.outputs.base64, outputs: { length: 32, hex: bytes.toString("hex") } });
    expect(provider.secretOutputs?.(type)).toEqual(["base64", "hex"]);
  });

  it("are unknown in a preview, and drawn again when the length changes", async () => {
    const planned = await create(provider, call(type, "it", { preview: true }), { length: 32 });
    expect(planned.outputs).toEqual({ length: 32, base64: UNKNOWN, hex: UNKNOWN });
    expect(await provider.diff?.(call(type), "id", { length: 32 }, {}, { length: 33 }, [])).toEqual({
      changes: true,
      replaces: ["length"],
      detailedDiff: { length: "update-replace" },
    });
  });

  it("are all that there is", async () => {
    await expect(create(provider, call(type), { length: 0 })).rejects.toThrow("length must be a whole number above 0");
    await expect(create(provider, call(type), { length: 1, keepers: { a: "1" } })).rejects.toThrow(
      "property keepers is not supported in a rehearsal; supported: length",
    );
    await expect(create(provider, call("random:index/randomId:RandomId"), { byteLength: 4 })).rejects.toThrow(
      `Resource type random:index/randomId:RandomId is not supported in a rehearsal; supported: ${type}`,
    );
  });
});
