/** The catalogue of instances, and the choice by price. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseInstance, type InstanceNeed, instanceNamed, instances, shortfalls } from "../../config/instances";

const none: InstanceNeed = { vcpus: 0, memoryGiB: 0, networkGbit: 0, nvmeDisks: 0, diskGiB: 0 };

const need = fc.record({
  vcpus: fc.integer({ min: 1, max: 100 }),
  memoryGiB: fc.integer({ min: 1, max: 600 }),
  networkGbit: fc.double({ min: 0, max: 30, noNaN: true }),
  nvmeDisks: fc.integer({ min: 0, max: 4 }),
  diskGiB: fc.integer({ min: 1, max: 3000 }),
});

describe("the cheapest that has what is needed", () => {
  test("has it, and nothing cheaper does", () => {
    fc.assert(
      fc.property(need, fc.subarray([...instances]), (asked, among) => {
        const fits = among.filter((instance) => shortfalls(instance, asked).length === 0);
        const chosen = chooseInstance(asked, among);
        expect(chosen === undefined).toBe(fits.length === 0);
        if (!chosen) return;
        expect(fits).toContain(chosen);
        expect(chosen.usdPerHour).toBe(Math.min(...fits.map(({ usdPerHour }) => usdPerHour)));
      }),
    );
  });

  test("whoever needs more never pays less", () => {
    fc.assert(
      fc.property(need, need, (a, b) => {
        const larger = Object.fromEntries(
          Object.entries(a).map(([figure, value]) => [figure, Math.max(value, b[figure as keyof InstanceNeed])]),
        ) as unknown as InstanceNeed;
        const [small, large] = [chooseInstance(a), chooseInstance(larger)];
        if (!large) return;
        expect(shortfalls(large, a)).toEqual([]);
        expect(large.usdPerHour).toBeGreaterThanOrEqual(small?.usdPerHour ?? Number.POSITIVE_INFINITY);
      }),
    );
  });

  test("is the same in whatever order the catalogue is", () => {
    fc.assert(
      fc.property(need, fc.shuffledSubarray([...instances], { minLength: instances.length }), (asked, shuffled) => {
        expect(chooseInstance(asked, shuffled)).toEqual(chooseInstance(asked));
      }),
    );
  });

  test("at equal price the one with more vCPU", () => {
    const both = ["i3en.2xlarge", "m5d.4xlarge"].flatMap((name) => instanceNamed(name) ?? []);
    expect(both.map(({ usdPerHour, vcpus }) => [usdPerHour, vcpus])).toEqual([
      [0.904, 8],
      [0.904, 16],
    ]);
    expect(chooseInstance({ ...none, vcpus: 4, nvmeDisks: 2, diskGiB: 10 })?.name).toBe("m5d.4xlarge");
    expect(chooseInstance({ ...none, vcpus: 4, nvmeDisks: 2, diskGiB: 300 })?.name).toBe("i3en.2xlarge");
  });

  test("of those that may be taken", () => {
    const i7ie = instances.filter(({ name }) => name.startsWith("i7ie."));
    expect(chooseInstance({ ...none, vcpus: 4, nvmeDisks: 2 }, i7ie)?.name).toBe("i7ie.2xlarge");
    expect(chooseInstance({ ...none, vcpus: 100 }, i7ie)).toBeUndefined();
  });
});

describe("the catalogue", () => {
  test("names each type once, with a price that grows with its size", () => {
    expect(new Set(instances.map(({ name }) => name)).size).toBe(instances.length);
    for (const [index, { name, vcpus, usdPerHour }] of instances.entries()) {
      const before = instances[index - 1];
      if (before?.name.split(".")[0] !== name.split(".")[0]) continue;
      expect(vcpus, name).toBeGreaterThan(before?.vcpus ?? 0);
      expect(usdPerHour, name).toBeGreaterThan(before?.usdPerHour ?? 0);
    }
  });

  test("tells everything that an instance lacks", () => {
    const instance = instanceNamed("m5d.4xlarge");
    if (!instance) throw new Error("m5d.4xlarge is gone");
    expect(shortfalls(instance, { vcpus: 32, memoryGiB: 99.5, networkGbit: 8, nvmeDisks: 4, diskGiB: 10 })).toEqual([
      "16 vCPU, needs 32",
      "64 GiB, needs 100",
      "5 Gbit/s, needs 8.0",
      "2 local NVMe disks, needs 4",
    ]);
    expect(shortfalls(instance, { ...none, nvmeDisks: 2, diskGiB: 300 })).toEqual([
      "local NVMe disks of 279 GiB, needs 300",
    ]);
    expect(shortfalls(instance, { ...none, diskGiB: 300 })).toEqual([]);
  });
});
