/** The page of `kilonode scale --html`: one file, no script, no resource from elsewhere, light and dark. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chartSvg, escaped, shown } from "./chart";
import type { Chart, Figures } from "./figures";
import { tableRows } from "./series";

const css = (): string => readFileSync(join(__dirname, "page.css"), "utf8");

function here(chart: Chart, figures: Figures): string {
  const values = chart.lines.flatMap(({ name, here: value }, index) =>
    value === undefined
      ? []
      : [`<span class="value"><i class="swatch c${index}"></i>${escaped(name)} <b>${shown(value)}</b></span>`],
  );
  return `<p class="here-values"><span class="value muted">at ${shown(figures.at.nodes)} nodes</span>${values.join("")}</p>`;
}

function card(chart: Chart, figures: Figures): string {
  return `<figure id="${chart.id}">
<figcaption><h2>${escaped(chart.title)} <small>${escaped(chart.unit)}${chart.scale === "log" ? ", log scale" : ""}</small></h2>${here(chart, figures)}</figcaption>
${chartSvg(chart, figures)}
<p class="note">${escaped(chart.note)}</p>
</figure>`;
}

const columns: readonly (readonly [key: string, title: string])[] = [
  ["nodes", "Nodes"],
  ["pods", "Pods"],
  ["masters", "Masters"],
  ["masterInstance", "on"],
  ["etcdHosts", "etcd hosts"],
  ["etcdInstances", "on"],
  ["shards", "Shards"],
  ["usdPerMonth", "USD a month"],
  ["maxRequestsInflight", "Reads in flight"],
  ["maxMutatingRequestsInflight", "Writes in flight"],
  ["controllerManagerQps", "Controllers/s"],
  ["schedulerQps", "Scheduler/s"],
];

function table(figures: Figures): string {
  const cell = (value: number | string | undefined) =>
    `<td${typeof value === "number" ? ' class="number"' : ""}>${typeof value === "number" ? shown(value) : escaped(String(value ?? ""))}</td>`;
  const rows = tableRows(figures).map(
    (row) =>
      `<tr${row.nodes === figures.at.nodes ? ' class="marked"' : ""}>${columns.map(([key]) => cell(row[key])).join("")}</tr>`,
  );
  return `<div class="scroll"><table><thead><tr>${columns.map(([, title]) => `<th>${title}</th>`).join("")}</tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table></div>`;
}

const linked = (source: string): string =>
  escaped(source).replace(/https:\/\/[^\s();]+/g, (url) => `<a href="${url}">${url.replace("https://", "")}</a>`);

function notices(figures: Figures): string {
  if (figures.notices.length === 0) return "<p>None in this range.</p>";
  const items = figures.notices.map(
    ({ level, fromNodes, message, source }) =>
      `<li><span class="level ${level}">${level}</span> from ${shown(fromNodes)} nodes: ${escaped(message)} <span class="source">${linked(source)}</span></li>`,
  );
  return `<ul class="notices">${items.join("\n")}</ul>`;
}

function sources(figures: Figures): string {
  const items = figures.charts.flatMap((chart) =>
    chart.references.map(
      ({ name, source }) =>
        `<li>${escaped(chart.title)}: ${escaped(name)} <span class="source">${linked(source)}</span></li>`,
    ),
  );
  return `<ul class="notices">${items.join("\n")}</ul>`;
}

/** The whole document. */
export function page(figures: Figures): string {
  const { range, at, versions } = figures;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Kilonode scale, ${shown(range[0])} to ${shown(range[1])} nodes</title>
<style>
${css()}</style>
</head>
<body>
<header>
<h1>What ${shown(range[0])} to ${shown(range[1])} nodes need</h1>
<p>Kubernetes ${escaped(versions.kubernetesVersion)} and etcd ${escaped(versions.etcdVersion)}, derived by <code>kilonode scale</code>. Marked: <b>${shown(at.nodes)} nodes with ${shown(at.pods)} pods</b>; the lines follow the model's default pods for each size.</p>
<ul class="legend">
<li><svg viewBox="0 0 24 12"><line class="here" x1="12" x2="12" y1="0" y2="12"/><circle class="dot c0" cx="12" cy="6" r="4"/></svg>marked size</li>
<li><svg viewBox="0 0 24 12"><g class="limit"><line x1="0" x2="24" y1="6" y2="6"/></g></svg>limit</li>
<li><svg viewBox="0 0 24 12"><g class="orientation"><line x1="0" x2="24" y1="6" y2="6"/></g></svg>others' setting, for orientation</li>
<li><svg viewBox="0 0 24 12"><g class="published"><path d="M12 1l5 5l-5 5l-5-5z"/></g></svg>published measurement or setting</li>
<li><svg viewBox="0 0 24 12"><rect class="beyond" width="24" height="12"/></svg>above 5,000 nodes: beyond published data</li>
</ul>
</header>
<main>
<section class="charts">
${figures.charts.map((chart) => card(chart, figures)).join("\n")}
</section>
<section><h2>By size</h2>
${table(figures)}
</section>
<section><h2>Where it leaves what others tested</h2>
${notices(figures)}
</section>
<section><h2>Sources of the figures in the charts</h2>
${sources(figures)}
</section>
</main>
</body>
</html>
`;
}
