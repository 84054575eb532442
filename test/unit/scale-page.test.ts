/** The page of `kilonode scale --html` in a real headless browser. Skipped, visibly, where no Chromium is installed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runScale } from "../../cli/scale";
import { chromium, openPage, type Page } from "./scale-browser";

/** Run in the page: labels that leave their chart or lie on one another. */
const misplaced = `[...document.querySelectorAll("figure svg")].flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")].map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }));
  const outside = texts.filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
  const touching = texts.flatMap((a, index) => texts.slice(index + 1).filter((b) =>
    a.box.left < b.box.right - 1 && b.box.left < a.box.right - 1 && a.box.top < b.box.bottom - 4 && b.box.top < a.box.bottom - 4).map((b) => a.text + " on " + b.text));
  return [...outside.map(({ text }) => text + " outside"), ...touching];
})`;

/** Run in the page: texts whose contrast with the ground under them is below the 4.5 of WCAG AA. */
const faint = `(() => {
  const channel = (value) => { const c = value / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
  const luminance = (color) => { const [r, g, b] = color.match(/[0-9.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const ground = (element) => { for (let e = element; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c !== "rgba(0, 0, 0, 0)" && c !== "transparent") return c; } return "rgb(255, 255, 255)"; };
  return [...document.querySelectorAll("h1, h2, p, li, td, th, small, .value, .source, svg text, a")].flatMap((element) => {
    const style = getComputedStyle(element);
    const [a, b] = [luminance(element.closest("svg") ? style.fill : style.color), luminance(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    return ratio < 4.5 ? [element.textContent.slice(0, 40) + ": " + ratio.toFixed(2)] : [];
  });
})()`;

describe.skipIf(!chromium)("in Chromium", () => {
  const work = mkdtempSync(join(tmpdir(), "kilonode-page-"));
  const file = join(work, "scale.html");
  let page: Page;

  beforeAll(async () => {
    await runScale(["--nodes", "100..15000", "--html", file, "--at", "1300:100000"], {
      out: () => undefined,
      error: (text) => expect(text).toBe(""),
    });
    page = await openPage(`file://${file}`);
  }, 60_000);
  afterAll(async () => {
    await page?.close();
    rmSync(work, { recursive: true });
  });

  test("asks for nothing but itself, and the browser has no complaint", () => {
    expect(page.requests).toEqual([`file://${file}`]);
    expect(page.complaints).toEqual([]);
  });

  test("eight charts, each with its lines, the marked size and a description for readers who see none", async () => {
    expect(await page.evaluate<number>(`document.querySelectorAll("figure svg[role=img][aria-label]").length`)).toBe(8);
    expect(
      await page.evaluate<number>(
        `[...document.querySelectorAll("figure")].filter((f) => f.querySelectorAll("path.line").length >= 2 && f.querySelector(".here") && f.querySelectorAll("circle.dot").length >= 2).length`,
      ),
    ).toBe(8);
    expect(await page.evaluate<string>(`document.querySelector("#inflight .here-values").innerText`)).toMatch(
      /at 1,300 nodes\s+reads 1,500\s+writes 500/,
    );
    expect(await page.evaluate<number>(`document.querySelectorAll("script").length`)).toBe(0);
  });

  test("the limits are lines, and what is beyond published data is shaded", async () => {
    expect(await page.evaluate<number>(`document.querySelectorAll("figure .limit line").length`)).toBe(2);
    expect(await page.evaluate<number>(`document.querySelectorAll("figure rect.beyond").length`)).toBe(8);
  });

  test("the table has the marked size as it is, with its own pods", async () => {
    expect(
      await page.evaluate<string>(`document.querySelector("tr.marked").innerText.replace(/\\s+/g, " ")`),
    ).toContain("1,300 100,000 11 c7i.8xlarge 17 m5d.4xlarge main 7, events 5, leases 5 22,685");
  });

  test.each([
    ["light", 1340],
    ["dark", 1340],
    ["light", 420],
    ["dark", 420],
  ] as const)(
    "%s at %i px: no label lost or on another, contrast enough, no sideways scrolling",
    async (scheme, widthPx) => {
      await page.emulate(scheme, widthPx);
      expect(await page.evaluate<string>(`getComputedStyle(document.body).backgroundColor`)).toBe(
        scheme === "light" ? "rgb(245, 246, 248)" : "rgb(17, 21, 27)",
      );
      expect(await page.evaluate<string[]>(misplaced)).toEqual([]);
      expect(await page.evaluate<string[]>(faint)).toEqual([]);
      expect(await page.evaluate<boolean>(`document.documentElement.scrollWidth <= innerWidth`)).toBe(true);
    },
  );
});
