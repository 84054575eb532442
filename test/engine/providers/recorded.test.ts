/** The calls that the real command plugin got, and its answers, from the recordings of `local-command`. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Values } from "../../../engine";
import { providers } from "../../../engine/rehearsal";
import { call } from "./support";

interface Recorded {
  readonly call: string;
  readonly request: Values & { id: string; type: string; name: string; olds: Values; news: Values; oldInputs: Values };
  readonly response: Values;
}

const recordings = join(__dirname, "../conformance/local-command/recorded");
const files = readdirSync(recordings).filter((name) => name.endsWith(".grpc.jsonl"));
const provider = providers("command");
let dir: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "recorded-"));
  process.env.EFFECTS = join(dir, "effects");
});
afterAll(() => {
  delete process.env.EFFECTS;
  rmSync(dir, { recursive: true });
});

async function answer({ call: verb, request }: Recorded): Promise<Values | undefined> {
  const at = call(request.type, request.name);
  const { id, olds, news, oldInputs } = request;
  switch (verb.replace("ResourceProvider/", "")) {
    case "Check":
      return { inputs: (await provider.check?.(at, olds, news, randomBytes(32)))?.inputs ?? {} };
    case "Diff": {
      const found = await provider.diff?.(at, id, oldInputs, olds, news, []);
      const kinds = Object.entries(found?.detailedDiff ?? {}).map(([path, kind]) => [
        path,
        { kind: kind.toUpperCase() },
      ]);
      return {
        changes: found?.changes ? "DIFF_SOME" : "DIFF_NONE",
        ...(kinds.length > 0 ? { detailedDiff: Object.fromEntries(kinds) } : {}),
      };
    }
    case "Create":
      return { properties: (await provider.create(at, request.properties as Values)).outputs };
    case "Update":
      return { properties: (await provider.update?.(at, id, oldInputs, olds, news))?.outputs ?? {} };
    case "Delete":
      await provider.delete?.(at, id, oldInputs, request.properties as Values);
      return {};
    default:
      return undefined;
  }
}

describe("answers as the real command plugin did", () => {
  it.each(files)("%s", async (file) => {
    const lines = readFileSync(join(recordings, file), "utf8").trim().split("\n");
    let compared = 0;
    for (const recorded of lines.map((line) => JSON.parse(line) as Recorded)) {
      if (!/^command:/.test(recorded.request.type ?? "")) continue;
      const answered = await answer(recorded);
      if (answered === undefined) continue;
      expect(recorded.response, recorded.call).toMatchObject(answered);
      compared++;
    }
    expect(compared).toBeGreaterThanOrEqual(4);
  });
});
