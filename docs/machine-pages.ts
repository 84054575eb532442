/** Renders docs/host.md and docs/node.md from plans: every file, program, unit, module and kernel setting with its reason. */
import type { Machine } from "../components/machine/machine";
import type { ClusterPlan, PoolPlan } from "../components/plan/types";
import { fileReasons, moduleReasons, programReasons, type Reasons, sysctlReasons, unitReasons } from "./reasons";

/** The reason, or undefined for what nobody gave one. */
export function reasonFor(reasons: Reasons, name: string): string | undefined {
  return reasons.find(([pattern]) => pattern.test(name))?.[1];
}

const cell = (text: string): string => text.replaceAll("|", "\\|");

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return ["", line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)];
}

/** @throws Error for what has no reason: give it one in docs/reasons.ts */
function because(reasons: Reasons, name: string): string {
  const reason = reasonFor(reasons, name);
  if (reason === undefined) throw new Error(`${name} has no reason; give it one in docs/reasons.ts`);
  return reason;
}

/** All that machines of one kind have; where a value differs from machine to machine, one of them. */
function together(machines: readonly Machine[]): Machine {
  const [first] = machines;
  if (!first) throw new Error("no machine of this kind");
  const all = <Name extends keyof Machine>(name: Name): Machine[Name] =>
    Object.assign({}, ...machines.map((machine) => machine[name])) as Machine[Name];
  return {
    ...first,
    files: all("files"),
    binaries: all("binaries"),
    services: all("services"),
    sysctls: all("sysctls"),
  };
}

function machineText(machines: readonly Machine[], packages: readonly string[] = []): string[] {
  const { binaries, files, modules, services, sysctls, volumes } = together(machines);
  const named = (reasons: Reasons, names: readonly string[]) =>
    [...names].sort().map((name) => [`\`${name}\``, because(reasons, name)]);
  return [
    ...table(["service", "is"], named(unitReasons, Object.keys(services))),
    ...table(["file", "holds"], named(fileReasons, Object.keys(files))),
    ...table(["program", "of"], named(programReasons, Object.keys(binaries))),
    ...(packages.length > 0 ? ["", `Packages of Debian beside those of every machine: ${packages.join(", ")}.`] : []),
    ...table(
      ["volume at", "file system", "GiB"],
      volumes.map(({ mount, fs, sizeGiB }) => [`\`${mount}\``, fs, String(sizeGiB)]),
    ),
    ...table(["module", "for"], named(moduleReasons, modules)),
    ...table(
      ["kernel setting", "value", "because"],
      Object.entries(sysctls)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, { value, floor }]) => [
          `\`${name}\``,
          floor ? `at least ${value}` : value,
          because(sysctlReasons, name),
        ]),
    ),
  ];
}

const hostsHead = `# What is on a host

<!-- Rendered from the plan of the stack lab with backups (docs/machine-pages.ts): \`npm run golden\`. -->

Everything that the plan puts on the hosts of a control plane, and why. Values are those of the stack \`lab\`, with backups; which follow from the
workload, \`kilonode scale --explain\` says. "At least": a host's own higher value stays. Hosts get it by \`machine-apply\`
([files](../components/machine/files/README.md)); which packages all have: [components/machine/packages](../components/machine/packages).`;

const roles = [
  ["etcd", "A member of etcd"],
  ["master", "A master"],
  ["load-balancer", "The load balancer of a platform that has none"],
  ["backup-store", "The store of backups of a platform that has none"],
  ["node-simulator", "The node simulator of the lab"],
] as const;

export function renderHostPage({ hosts }: ClusterPlan): string {
  const sections = roles.flatMap(([role, title]) => [
    "",
    `## ${title}`,
    ...machineText(hosts.filter((host) => host.role === role).map(({ machine }) => machine)),
  ]);
  return `${[hostsHead, ...sections].join("\n")}\n`;
}

const nodesHead = `# What is on a node of a pool

<!-- Rendered from the plan of sample pools (docs/machine-pages.ts): \`npm run golden\`. -->

What the plan has for nodes of pools, and why; \`kilonode plan --json\` has it whole. **No platform delivers it yet**: on AWS a node boots and is let in
nowhere, and the lab makes no real nodes. How a node will join: [decision 26](decisions/0026-how-nodes-join.md).

| part | proved by | not proved |
|---|---|---|
| KubeletConfiguration, KubeProxyConfiguration | the real kubelet and kube-proxy read them, and say that they have our values (test/binaries/nodes.test.ts) | how they act on them |
| \`daemon.json\` | \`dockerd --validate\` of Debian trixie at every size (test/binaries/runtimes.test.ts) | a docker that runs it |
| containerd's \`config.toml\` | \`containerd config dump\` has our values at every size: an unknown key only warns, so they are compared | pulls through a mirror |
| cri-dockerd | nothing: it is in no package registry. Its flags are those that its own documentation has | that it starts, and takes them |
| units | \`systemd-analyze verify\` | a node that runs them |
| certificates | a real API server lets a node register itself, and no other (test/binaries/pools.test.ts) | a kubelet that joins |

**Network of pods.** Where the platform leaves it to us, a bridge on each node with the range that the API gives it, by containerd's template; a pool with
docker has no such template, and needs a network that brings its own configuration. On AWS pods get addresses of the VPC, /28 prefixes at a time, by an
agent on each node (Amazon's VPC CNI or Cilium): planned, so its nodes get no configuration from us.

**Labels and taints.** Each node has the label \`kilonode.io/pool\`; nodes of a protected pool the taint \`kilonode.io/protected\` with the pool's name. A pod
that tolerates it stays an hour on a node that does not answer, any other 5 minutes.`;

const titles: Readonly<Record<string, string>> = {
  workers: "With containerd, nothing said",
  batch: "With docker, nftables, overcommitted CPUs",
  special: "Protected, with mirrors and preloaded images",
};

export function renderNodePage(pools: readonly PoolPlan[]): string {
  const sections = pools.flatMap(({ name, node }) => [
    "",
    `## ${titles[name] ?? name}`,
    ...machineText([node.machine], node.packages),
  ]);
  return `${[nodesHead, ...sections].join("\n")}\n`;
}
