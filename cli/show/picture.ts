/** A cluster's picture as SVG that works as an image on any page: no script, no font of its own, colours as the reader's page is. */
import { html } from "./markdown";
import { type Box, type FontShape, fonts, type Label, type Picture, type Tone } from "./picture-layout";

export type Theme = "light" | "dark";

interface Colours {
  readonly page: string;
  readonly ink: string;
  readonly soft: string;
  /** Filling and border. */
  readonly tones: Readonly<Record<Tone, readonly [fill: string, border: string]>>;
}

/** GitHub's own (primer/primitives), so that it looks at home there. */
const colours: Readonly<Record<Theme, Colours>> = {
  light: {
    page: "#ffffff",
    ink: "#1f2328",
    soft: "#59636e",
    tones: {
      frame: ["#f6f8fa", "#d1d9e0"],
      pool: ["#fff8c5", "#d4a72c"],
      balancer: ["#fbefff", "#c297ff"],
      master: ["#ddf4ff", "#54aeff"],
      etcd: ["#dafbe1", "#4ac26b"],
      card: ["#ffffff", "#d1d9e0"],
    },
  },
  dark: {
    page: "#0d1117",
    ink: "#f0f6fc",
    soft: "#9198a1",
    tones: {
      frame: ["#151b23", "#3d444d"],
      pool: ["#2b2309", "#9e6a03"],
      balancer: ["#271a45", "#8957e5"],
      master: ["#0c2847", "#1f6feb"],
      etcd: ["#0b2916", "#238636"],
      card: ["#0d1117", "#3d444d"],
    },
  },
};

/** @param theme undefined: as the reader's page is */
export function pictureSvg(picture: Picture, theme?: Theme): string {
  const { arrows, boxes, description, disks, dividers, height, labels, width } = picture;
  const dark = theme === undefined ? [`@media (prefers-color-scheme: dark) { ${variables(colours.dark)} }`] : [];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${html(description)}</title>`,
    `<style>${[variables(colours[theme ?? "light"]), ...dark, ...rules].join("\n")}</style>`,
    `<rect class="page" width="${width}" height="${height}" rx="12"/>`,
    ...boxes.map(rectangle),
    ...dividers.map(({ from, to, x }) => `<path class="divider" d="M${x} ${from}V${to}"/>`),
    ...arrows.map(({ from, to, x }) => `<path class="arrow" d="M${x} ${from}V${to}m-4 -5l4 5l4 -5"/>`),
    ...disks.map(
      ({ x, y }) => `<path class="disk" d="M${x} ${y + 2}v7a6 2.5 0 0 0 12 0v-7a6 2.5 0 0 0 -12 0a6 2.5 0 0 0 12 0"/>`,
    ),
    ...labels.map(label),
    "</svg>",
  ].join("\n")}\n`;
}

const variables = ({ ink, page, soft, tones }: Colours): string => {
  const pairs = Object.entries(tones).flatMap(([tone, [fill, border]]) => [
    `--${tone}:${fill}`,
    `--${tone}-line:${border}`,
  ]);
  return `svg{${[`--page:${page}`, `--ink:${ink}`, `--soft:${soft}`, ...pairs].join(";")}}`;
};

const sans = '-apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif';
const mono = 'ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace';

const rules: readonly string[] = [
  `text{font-family:${sans};fill:var(--ink)}`,
  ".page{fill:var(--page)}",
  ...(["frame", "pool", "balancer", "master", "etcd", "card"] as const).map(
    (tone) => `.${tone}{fill:var(--${tone});stroke:var(--${tone}-line)}`,
  ),
  ".arrow,.disk{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}",
  ".disk{stroke-width:1.2}",
  ".divider{stroke:var(--soft);stroke-dasharray:2 5;opacity:.6}",
  ...Object.entries(fonts).map(([name, font]) => fontRule(name, font)),
];

function fontRule(name: string, { mono: fixed, size, weight }: FontShape): string {
  const own = [
    `font-size:${size}px`,
    ...(weight ? [`font-weight:${weight}`] : []),
    ...(fixed ? [`font-family:${mono}`] : []),
  ];
  const soft = name === "text" || name === "address" ? ["fill:var(--soft)"] : [];
  return `.${name}{${[...own, ...soft].join(";")}}`;
}

const rectangle = ({ height, tone, width, x, y }: Box): string =>
  `<rect class="${tone}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${tone === "card" ? 6 : 8}"/>`;

const label = ({ anchor, font, text, x, y }: Label): string =>
  `<text class="${font}" x="${x}" y="${y}"${anchor === "start" ? "" : ` text-anchor="${anchor}"`}>${html(text)}</text>`;
