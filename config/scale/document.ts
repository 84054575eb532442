/** The page docs/scale.md: how to read the model, and its assumptions, constants and sizes as tables. */
import { constants } from "./constants";
import type { Scale } from "./types";
import { assumptions } from "./workload";

const cell = (text: string): string => text.replaceAll("|", "\\|");
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(" | ")} |`,
  `|${head.map(() => "---").join("|")}|`,
  ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`),
];
const number = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 3 });

const intro = `# The scale model

Give it nodes and pods; it derives sizes, flags, shards and kernel settings, each with a rule and a source.

    kilonode scale --nodes 1300 --pods 100000
    kilonode scale --nodes 1300 --explain apiserver.maxRequestsInflight
    kilonode scale --nodes 1300 --json                      # rendered flags by component under "flags"
    kilonode scale --nodes 100..15000 --html scale.html     # one page of charts

The model is pure: \`deriveScale(workload, options)\` in \`config/scale\`. It reads as three parts:

1. **Assumptions**: what the cluster carries. Only the nodes must be known; every other figure has a default with its reason.
2. **Constants**: figures of others, with their source. "assumption" marks our own; replace it with a measurement of yours.
3. **Derived values**: each names its rule, its inputs and its source. \`--explain PATH\` prints them.

## What to believe

- Up to 5,000 nodes the ladders are upstream's: kube-up's requests in flight and master CPUs, etcd's hardware table (to 3,000 nodes).
- Above, nobody has published a self-managed control plane on etcd in enough detail. Such values are marked "extrapolated".
- EKS and GKE go to 65,000 nodes and more, with another store than etcd's: their figures are for orientation only.
- Requests in flight are set on each API server as kube-up set them on its only one: any server may have to take the others' clients.
- Eleven masters are a practice, not a result of the model: by CPU and watch traffic three carry 1,300 nodes after the loss of a zone. More
  masters shorten reads and move fewer clients when one goes; see \`masters.needed\`.
- Members of a shard add safety, no speed. Writes are spread by shards.

## Lists without a limit

Priority and fairness matches who asks, the verb and the resource. It sees no query parameters, so it cannot tell a list with a limit from one
without. What works instead:

- the server charges a list by the objects that it reads, up to 10 seats (upstream's default, which no configuration may switch off here);
- \`kilonode-cluster-lists\`: lists of large resources over all namespaces, by anybody but the system's own components, share a fiftieth of the
  seats. Paged lists land there too. Informers that stream their first list (client-go's default since 1.35) use \`watch\` and do not;
- \`kilonode-known-bulk-lists\`: clients that you name in \`workload.bulkListerSubjects\`; the audit log shows them.
`;

/** The document, with a table of the given sizes. */
export function renderScaleDocument(scales: readonly Scale[]): string {
  const assumed = Object.entries(assumptions).map(([name, { meaning, unit, fallback, reason }]) => [
    `\`${name}\``,
    meaning,
    unit,
    fallback,
    reason,
  ]);
  const fixed = Object.entries(constants).map(([name, { value, unit, meaning, source }]) => [
    `\`${name}\``,
    number(value),
    unit,
    meaning,
    source,
  ]);
  const sizes = scales.map(({ workload, masters, etcdHost, etcd, apiserver, controllerManager, extrapolated }) => [
    number(workload.nodes),
    number(workload.pods),
    `${masters.count} x ${masters.instance}`,
    String(masters.needed),
    `${etcd.hosts} x ${etcdHost.instance}`,
    Object.entries(etcd.shards)
      .map(([name, { members }]) => `${name} ${members}`)
      .join(", "),
    `${number(apiserver.maxRequestsInflight)} + ${number(apiserver.maxMutatingRequestsInflight)}`,
    String(controllerManager.qps),
    extrapolated ? "some values" : "no",
  ]);
  return `${[
    intro,
    "## Sizes",
    "",
    ...table(
      [
        "nodes",
        "pods",
        "masters",
        "needed",
        "etcd hosts",
        "shards",
        "requests in flight",
        "controller manager, requests/s",
        "extrapolated",
      ],
      sizes,
    ),
    "",
    "Every value at these sizes: `test/unit/golden/scale/`.",
    "",
    "## Assumptions",
    "",
    ...table(["name", "meaning", "unit", "default", "reason"], assumed),
    "",
    "## Constants",
    "",
    ...table(["name", "value", "unit", "meaning", "source"], fixed),
  ].join("\n")}\n`;
}
