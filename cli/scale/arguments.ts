/** Arguments of `kilonode scale`: read, checked, every problem reported at once. */
import { exitCodes, UserError } from "../../config/errors";
import { checkVersions, type FlagMap } from "../../config/flags";
import { instanceNamed } from "../../config/instances";
import { lookup } from "../../config/lookup";
import { defaultReleases } from "../../config/releases";
import type { ScaleOptions } from "../../config/scale";
import { type Assumption, assumptions, type Figure, type Workload } from "../../config/scale/workload";

export interface ScaleArguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly table: boolean;
  readonly explain: readonly string[];
  readonly html?: string;
  /** First and last number of nodes of a range; absent for a single size. */
  readonly range?: readonly [number, number];
  /** The size that a page marks. */
  readonly at?: { readonly nodes: number; readonly pods?: number };
  readonly workload: Workload;
  readonly options: ScaleOptions;
  /** Component to the user's flags. */
  readonly flags: Readonly<Record<string, FlagMap>>;
}

/** Bad arguments: each problem is one line. */
export function argumentError(problems: readonly string[]): UserError {
  return new UserError("these arguments cannot be used", exitCodes.badConfiguration, problems);
}

/** "podsPerNode" is --pods-per-node; "memoryPerNodeGiB" is --memory-per-node-gib. */
const optionName = (figure: string): string =>
  figure.replace("GiB", "Gib").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const figureOptions = new Map((Object.keys(assumptions) as Figure[]).map((figure) => [optionName(figure), figure]));

/** Options of the model that are numbers: name to key and meaning. */
const numberOptions = {
  masters: ["masters", "masters to run, instead of the model's number"],
  zones: ["zones", "failure domains (3)"],
  "quota-gib": ["quotaGiB", "database quota of an etcd member, GiB (8)"],
} as const;

const textOptions = {
  kubernetes: ["kubernetesVersion", `Kubernetes version (${defaultReleases.kubernetes})`],
  etcd: ["etcdVersion", `etcd version (${defaultReleases.etcd})`],
  "proxy-mode": ["proxyMode", "ipvs, nftables or iptables (ipvs)"],
  "master-instance": ["masterInstance", "instance type of the masters, to be checked"],
  "etcd-instance": ["etcdInstance", "instance type of the etcd hosts, to be checked"],
} as const;

const proxyModes = ["ipvs", "nftables", "iptables"];

export function helpText(): string {
  const row = (name: string, text: string) => `  --${name.padEnd(27)} ${text}`;
  const figure = ([name, key]: [string, Figure]) => {
    const { meaning, fallback }: Assumption = assumptions[key];
    return row(`${name} N`, `${meaning} (${fallback})`);
  };
  return `Usage: kilonode scale [--nodes N] [options]

What a cluster of this size needs: masters, etcd shards, instances and their price, flags, kernel settings. Touches nothing.

The cluster, with defaults in brackets:
${[...figureOptions].map(figure).join("\n")}
${Object.entries({ ...numberOptions, ...textOptions })
  .map(([name, [, text]]) => row(`${name} ${name in numberOptions ? "N" : "TEXT"}`, text))
  .join("\n")}
${row("etcd-volumes", "etcd's disks are volumes over the network, so its instances need no local ones")}
${row("single-server", "clients know one API server, no load balancer")}
${row("flag COMPONENT/NAME=VALUE", "a flag of yours, merged or refused as up would (repeatable)")}

Output:
${row("table", "every assumption and derived value")}
${row("explain PATH", "how a value came about, for instance apiserver.maxRequestsInflight (repeatable)")}
${row("json", "everything, with the rendered flags by component under flags")}
${row("html FILE", "one self-contained page over a range of nodes: --nodes 100..15000")}
${row("at NODES[:PODS]", "the size that the page marks, for instance 1300:100000 (1300 where the range has it)")}
${row("help", "this text")}

Exit status: 0 done (warnings included), 2 bad arguments or a cluster that would not work.

Examples:
  kilonode scale --nodes 1300 --pods 100000
  kilonode scale --nodes 5000 --explain apiserver.maxRequestsInflight
  kilonode scale --nodes 100..15000 --html scale.html
`;
}

interface Draft {
  problems: string[];
  values: Map<string, string>;
  switches: Set<string>;
  explain: string[];
  flags: string[];
}

const switches = ["help", "json", "table", "single-server", "etcd-volumes"];
const repeated = ["explain", "flag"];
const withValue = new Set([
  ...figureOptions.keys(),
  ...Object.keys(numberOptions),
  ...Object.keys(textOptions),
  "html",
  "at",
  ...repeated,
]);

/** Splits the words into options; takes `--name value` and `--name=value`. */
function split(argv: readonly string[]): Draft {
  const draft: Draft = { problems: [], values: new Map(), switches: new Set(), explain: [], flags: [] };
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    const [, name = "", inline] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(word) ?? (word === "-h" ? ["", "help"] : []);
    if (switches.includes(name)) draft.switches.add(name);
    else if (withValue.has(name)) {
      const value = inline ?? argv[++index];
      if (value === undefined) draft.problems.push(`--${name}: a value is missing`);
      else if (name === "explain") draft.explain.push(value);
      else if (name === "flag") draft.flags.push(value);
      else if (draft.values.has(name)) draft.problems.push(`--${name}: given twice`);
      else draft.values.set(name, value);
    } else draft.problems.push(`${word}: no such option; kilonode scale --help lists them`);
  }
  return draft;
}

