/** The page docs/scale.md: how to read the model, and its assumptions, constants and sizes as tables. */
import { instances, prices } from "../instances";
import { constants } from "./constants";
import { needs, usd } from "./table";
import type { HostScale, Scale } from "./types";
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

    kilonode scale --nodes 1300 --pods 100000              # in short, with what it costs a month
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

const cost = `## Cost

For the masters and for each shard the cheapest type of the catalogue (\`config/instances.ts\`, ${instances.length} types) that has the vCPU, memory, bandwidth and
disks that they need; at equal price the one with more vCPU, then memory, then bandwidth. \`--master-instance\` and \`--etcd-instance\` check a type
of yours instead.

- Prices are those of ${prices.region} on ${prices.date}, ${prices.terms} (${prices.source}).
  Other regions differ. A month has ${constants.hoursPerMonth.value} hours. Volumes, the load balancer, traffic and nodes are not in the sum.
- A shard is sized for its own load: requests a second and stored data, against the rows of etcd's hardware table. \`main\`, and a
  shard with a resource of which the model has no figures, never get less than the table's row for the nodes. The masters are a
  shard's only clients, fewer than the table's smallest row has.
- Memory is at least twice the quota, so no shard's host has less than ${2 * constants.etcdDefaultQuotaGiB.value} GiB by default.
- In the catalogue two local NVMe disks come with 64 GiB and 8 vCPU at least, more than \`events\` and \`leases\` need. With volumes over the network
  (\`--etcd-volumes\`) each shard takes what it needs; a write then waits for the network, too.
`;

/** A row for each role: how many of which type, why, and what they cost. */
function costRows(scale: Scale): string[][] {
  const row = (role: string, count: number, host: HostScale, cost = 0) => [
    role,
    `${count} x ${host.instance}`,
    needs(host),
    usd(cost),
  ];
  return [
    row("masters", scale.masters.count, scale.masters, scale.cost.masters),
    ...Object.entries(scale.etcd.shards).map(([name, { members, host }]) =>
      row(`etcd ${name}`, members, host, scale.cost.shards[name]),
    ),
    ["sum", "", "", usd(scale.cost.total)],
  ];
}

/**
 * The document, with a table of the given sizes.
 * @param onVolumes the same sizes with etcd's disks as volumes
 * @param detailed nodes of the size whose cost is shown by role
 */
export function renderScaleDocument(scales: readonly Scale[], onVolumes: readonly Scale[], detailed: number): string {
  const roles = (of: readonly Scale[]) =>
    table(
      ["role", "hosts", "cheapest with", "a month"],
      of.filter(({ workload }) => workload.nodes === detailed).flatMap(costRows),
    );
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
  const sizes = scales.map(({ workload, masters, etcd, cost, apiserver, controllerManager, extrapolated }, index) => [
    number(workload.nodes),
    number(workload.pods),
    `${masters.count} x ${masters.instance}`,
    String(masters.needed),
    Object.entries(etcd.shards)
      .map(([name, { members, host }]) => `${name} ${members} x ${host.instance}`)
      .join(", "),
    usd(cost.total),
    usd(onVolumes[index]?.cost.total ?? 0),
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
        "etcd hosts by shard",
        "a month",
        "with volumes",
        "requests in flight",
        "controller manager, requests/s",
        "extrapolated",
      ],
      sizes,
    ),
    "",
    "Every value at these sizes: `test/unit/golden/scale/`.",
    "",
    cost,
    `At ${number(detailed)} nodes, on local NVMe:`,
    "",
    ...roles(scales),
    "",
    "With volumes over the network:",
    "",
    ...roles(onVolumes),
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
