/** What a database holds, read by etcd-backup's own reader; and how two contents are compared. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { database } from "./backup-database";
import { entries, python } from "./backup-host";

const dir = mkdtempSync(join(tmpdir(), "kilonode-content-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const told = "(lambda found: [found[0], found[1].total(), found[1].resources()])(read_database(given))";
function read(content: Buffer): unknown {
  const path = join(dir, "db");
  writeFileSync(path, content);
  return python("database", told, path);
}
/** Of keys as a member serves them. */
const contentOf = (keys: readonly (readonly [key: string, value: string, revision: number, version: number])[]) =>
  python(
    "content",
    "(lambda all: [[all.add(k.encode(), v.encode(), r, n) for k, v, r, n in given], all.resources()][1])(Content())",
    keys,
  );

describe("a database", () => {
  it("holds each key once, as it was last, and none that was deleted", () => {
    const pods = contentOf([
      ["/registry/pods/a/y", "1", 5, 1],
      ["/registry/pods/a/x", "2", 4, 2],
    ]);
    expect(pods).toEqual({ "/registry/pods": { keys: 2, hash: expect.stringMatching(/^[0-9a-f]{64}$/) } });
    expect(read(database(entries))).toEqual([6, 2, pods]);
    expect(read(database(entries, 1))).toEqual([6, 2, pods]);
  });

  it("is read also after a restore, which has moved its revisions on by an entry of nothing", () => {
    const [, keys, resources] = read(database(entries)) as unknown[];
    expect(read(database([...entries, { revision: 1_000_000_006 }]))).toEqual([1_000_000_006, keys, resources]);
  });

  it("is refused when it is cut short, or its pages are none", () => {
    const whole = database(entries);
    const broken = { refused: expect.stringMatching(/^the database cannot be read: .*take another one$/) };
    expect(read(whole.subarray(0, 3 * 4096))).toEqual(broken);
    expect(read(Buffer.concat([whole.subarray(0, 3 * 4096), Buffer.alloc(4 * 4096)]))).toEqual(broken);
    expect(read(Buffer.concat([Buffer.alloc(2 * 4096, 7), whole.subarray(2 * 4096)]))).toEqual(broken);
  });

  it("goes by its older meta page where the newer one was not written whole", () => {
    const torn = database(entries);
    torn.fill(0xff, 4096 + 16 + 50, 4096 + 16 + 64);
    expect(read(torn)).toEqual(read(database(entries)));
  });
});

describe("a resource", () => {
  it("is the first part of a key below /registry, with the next one where that is a group", () => {
    const names = {
      "/registry/pods/default/web": "/registry/pods",
      "/registry/services/specs/default/kubernetes": "/registry/services",
      "/registry/apiregistration.k8s.io/apiservices/v1.apps": "/registry/apiregistration.k8s.io/apiservices",
      "/registry/example.com/widgets/default/a": "/registry/example.com/widgets",
      compact_rev_key: "other",
      "/kilonode/backup/main/694d": "other",
      "/registry/pods\n/x": "other",
      "/registry/": "other",
    };
    expect(python("content", "[resource_of(key.encode()) for key in given]", Object.keys(names))).toEqual(
      Object.values(names),
    );
  });
});

describe("differences", () => {
  const compare = (wanted: object, found: object) =>
    python("content", 'differences(given[0], given[1], "the copy")', [wanted, found]);
  const held = (keys: number, hash = "a") => ({ keys, hash });

  it("are keys that are missing, that are too many, and that are others", () => {
    const wanted = { a: held(1), b: held(2), c: held(3), d: held(4) };
    const found = { a: held(1), b: held(1), c: held(3, "b"), e: held(5) };
    expect(compare(wanted, found)).toEqual([
      "b: the manifest has 2 keys, the copy 1",
      "c: 3 keys, and they are others in the copy",
      "d: the manifest has 4 keys, the copy 0",
      "e: the manifest has 0 keys, the copy 5",
    ]);
    expect(compare(wanted, wanted)).toEqual([]);
  });

  it("are told of twenty resources at most", () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`r${index}`, held(1)]));
    expect((compare(many, {}) as string[]).slice(-1)).toEqual(["and 10 more resources"]);
  });
});
