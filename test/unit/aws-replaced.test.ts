/** A host on AWS that is made anew: which may be, and what the look then says of it. */
import { describe, expect, it } from "vitest";
import { asReplaced, losesDisks } from "../../components/platform/aws/replaced";

const member = { machine: { volumes: [{}, {}] } } as unknown as Parameters<typeof losesDisks>[1];
const master = { machine: { volumes: [] } } as unknown as Parameters<typeof losesDisks>[1];
const spec = (ephemeral: boolean, disks: unknown) =>
  ({ ephemeral, own: { disks } }) as unknown as Parameters<typeof losesDisks>[0];

describe("a host on AWS that is made anew", () => {
  it.each([
    ["a member with data on disks of its instance", false, "instance-store", member, /which go with it/],
    ["one of an ephemeral stack", true, "instance-store", member, undefined],
    ["one with volumes of EBS", false, { type: "gp3", iops: 3000 }, member, undefined],
    ["a master", false, "instance-store", master, undefined],
  ])("%s", (_what, ephemeral, disks, host, problem) => {
    const found = losesDisks(spec(ephemeral, disks), host);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });

  it("is seen as if it did not run, and the others as they are", () => {
    const seen = ["a-etcd-main-1", "a-etcd-main-2"].map((host) => ({
      id: "i-1",
      host,
      runs: true,
      address: "10.0.0.1",
    }));
    expect(asReplaced(seen, "a-etcd-main-2").map(({ runs }) => runs)).toEqual([true, false]);
    expect(asReplaced(seen, undefined)).toEqual(seen);
  });
});
