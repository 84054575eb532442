/** Which snapshots are forgotten: by the store's clock alone, whatever hosts have written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chooseRetention, type RetentionRules, type StoredSnapshot } from "../../cli/etcd/retention/choose";
import { retainedText } from "../../cli/etcd/retention/retain";
import { signedHeaders } from "../../cli/etcd/retention/s3";

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
const now = Date.parse("2026-11-29T06:10:00Z");
const rules: RetentionRules = {
  keep: { hourly: 48, daily: 14, weekly: 8 },
  everyMinutes: 30,
  now,
  atMostPercent: 100,
  despiteMany: false,
};

let ids = 0;
/** @param ago when the store got it. @param more what the host says of it */
function stored(ago: number, more: Partial<StoredSnapshot> = {}): StoredSnapshot {
  const id = (++ids).toString(16).padStart(64, "0");
  return { id, ours: true, takenAt: now - ago - minute, storedAt: now - ago, versions: 1, ...more };
}
/** What the timer makes in so many days, the newest first. */
const timer = (days: number, everyMinutes = 30): StoredSnapshot[] =>
  Array.from({ length: (days * day) / (everyMinutes * minute) }, (_, index) =>
    stored(5 * minute + index * everyMinutes * minute),
  );
const idsOf = (some: readonly StoredSnapshot[]) => some.map(({ id }) => id);

describe("what is kept of a hundred days", () => {
  const all = timer(100);
  const { kept, forgotten, problems } = chooseRetention(all, rules);

  it("is all of the last day, an hour's last for 48 hours, a day's for 14 days, a week's for 8 weeks", () => {
    expect(problems).toEqual([]);
    expect(kept.size + forgotten.length).toBe(all.length);
    const reasons = [...kept.values()].reduce<Record<string, number>>(
      (sum, why) => ({ ...sum, [why]: (sum[why] ?? 0) + 1 }),
      {},
    );
    expect(reasons).toEqual({
      "the newest": 1,
      "of the last day": 47,
      "the last of an hour": 24,
      "the last of a day": 12,
      "the last of a week": 6,
    });
    const oldest = all.find(({ id }) => id === [...kept.keys()].at(-1));
    expect(now - (oldest?.storedAt ?? 0)).toBeGreaterThan(49 * day);
  });

  it("stays the same when it is asked once more of what is left", () => {
    const left = all.filter(({ id }) => kept.has(id));
    expect(chooseRetention(left, rules).forgotten).toEqual([]);
  });

  it("is never more than was said at once", () => {
    const [problem] = chooseRetention(all, { ...rules, atMostPercent: 50 }).problems;
    expect(problem).toMatch(/^4710 of 4800 would be forgotten, 99 %, allowed at once are 50 %: .* --at-most 99$/);
    // A night's worth of a repository that is tended goes through.
    const tended = all.filter(({ id, storedAt }) => kept.has(id) || now - (storedAt ?? 0) < 2 * day);
    const found = chooseRetention(tended, { ...rules, atMostPercent: 50 });
    expect([found.problems, found.forgotten.length]).toEqual([[], 24]);
  });
});

