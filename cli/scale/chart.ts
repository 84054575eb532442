/** One chart as SVG text: nodes on a logarithmic axis, values on a logarithmic or linear one, names at the lines' ends. */
import type { Chart, Figures, Line, Reference } from "./figures";

const width = 640;
const height = 330;
const plot = { left: 56, right: 486, top: 16, bottom: 288 };
/** Above it, no published figure of a self-managed control plane. */
const publishedNodes = 5000;

export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign] ?? sign);

/** 1,300; 0.25; 12.5. */
export const shown = (value: number): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: value >= 100 ? 0 : value >= 1 ? 1 : 3 });

/** 500, 1k, 15k. */
const short = (value: number): string => (value >= 1000 ? `${shown(value / 1000)}k` : shown(value));

interface Axis {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  const steps = decades > 3 ? [1] : decades > 1.6 ? [1, 3] : [1, 2, 5];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const step of steps) {
      const tick = Number((step * 10 ** power).toPrecision(3));
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

function logAxis(low: number, high: number, from: number, to: number, ticks: readonly number[]): Axis {
  const span = Math.log10(high / low);
  return { at: (value) => from + ((to - from) * Math.log10(Math.max(value, low) / low)) / span, ticks };
}

function linearAxis(high: number, from: number, to: number): Axis {
  const step = [1, 2, 5, 10, 20, 50, 100].find((size) => high / size <= 6) ?? 200;
  const top = Math.ceil(high / step) * step;
  const ticks = Array.from({ length: top / step + 1 }, (_, index) => index * step);
  return { at: (value) => from + ((to - from) * value) / top, ticks };
}

function valueAxis(chart: Chart): Axis {
  const values = [
    ...chart.lines.flatMap(({ points, here }) => [
      ...points.map(([, value]) => value),
      ...(here === undefined ? [] : [here]),
    ]),
    ...chart.references.map(({ value }) => value),
  ].filter((value) => value > 0);
  const high = Math.max(...values);
  if (chart.scale === "linear") return linearAxis(high * 1.08, plot.bottom, plot.top);
  const low = Math.max(Math.min(...values), high / 1e5);
  const [bottom, top] = [low / 1.25, high * 1.25];
  return logAxis(bottom, top, plot.bottom, plot.top, logTicks(bottom, top));
}

/** Moves labels apart that would overlap, keeping their order. */
function spread(wanted: readonly number[], gap: number, bottom: number): number[] {
  const order = wanted.map((y, index) => ({ y, index })).sort((a, b) => a.y - b.y);
  let before = Number.NEGATIVE_INFINITY;
  for (const item of order) {
    item.y = Math.max(item.y, before + gap);
    before = item.y;
  }
  let after = bottom + gap;
  for (const item of [...order].reverse()) {
    item.y = Math.min(item.y, after - gap);
    after = item.y;
  }
  return wanted.map((_, index) => order.find((item) => item.index === index)?.y ?? 0);
}

const n = (value: number): string => value.toFixed(1).replace(/\.0$/, "");

function frame(chart: Chart, x: Axis, y: Axis, last: number): string[] {
  const beyond = x.at(publishedNodes);
  const out: string[] = [];
  if (last > publishedNodes) {
    out.push(
      `<rect class="beyond" x="${n(beyond)}" y="${plot.top}" width="${n(plot.right - beyond)}" height="${plot.bottom - plot.top}"/>`,
    );
    out.push(
      `<text class="beyond-name" x="${n(plot.right - 5)}" y="${plot.bottom - 7}" text-anchor="end">extrapolated</text>`,
    );
  }
  for (const tick of y.ticks) {
    out.push(`<line class="grid" x1="${plot.left}" x2="${plot.right}" y1="${n(y.at(tick))}" y2="${n(y.at(tick))}"/>`);
    out.push(
      `<text class="tick" x="${plot.left - 8}" y="${n(y.at(tick) + 4)}" text-anchor="end">${short(tick)}</text>`,
    );
  }
  for (const tick of x.ticks) {
    out.push(
      `<line class="grid" x1="${n(x.at(tick))}" x2="${n(x.at(tick))}" y1="${plot.bottom}" y2="${plot.bottom + 5}"/>`,
    );
    out.push(
      `<text class="tick" x="${n(x.at(tick))}" y="${plot.bottom + 20}" text-anchor="middle">${short(tick)}</text>`,
    );
  }
  out.push(`<text class="tick" x="${plot.right}" y="${plot.bottom + 36}" text-anchor="end">nodes</text>`);
  out.push(`<line class="axis" x1="${plot.left}" x2="${plot.right}" y1="${plot.bottom}" y2="${plot.bottom}"/>`);
  return [`<g role="presentation" aria-label="${escaped(chart.unit)}">`, ...out, "</g>"];
}

function referenceMarks(references: readonly Reference[], x: Axis, y: Axis): string[] {
  return references.flatMap(({ name, value, nodes, limit, source }) => {
    const title = `<title>${escaped(`${name} (${source})`)}</title>`;
    const at = n(y.at(value));
    if (nodes !== undefined)
      return [`<g class="published">${title}<path d="M${n(x.at(nodes))} ${n(y.at(value) - 5)}l5 5l-5 5l-5-5z"/></g>`];
    return [
      `<g class="${limit ? "limit" : "orientation"}">${title}<line x1="${plot.left}" x2="${plot.right}" y1="${at}" y2="${at}"/></g>`,
    ];
  });
}

/** Steps go on level until the next size: a ladder has no slope. */
function linePath({ points, steps }: Line, x: Axis, y: Axis): string {
  return points
    .map(([nodes, value], index) => {
      const [px, py] = [n(x.at(nodes)), n(y.at(value))];
      if (index === 0) return `M${px} ${py}`;
      return steps ? `H${px}V${py}` : `L${px} ${py}`;
    })
    .join("");
}

/** Names on the right: lines by their colour, references in grey, none over another. */
function names(chart: Chart, y: Axis): string[] {
  const labels = [
    ...chart.lines.map(({ name, points }, index) => ({
      text: name,
      y: y.at(points.at(-1)?.[1] ?? 0),
      style: `name c${index}`,
    })),
    ...chart.references
      .filter(({ nodes }) => nodes === undefined)
      .map(({ name, value }) => ({ text: name, y: y.at(value), style: "reference-name" })),
  ];
  const placed = spread(
    labels.map((label) => label.y),
    15,
    plot.bottom,
  );
  return labels.map(
    ({ text, style }, index) =>
      `<text class="${style}" x="${plot.right + 8}" y="${n((placed[index] ?? 0) + 4)}">${escaped(text)}</text>`,
  );
}

/** Names of published points beside the diamond, one under the other where they would touch. */
function pointNames(chart: Chart, x: Axis, y: Axis): string[] {
  const points = chart.references.filter(({ nodes }) => nodes !== undefined);
  const placed = spread(
    points.map(({ value }) => y.at(value)),
    14,
    plot.bottom,
  );
  return points.map(({ name, nodes, side }, index) => {
    const at = x.at(nodes ?? 1) + (side === "right" ? 10 : -10);
    const anchor = side === "right" ? "start" : "end";
    return `<text class="reference-name halo" x="${n(at)}" y="${n((placed[index] ?? 0) + 4)}" text-anchor="${anchor}">${escaped(name)}</text>`;
  });
}

/** The chart, and under it nothing that needs a script: values of a point show on hover. */
export function chartSvg(chart: Chart, figures: Figures): string {
  const [first, last] = figures.range;
  const ticks = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000].filter(
    (tick) => tick >= first && tick <= last && !(tick === 10_000 && last === 15_000),
  );
  const x = logAxis(first, last, plot.left, plot.right, ticks.length > 1 ? ticks : [first, last]);
  const y = valueAxis(chart);
  const here = x.at(figures.at.nodes);
  const inside = figures.at.nodes >= first && figures.at.nodes <= last;
  const marked = inside
    ? [`<line class="here" x1="${n(here)}" x2="${n(here)}" y1="${plot.top}" y2="${plot.bottom}"/>`]
    : [];
  const lines = chart.lines.map((line, index) => `<path class="line c${index}" d="${linePath(line, x, y)}"/>`);
  const hits = chart.lines.flatMap((line, index) =>
    line.points.map(
      ([nodes, value]) =>
        `<circle class="hit c${index}" cx="${n(x.at(nodes))}" cy="${n(y.at(value))}" r="6"><title>${escaped(`${line.name} at ${shown(nodes)} nodes: ${shown(value)} ${chart.unit}`)}</title></circle>`,
    ),
  );
  const dots = chart.lines.flatMap(({ here: value, name }, index) =>
    value === undefined || !inside
      ? []
      : [
          `<circle class="dot c${index}" cx="${n(here)}" cy="${n(y.at(value))}" r="5"><title>${escaped(`${name} at ${shown(figures.at.nodes)} nodes: ${shown(value)} ${chart.unit}`)}</title></circle>`,
        ],
  );
  const body = [
    ...frame(chart, x, y, last),
    ...marked,
    ...referenceMarks(chart.references, x, y),
    ...lines,
    ...pointNames(chart, x, y),
    ...hits,
    ...dots,
    ...names(chart, y),
  ];
  const summary = `${chart.title}: ${chart.lines.map(({ name, points }) => `${name} from ${shown(points[0]?.[1] ?? 0)} to ${shown(points.at(-1)?.[1] ?? 0)} ${chart.unit}`).join(", ")}`;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(summary)}">\n${body.join("\n")}\n</svg>`;
}
