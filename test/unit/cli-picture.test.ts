/** The picture of a cluster: everything is in it, and nothing lies on anything else. */
import { describe, expect, test } from "vitest";
import { pictureSvg } from "../../cli/show/picture";
import { type Box, fonts, type Label, type Picture, pictureOf, textWidth } from "../../cli/show/picture-layout";
import type { RawConfiguration } from "../../config/read";
import { planOf } from "../support/plans";

const shapes: readonly (readonly [string, string, RawConfiguration, boolean])[] = [
  ["11 + 17", "prod-a", {}, true],
  ["3 + 3 + 1", "test", {}, true],
  ["a lab with a load balancer and simulated nodes", "lab-small", {}, false],
  ["one zone", "lab-small", { zones: ["a"] }, false],
  ["five zones", "lab", { zones: ["a", "b", "c", "d", "e"] }, false],
  [
    "long names, many pools",
    "prod-a",
    {
      etcd: {
        shards: {
          main: { members: 7 },
          customresources: {
            members: 5,
            slot: 3,
            resources: ["some-long-group.example.com/somethings", "b.example.com/others"],
          },
        },
      },
      pools: Object.fromEntries(["a", "b", "with-a-name", "d"].map((name) => [name, { count: 1000 }])),
    },
    true,
  ],
];

function boxOf({ anchor, font, text, x, y }: Label): Box {
  const [width, height] = [textWidth(text, font), fonts[font].size];
  const left = anchor === "start" ? x : anchor === "middle" ? x - width / 2 : x - width;
  // Three quarters of a line are above its base.
  return { x: left, y: y - 0.75 * height, width, height, tone: "card" };
}

const apart = (a: Box, b: Box) =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
const within = (inner: Box, outer: Box) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;
const pairs = <T>(all: readonly T[]) =>
  all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other] as const));

describe.each(shapes)("%s", (_, stack, change, hasInstances) => {
  const plan = planOf(stack, change);
  const picture: Picture = pictureOf(plan, hasInstances);
  const texts = picture.labels.map(boxOf);

  test("texts lie on no other text, and in the picture", () => {
    const page: Box = { x: 0, y: 0, width: picture.width, height: picture.height, tone: "frame" };
    expect(texts.filter((text) => !within(text, page))).toEqual([]);
    const clashes = pairs(picture.labels).filter(([a, b]) => !apart(boxOf(a), boxOf(b)));
    expect(clashes.map(([a, b]) => [a.text, b.text])).toEqual([]);
  });

  test("boxes are apart or one in the other, and a text is wholly in the boxes that it touches", () => {
    const crossed = pairs(picture.boxes).filter(([a, b]) => !apart(a, b) && !within(a, b) && !within(b, a));
    expect(crossed).toEqual([]);
    const cut = texts.flatMap((text, index) =>
      picture.boxes.some((box) => !apart(text, box) && !within(text, box)) ? [picture.labels[index]?.text] : [],
    );
    expect(cut).toEqual([]);
  });

  test("every host is in it with its address, every volume with its size", () => {
    const said = picture.labels.map(({ text }) => text);
    for (const { address, machine, role } of plan.hosts.filter(({ role: one }) => one === "master" || one === "etcd")) {
      expect(said, role).toContain(address);
      for (const { name, sizeGiB } of machine.volumes) expect(said).toContain(`${name} ${sizeGiB} GiB`);
    }
    expect(picture.boxes.filter(({ tone }) => tone === "card")).toHaveLength(
      plan.hosts.filter(({ role }) => role === "master" || role === "etcd").length,
    );
    expect(said.filter((text) => text.startsWith("pool "))).toHaveLength(plan.pools.length);
  });
});

describe("as SVG", () => {
  test.each(["prod-a", "test"])("%s", async (stack) => {
    await expect(pictureSvg(pictureOf(planOf(stack), true))).toMatchFileSnapshot(`golden/picture/${stack}.svg`);
  });

  test("it has its colours for both, or for one alone", () => {
    const picture = pictureOf(planOf("test"), true);
    const [both, light, dark] = [undefined, "light", "dark"].map((theme) => pictureSvg(picture, theme as "light"));
    expect(both).toContain("@media (prefers-color-scheme: dark)");
    for (const one of [light, dark]) expect(one).not.toContain("@media");
    expect([light!.includes("--page:#ffffff"), dark!.includes("--page:#0d1117")]).toEqual([true, true]);
  });

  test("it holds nothing that a page would not let an image do, whatever things are called", () => {
    const plan = planOf("test");
    const [pool] = plan.pools;
    const evil = '</text><script>alert("&")</script>';
    const svg = pictureSvg(pictureOf({ ...plan, stack: evil, pools: [{ ...pool!, name: evil }] }, true));
    expect(svg).not.toMatch(/<script|href|<image|<foreignObject|url\(|@import/);
    expect(svg).toContain("&lt;/text&gt;&lt;script&gt;");
    expect(svg.match(/<(?!\/)(?!svg|title|style|rect|path|text)/g)).toBeNull();
  });
});
