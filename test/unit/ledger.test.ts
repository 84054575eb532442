import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ledger, ledgerCounts, renderLedger } from "../../docs/ledger";

const root = join(__dirname, "..", "..");

describe("the ledger", () => {
  test("has every recommendation once: 54 rows, numbered without a gap in each area", () => {
    expect(ledger).toHaveLength(54);
    const expected = { H: 4, K: 4, E: 12, A: 12, C: 5, S: 5, N: 5, P: 2, I: 3, D: 2 };
    for (const [letter, count] of Object.entries(expected)) {
      const ids = ledger.map(({ id }) => id).filter((id) => id.startsWith(letter));
      expect(ids).toEqual(Array.from({ length: count }, (_, index) => `${letter}${index + 1}`));
    }
  });

  test.each(ledger.filter(({ status }) => status !== "not ours"))(
    "$id is $status: its code and its tests exist",
    ({ status, implementedIn, evidence }) => {
      if (status !== "later") {
        expect(implementedIn.length).toBeGreaterThan(0);
        expect(evidence.length).toBeGreaterThan(0);
      }
      for (const path of implementedIn) expect(existsSync(join(root, path)), path).toBe(true);
      for (const { file, test: name } of evidence) {
        expect(existsSync(join(root, file)), file).toBe(true);
        // The name as the file writes it, in either kind of quotes.
        const text = readFileSync(join(root, file), "utf8").replaceAll("\\", "");
        expect(
          text.includes(`"${name}"`) || text.includes(`'${name}'`) || text.includes(`\`${name}\``),
          `${file}: ${name}`,
        ).toBe(true);
      }
    },
  );

  test("what was replaced or is not ours says why, what comes later how much is there", () => {
    for (const entry of ledger) {
      if (entry.status !== "done") expect(entry.reason?.length, entry.id).toBeGreaterThan(20);
    }
  });

  test("docs/ledger.md is current (refresh: npm run golden)", async () => {
    await expect(renderLedger()).toMatchFileSnapshot("../../docs/ledger.md");
  });

  test("counts add up", () => {
    expect(Object.values(ledgerCounts()).reduce((sum, count) => sum + count, 0)).toBe(ledger.length);
  });
});
