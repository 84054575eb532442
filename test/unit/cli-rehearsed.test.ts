import { expect, test } from "vitest";
import { refuseUnrehearsed } from "../../cli/run/open-stack";
import { checkedStack } from "../../cli/stack/configuration";

test("an up on the rehearsal engine is refused where it makes no hosts, before anything is touched", () => {
  expect(() => refuseUnrehearsed(checkedStack("prod-a"), "rehearsal")).toThrow(
    "the rehearsal engine makes no hosts on aws: `kilonode preview`, `plan` and `scale` work without the Pulumi CLI, `up` needs it",
  );
  expect(() => refuseUnrehearsed(checkedStack("lab"), "rehearsal")).not.toThrow();
});