/** "1300", "1_300" and "1,300"; anything else is a problem. */
function numberOf(name: string, text: string, problems: string[], least = 0): number | undefined {
  const value = Number(text.replace(/[_,](?=\d{3}(?:\D|$))/g, ""));
  if (text.trim() === "" || !Number.isFinite(value)) problems.push(`--${name}: "${text}" is no number`);
  else if (value < least) problems.push(`--${name}: ${text} is below ${least}`);
  else return value;
  return undefined;
}

function rangeOf(text: string, problems: string[]): readonly [number, number] | undefined {
  const [first = "", last = ""] = text.split("..");
  const from = numberOf("nodes", first, problems, 1);
  const to = numberOf("nodes", last, problems, 1);
  if (from === undefined || to === undefined) return undefined;
  if (to > 15_000) problems.push(`--nodes: ${to} is above 15000, the largest size that the model speaks about`);
  else if (from >= to) problems.push(`--nodes: ${text} ends before it begins`);
  else return [Math.floor(from), Math.floor(to)];
  return undefined;
}

function markOf(text: string | undefined, problems: string[]): ScaleArguments["at"] {
  if (text === undefined) return undefined;
  const [first = "", second] = text.split(":");
  const nodes = numberOf("at", first, problems, 1);
  const pods = second === undefined ? undefined : numberOf("at", second, problems);
  return nodes === undefined ? undefined : { nodes, ...(pods === undefined ? {} : { pods }) };
}

function userFlags(items: readonly string[], problems: string[]): Record<string, Record<string, string>> {
  const flags = new Map<string, Record<string, string>>();
  for (const item of items) {
    const match = /^([a-z-]+)\/([^=]+)=(.*)$/s.exec(item);
    if (!match)
      problems.push(`--flag: "${item}" is not COMPONENT/NAME=VALUE, for instance kube-apiserver/goaway-chance=0.01`);
    else {
      const [, component = "", name = "", value = ""] = match;
      flags.set(component, { ...flags.get(component), [name]: value });
    }
  }
  return Object.fromEntries(flags);
}

/** @throws UserError with every problem of the arguments at once. */
export function readArguments(argv: readonly string[]): ScaleArguments {
  const { problems, values, switches: on, explain, flags: flagItems } = split(argv);
  const workload: Record<string, number> = {};
  const options: Record<string, string | number | boolean> = {
    kubernetesVersion: defaultReleases.kubernetes,
    etcdVersion: defaultReleases.etcd,
  };
  const nodes = values.get("nodes");
  const range = nodes?.includes("..") ? rangeOf(nodes, problems) : undefined;
  for (const [name, text] of values) {
    const figure = figureOptions.get(name);
    const key = lookup<readonly [string, string]>(numberOptions, name)?.[0];
    const textKey = lookup<readonly [string, string]>(textOptions, name)?.[0];
    const isRange = name === "nodes" && text.includes("..");
    const value =
      (figure && !isRange) || key ? numberOf(name, text, problems, name === "nodes" || key ? 1 : 0) : undefined;
    if (value !== undefined && figure) workload[figure] = value;
    if (value !== undefined && key) options[key] = value;
    if (textKey) options[textKey] = text;
  }
  const at = markOf(values.get("at"), problems);
  const mode = values.get("proxy-mode");
  if (mode !== undefined && !proxyModes.includes(mode))
    problems.push(`--proxy-mode: "${mode}" is none of ${proxyModes.join(", ")}`);
  problems.push(...checkVersions(options as unknown as ScaleOptions));
  for (const name of ["master-instance", "etcd-instance"]) {
    const instance = values.get(name);
    if (instance !== undefined && !instanceNamed(instance))
      problems.push(`--${name}: ${instance} is not in the catalogue (config/instances.ts)`);
  }
  if (on.has("single-server")) options.loadBalanced = false;
  if (on.has("etcd-volumes")) options.etcdVolumes = true;
  const html = values.get("html");
  const ranged = nodes?.includes("..") ?? false;
  if (html !== undefined && !ranged) problems.push("--html: needs a range, for instance --nodes 100..15000");
  if (ranged && (explain.length > 0 || on.has("table")))
    problems.push("--nodes: --explain and --table take a single number of nodes");
  if (ranged && html === undefined && !on.has("json")) problems.push("--nodes: a range needs --html FILE or --json");
  const flags = userFlags(flagItems, problems);
  if (problems.length > 0 && !on.has("help")) throw argumentError(problems);
  return {
    help: on.has("help"),
    json: on.has("json"),
    table: on.has("table"),
    explain,
    ...(html === undefined ? {} : { html }),
    ...(range ? { range } : {}),
    ...(at === undefined ? {} : { at }),
    workload,
    options: options as unknown as ScaleOptions,
    flags,
  };
}
