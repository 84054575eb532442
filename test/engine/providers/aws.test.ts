/** The pretended AWS account, as programs meet it: the real classes of @pulumi/aws, through the engine. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { providers } from "../../../engine/rehearsal";
import { orphans } from "../support/aws-crash";
import { type Change, program } from "../support/aws-program";
import { type Lab, lab, opsOf } from "../support/fake";

let l: Lab;
beforeEach(() => {
  l = lab();
});
afterEach(() => l.remove());

const stack = (change?: Change) => l.stack(() => program(change), { providers, parallel: 4 });

describe("a program of 37 resources", () => {
  it("is made, is unchanged, is changed, is replaced and is destroyed to nothing", async () => {
    const preview = await stack().preview();
    expect(preview.diagnostics).toEqual([]);
    expect(preview.changes).toEqual({ create: 38 });
    const up = await stack().up();
    expect(up.diagnostics).toEqual([]);
    expect(up.changes).toEqual({ create: 38 });
    expect(up.outputs.dnsName).toMatch(/^api-[0-9a-f]{7}-[0-9a-f]{16}\.elb\.eu-central-1\.amazonaws\.com$/);
    expect((await stack().preview()).changes).toEqual({ same: 38 });

    expect(opsOf(await stack({ hopLimit: 2 }).up()).sort()).toEqual(["update a", "update b"]);

    // A new image takes both instances at once: nothing in Pulumi does it in turns.
    const image = await stack({ hopLimit: 2, ami: "ami-0aaaaaaaaaaaaaaaa" }).up();
    expect(image.diagnostics).toEqual([]);
    expect(image.changes).toEqual({ same: 34, replace: 4 });
    const order = opsOf(image).filter((op) => !op.startsWith("replace"));
    expect(order.slice(0, 4).every((op) => op.startsWith("delete-replaced"))).toBe(true);
    expect(order.slice(4).every((op) => op.startsWith("create-replacement"))).toBe(true);

    expect((await stack({ hopLimit: 2, ami: "ami-0aaaaaaaaaaaaaaaa", hosts: ["a"] }).up()).changes).toEqual({
      same: 33,
      delete: 5,
    });
    expect((await stack().destroy()).diagnostics).toEqual([]);
    expect(orphans(l.folder)).toEqual([]);
  });

  it("meets what it left when its state is lost: the account is still there", async () => {
    await stack().up();
    const { rmSync } = await import("node:fs");
    rmSync(l.stateFile);
    const up = await stack().up();
    expect(up.result).toBe("failed");
    expect(up.diagnostics.map(({ message }) => message).join("\n")).toMatch(
      /BucketAlreadyOwnedByYou|AlreadyExistsException|EntityAlreadyExists/,
    );
  });
});