describe("a host that was taken over", () => {
  const good = timer(30);
  const honest = chooseRetention(good, rules);
  const goodKept = (found: ReturnType<typeof chooseRetention>) => idsOf(good).filter((id) => found.kept.has(id));

  it("pushes none out by snapshots of the future: they are suspects, neither counted nor forgotten", () => {
    const future = Array.from({ length: 500 }, (_, index) => stored(minute, { takenAt: now + hour + index * day }));
    const found = chooseRetention([...good, ...future], rules);
    expect(goodKept(found)).toEqual([...honest.kept.keys()]);
    expect(found.suspects.map(({ id }) => id)).toEqual(idsOf(future));
    expect(found.suspects[0]?.why).toBe("says that it was taken 61 min after the store got it");
    expect(found.forgotten).toEqual(honest.forgotten);
  });

  it("pushes none out by snapshots of the past, one for every hour", () => {
    const past = Array.from({ length: 500 }, (_, index) => stored(minute, { takenAt: now - 7 * hour - index * hour }));
    const found = chooseRetention([...good, ...past], rules);
    expect(goodKept(found)).toEqual([...honest.kept.keys()]);
    expect(found.suspects).toHaveLength(500);
  });

  it("is noticed when it writes many with the right time", () => {
    const many = Array.from({ length: 60 }, (_, index) => stored(2 * day + index * 10 * minute));
    const { problems } = chooseRetention([...good, ...many], rules);
    expect(problems.join()).toMatch(
      /^the store got \d+ snapshots on 2026-11-2\d, where the timer makes 48: somebody else may write them/,
    );
    expect(chooseRetention([...good, ...many], { ...rules, despiteMany: true }).problems).toEqual([]);
  });

  it("cannot make one younger, or useless, by writing it again: its first time counts, and it is a suspect", () => {
    const [one, ...rest] = good as [StoredSnapshot, ...StoredSnapshot[]];
    const found = chooseRetention([{ ...one, versions: 2 }, ...rest], rules);
    expect(found.suspects).toEqual([{ id: one.id, why: "written 2 times, which restic never does" }]);
    expect(found.kept.has(one.id)).toBe(false);
    expect(found.forgotten).not.toContain(one.id);
  });

  it("whatever it writes, what is kept without it is kept, while it writes less than is noticed", () => {
    const lie = fc.record({
      ago: fc.integer({ min: 0, max: 30 * day }),
      claims: fc.integer({ min: -400 * day, max: 400 * day }),
      ours: fc.boolean(),
      versions: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(lie, { maxLength: 200 }), (lies) => {
        const fakes = lies
          .map(({ ago, claims, ...more }) => stored(ago, { takenAt: now + claims, ...more }))
          .filter((one) => chooseRetention([one], { ...rules, despiteMany: true }).suspects.length > 0);
        const found = chooseRetention([...good, ...fakes], rules);
        expect(goodKept(found)).toEqual([...honest.kept.keys()]);
        for (const { id } of fakes) expect(found.forgotten).not.toContain(id);
      }),
      { numRuns: 50 },
    );
  });
});

describe("nothing is forgotten", () => {
  it("while the newest sound one is older than it should be, whatever suspects there are", () => {
    const old = timer(20).filter(({ storedAt }) => now - (storedAt ?? 0) > 3 * hour);
    const fresh = stored(minute, { takenAt: now + day });
    expect(chooseRetention([...old, fresh], rules).problems[0]).toMatch(
      /^the newest sound snapshot is 18\d min old, expected are at most 70 min: have backups work first/,
    );
  });

  it("where there is none, or only suspects", () => {
    for (const all of [[], [stored(minute, { ours: false })]])
      expect(chooseRetention(all, rules).problems).toEqual([
        "there is no sound snapshot: nothing is forgotten before there is one",
      ]);
  });

  it("when the clocks of the store and of this machine differ", () => {
    expect(chooseRetention([stored(-hour, { takenAt: now + hour })], rules).problems[0]).toMatch(/clock/);
  });

  it("of the last one, ever", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 * day }), { minLength: 1, maxLength: 40 }), (ages) => {
        const all = ages.map((ago) => stored(ago));
        const { kept, forgotten } = chooseRetention(all, { ...rules, keep: { hourly: 1, daily: 1, weekly: 1 } });
        expect(kept.size).toBeGreaterThan(0);
        expect(forgotten.length).toBeLessThan(all.length);
      }),
    );
  });
});

it("is said in words: what is done or refused, and the suspects", () => {
  const suspect = stored(minute, { ours: false });
  const found = chooseRetention([...timer(3), suspect], rules);
  expect(retainedText({ shard: "main", ...found, done: false })).toEqual([
    "etcd main: 71 to be forgotten; 73 kept (the newest, 47 of the last day, 24 the last of an hour, 1 the last of a day)",
    `  suspect, kept: ${suspect.id.slice(0, 8)}: no snapshot of etcd-backup`,
  ]);
  const refused = { ...found, problems: ["why"], done: false };
  expect(retainedText({ shard: "main", ...refused })[0]).toContain("nothing is forgotten");
  expect(retainedText({ shard: "main", ...found, done: false, error: "no answer" })).toEqual(["etcd main: no answer"]);
});

it("signs a list as Amazon's own example does", () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Bucket (List Objects)".
  const place = {
    region: "us-east-1",
    credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  };
  const url = new URL("https://examplebucket.s3.amazonaws.com/");
  const { authorization } = signedHeaders(place, url, "max-keys=2&prefix=J", new Date("2013-05-24T00:00:00Z"));
  expect(authorization).toContain("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
});
