/** The checker of histories, by histories made by hand: what one copy of the data could have answered, and what not. */
import { beforeAll, describe, expect, it } from "vitest";
import { lostWrites, type Operation, stretch } from "../../bench/lib/history";
import { ensureChecker, judge } from "../../bench/lib/linearizability";

const ok = { worker: 0, key: "a", result: "ok" } as const;
/** From second `call` to second `answer`. */
const at = (call: number, answer: number) => ({ call: call * 1e6, return: answer * 1e6 });
const created: Operation = { ...ok, kind: "create", value: "one", version: 10, ...at(1, 2) };
const updated: Operation = { ...ok, kind: "update", ifVersion: 10, value: "two", version: 20, ...at(3, 4) };
const sees = (value: string, version: number, call: number, answer: number): Operation => ({
  ...ok,
  worker: 1,
  kind: "get",
  value,
  version,
  ...at(call, answer),
});

describe("a history", () => {
  beforeAll(() => ensureChecker(), 600_000);

  it("of one object, with concurrent reads of before and after, is linearizable", async () => {
    const absent: Operation = { ...ok, worker: 1, kind: "get", ...at(0, 1.5) };
    const refused: Operation = { ...updated, worker: 2, value: "three", version: 0, result: "refused", ...at(3, 5) };
    const deleted: Operation = { ...ok, kind: "delete", ifVersion: 20, ...at(6, 7) };
    const gone: Operation = { ...ok, worker: 1, kind: "get", ...at(8, 9) };
    const again: Operation = { ...created, value: "four", version: 30, ...at(10, 11) };
    const history = [
      absent,
      created,
      sees("one", 10, 3, 3.5),
      updated,
      sees("two", 20, 3.2, 5),
      refused,
      deleted,
      gone,
    ];
    expect(await judge([...history, again])).toEqual({
      verdict: "linearizable",
      text: "linearizable: 9 operations on 1 keys, 0 of unknown outcome",
    });
  });

  it("with a stale read is not, and the read is shown", async () => {
    const { verdict, text } = await judge([created, updated, sees("two", 20, 4, 5), sees("one", 10, 6, 7)]);
    expect(verdict).toBe("not linearizable");
    expect(text.split("\n")).toEqual([
      "not linearizable: key a: no order explains the operation marked with >",
      "      1.000 to     2.000 s  worker 0: create one ok version 10",
      "      3.000 to     4.000 s  worker 0: update if version 10 two ok version 20",
      "      4.000 to     5.000 s  worker 1: get two ok version 20",
      ">     6.000 to     7.000 s  worker 1: get one ok version 10",
    ]);
  });

  it("with a lost write is not", async () => {
    const absent: Operation = { ...ok, worker: 1, kind: "get", ...at(6, 7) };
    expect((await judge([created, absent])).verdict).toBe("not linearizable");
  });

  it("with a write of unknown outcome that took effect late is linearizable", async () => {
    const unknown: Operation = { ...updated, version: 0, result: "unknown", ...at(3, 4) };
    const history = [created, unknown, sees("one", 10, 5, 6), sees("two", 20, 9, 10)];
    expect(await judge(history)).toEqual({
      verdict: "linearizable",
      text: "linearizable: 4 operations on 1 keys, 1 of unknown outcome",
    });
    expect((await judge([...history, sees("one", 10, 11, 12)])).verdict).toBe("not linearizable");
  });

  it("with a write of unknown outcome that never took effect is linearizable", async () => {
    const unknown: Operation = { ...ok, worker: 2, kind: "put", value: "late", result: "unknown", ...at(3, 4) };
    expect((await judge([created, unknown, updated, sees("two", 20, 5, 6)])).verdict).toBe("linearizable");
  });

  it("where only a write that nobody has seen explains a refusal is linearizable", async () => {
    const unseen: Operation = { ...ok, worker: 2, kind: "put", value: "late", result: "unknown", ...at(2, 3) };
    const refused: Operation = { ...updated, version: 0, result: "refused" };
    expect((await judge([created, unseen, refused])).verdict).toBe("linearizable");
    expect((await judge([created, refused])).verdict).toBe("not linearizable");
  });

  it("where two writes succeed under one precondition is not", async () => {
    const second: Operation = { ...updated, worker: 2, value: "three", version: 21 };
    const { verdict, text } = await judge([created, updated, second]);
    expect(verdict).toBe("not linearizable");
    expect(text).toContain("update if version 10");
  });

  it("where a value is there twice is not", async () => {
    const { text } = await judge([created, sees("one", 10, 3, 4), sees("one", 12, 5, 6)]);
    expect(text).toBe(
      "not linearizable: key a: one was written once and is there twice, as version 10 and as version 12",
    );
  });

  it("with a list of before an acknowledged write, of any key, is not", async () => {
    const list = (revision: number): Operation => ({
      worker: 1,
      kind: "list",
      prefix: "b",
      items: {},
      revision,
      result: "ok",
      ...at(5, 6),
    });
    expect((await judge([created, list(10)])).verdict).toBe("linearizable");
    const { text } = await judge([created, list(9)]);
    expect(text).toContain("a list of revision 9, older than what was known before it began");
  });

  it("that is too long to search is unknown", async () => {
    const puts = Array.from({ length: 40 }, (_, index): Operation => {
      return { ...ok, worker: index, kind: "put", value: `v${index}`, result: "unknown", ...at(2, 3) };
    });
    const refused: Operation = { ...ok, kind: "create", value: "last", result: "refused", ...at(4, 5) };
    const gets = Array.from({ length: 40 }, (_, index) => sees("one", 10, 4, 5 + index));
    const absent: Operation = { ...ok, worker: 1, kind: "get", ...at(50, 51) };
    expect((await judge([created, ...puts, refused, ...gets, absent], 2)).verdict).toBe("unknown");
  });

  it("that is none is refused, with its line", async () => {
    await expect(judge([created, { ...created, value: "" }])).rejects.toThrow("line 2: a create without a value");
  });
});

describe("what went wrong in a history", () => {
  const write = (call: number, answer: number, result: Operation["result"]): Operation => ({
    ...created,
    key: "o1",
    result,
    ...at(call, answer),
  });

  it("is told by what failed, until when, and the longest pause of writes", () => {
    const error = 'HTTP 500: {"kind":"Status","message":"etcdserver: leader changed","reason":"Inte';
    const failed = { ...write(2, 3, "failed"), error: "refused" };
    const history = [write(0, 1, "ok"), failed, { ...write(3, 13, "unknown"), error }, write(14, 15, "ok")];
    expect(stretch(history, 1e6, 20e6)).toEqual({
      operations: 3,
      failed: 1,
      unknown: 1,
      errors: { refused: 1, "HTTP 500: etcdserver: leader changed": 1 },
      quietAfterSeconds: 12,
      longestPauseSeconds: 14,
    });
    expect(stretch(history, 1e6, 14e6).quietAfterSeconds).toBe(undefined);
  });

  it("is a lost write where an object that was made once is not in the last list", () => {
    const list: Operation = { worker: 1, kind: "list", prefix: "", items: {}, revision: 9, result: "ok", ...at(5, 6) };
    expect(lostWrites([write(0, 1, "ok"), write(2, 3, "unknown"), list])).toEqual(["o1"]);
    expect(lostWrites([write(0, 1, "ok")])).toBe(undefined);
  });
});
