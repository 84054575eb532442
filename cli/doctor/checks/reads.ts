/** Lists, watches and what keeps them cheap. */
import { count } from "../../show/terminal";
import { answering, type Evidence, need, sectionOf, servers } from "../evidence";
import { type Sample, select, sum } from "../metrics";
import type { Check } from "../types";
import { bounded, percent } from "./judging";

const performance = "https://kubernetes.io/docs/reference/using-api/api-concepts/";

const gates = ["WatchList", "ListFromCacheSnapshot", "SizeBasedListCostEstimate"] as const;

const featureGates: Check = {
  id: "feature-gates",
  group: "reads",
  title: "feature gates that make lists cheap are on",
  wanted: () => gates.join(", "),
  why: "without them every informer's first list is built in memory at once, and pages are read from etcd",
  source:
    "https://kubernetes.io/docs/reference/command-line-tools-reference/feature-gates/; metric kubernetes_feature_enabled",
  remedy: "remove the gates from masters.flags.apiserver; they are on by default in 1.37",
  ledger: ["A9"],
  judge: (evidence) => {
    const off = servers(evidence).flatMap(({ name, samples }) =>
      gates
        .filter(
          (gate) => !select(samples, "kubernetes_feature_enabled", { name: gate }).some(({ value }) => value === 1),
        )
        .map((gate) => `${name}: ${gate} is off`),
    );
    if (off.length > 0) return { status: "failed", found: "a gate is off", details: bounded(off) };
    return { status: "ok", found: `on, as ${evidence.servers.length} of ${masters(evidence)} servers say` };
  },
};

const masters = ({ plan }: Evidence) => plan.hosts.filter(({ role }) => role === "master").length;

/** Plain lists, without those by which the servers find each other every 10 s. */
const clientLists = (samples: readonly Sample[]): Sample[] =>
  select(samples, "apiserver_storage_list_total").filter(({ labels }) => labels.resource !== "apiServerIPInfo");

const watchList: Check = {
  id: "watch-list",
  group: "reads",
  title: "informers stream their first list",
  wanted: () => "streamed lists on some server (apiserver_watch_list_duration_seconds)",
  why: "a streamed list needs constant memory in the server; a plain one of 100,000 pods needs gigabytes",
  source: `${performance}#streaming-lists; https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/3157-watch-list`,
  remedy:
    "check the feature gate WatchList of servers and WatchListClient of clients (client-go 0.35 and later have it on)",
  ledger: ["A9"],
  judge: (evidence) => {
    const all = servers(evidence).flatMap(({ samples }) => samples);
    const streamed = sum(select(all, "apiserver_watch_list_duration_seconds_count"));
    const plain = sum(clientLists(all));
    const found = `${streamed} streamed, ${plain} plain lists since the servers started`;
    return { status: streamed > 0 ? "ok" : "failed", found };
  },
};

const pagination: Check = {
  id: "pagination",
  group: "reads",
  title: "lists come in pages",
  wanted: () => "limit=1 gives one object and a token that gives the next",
  why: "a client that asks for 500 objects at a time never makes the server hold all of them",
  source: `${performance}#retrieving-large-results-sets-in-chunks`,
  remedy: "a proxy or an API server in front of the cluster drops limit and continue; ask the servers directly",
  ledger: ["A9"],
  judge: (evidence) => {
    const { first, second } = need(evidence.api.paging);
    const works = first.length === 1 && second.length === 1 && first[0] !== second[0];
    const found = `two pages of one FlowSchema gave ${[...first, ...second].join(", ") || "nothing"}`;
    return { status: works ? "ok" : "failed", found };
  },
};

const consistentReads: Check = {
  id: "cached-reads",
  group: "reads",
  title: "lists are answered from the watch cache",
  wanted: () => "consistent reads that fall back to etcd under 5 %",
  why: "a list that goes to etcd reads every value under the prefix and decodes it again",
  source:
    "https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/2340-Consistent-reads-from-cache; metric apiserver_watch_cache_consistent_read_total",
  remedy: "a cache that lags gets its progress late: see progress-notify and the disks of etcd",
  ledger: ["A9", "A2"],
  judge: (evidence) => {
    const all = servers(evidence).flatMap(({ samples }) => samples);
    const name = "apiserver_watch_cache_consistent_read_total";
    const [total, fallen] = [sum(select(all, name)), sum(select(all, name, { fallback: "true" }))];
    const lists = clientLists(all);
    const cached = sum(lists.filter(({ labels }) => labels.storage === "watchcache"));
    if (total === 0) {
      const found = `${cached} of ${sum(lists)} lists from the cache; no consistent read yet`;
      return { status: cached > 0 || sum(lists) === 0 ? "ok" : "warning", found };
    }
    const found = `${total - fallen} of ${total} consistent reads from the cache (${percent(fallen / total)} fell back)`;
    return { status: fallen / total < 0.05 || fallen < 5 ? "ok" : "warning", found };
  },
};

const bookmarks: Check = {
  id: "bookmarks",
  group: "reads",
  title: "watches get bookmarks",
  wanted: () => "one that ends the streamed list and one during the watch",
  why: "a client that lost its watch goes on from the last bookmark instead of listing everything again",
  source: `${performance}#watch-bookmarks`,
  remedy: "look whether the watch cache runs (--watch-cache) and gets progress from etcd (progress-notify)",
  ledger: ["N5", "A9"],
  judge: (evidence) => {
    const { initial, later } = need(evidence.api.bookmarks);
    const found = `${initial} at the end of the list, ${later} later, in a watch of 6 s on kube-system's leases`;
    return { status: initial > 0 && later > 0 ? "ok" : initial + later > 0 ? "warning" : "failed", found };
  },
};

/** A page as clients ask for it: a list of fewer objects costs no more than that without a limit. */
const page = 500;

export interface AuditedList {
  readonly user: string;
  readonly agent: string;
  readonly resource: string;
  readonly perMinute: number;
}

/** Lists of all namespaces without a limit, by client and resource. */
export function unlimitedLists(text: string): { lists: number; minutes: number; unlimited: AuditedList[] } {
  const [head = "", ...lines] = text.split("\n").filter((line) => line.trim() !== "");
  const [from = "", to = ""] = head.split(" ");
  const minutes = Math.max(1, (Date.parse(to) - Date.parse(from)) / 60_000 || 1);
  let lists = 0;
  const unlimited: AuditedList[] = [];
  for (const line of lines) {
    const [, times, user = "", agent = "", uri = ""] = /^\s*(\d+) ([^\t]*)\t([^\t]*)\t(.*)$/.exec(line) ?? [];
    lists += Number(times ?? 0);
    const { pathname, searchParams } = new URL(uri, "https://localhost");
    const [, resource] = /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)\/([a-z]+)$/.exec(pathname) ?? [];
    if (resource === undefined || searchParams.has("limit")) continue;
    unlimited.push({ user, agent, resource, perMinute: Number(times) / minutes });
  }
  return { lists, minutes, unlimited };
}

const unlimited: Check = {
  id: "unlimited-lists",
  group: "reads",
  title: "no client lists everything again and again",
  wanted: () => `no list without limit, over all namespaces, of more than ${page} objects, more than once a minute`,
  why: "one such client at 10,000 nodes costs a server gigabytes for each list; the priority level kilonode-cluster-lists bounds it",
  source: "audit log of every master, the last 2 MiB; reads of the control plane and of nodes are not in it",
  remedy:
    "let the client page or use an informer, or name it in workload.bulkListerSubjects so that it gets its own small level",
  ledger: ["A9"],
  judge: (evidence) => {
    const samples = evidence.servers.flatMap((server) => server.samples);
    const objects = (resource: string) =>
      Math.max(0, ...select(samples, "apiserver_resource_objects", { resource }).map(({ value }) => value));
    const logs = answering(evidence, "master").map((host) => unlimitedLists(sectionOf(host, "audit")));
    const lists = logs.reduce((total, log) => total + log.lists, 0);
    const minutes = Math.round(Math.max(...logs.map((log) => log.minutes)));
    const open = logs.flatMap((log) => log.unlimited);
    const rates = new Map<string, number>();
    for (const { user, agent, resource, perMinute } of open.filter(({ resource }) => objects(resource) > page)) {
      const who = `${user} (${agent}) lists ${objects(resource)} ${resource}`;
      rates.set(who, (rates.get(who) ?? 0) + perMinute);
    }
    const often = [...rates].filter(([, rate]) => rate > 1).sort(([, a], [, b]) => b - a);
    const details = often.map(([who, rate]) => `${who} ${rate.toFixed(1)} times a minute`);
    const found = `${count(lists, "list")} in ${minutes} min; of all namespaces without a limit ${open.length}, often and of more than ${page} objects ${often.length}`;
    return { status: often.length > 0 ? "warning" : "ok", found, details: bounded(details) };
  },
};

export const reads: readonly Check[] = [featureGates, watchList, pagination, consistentReads, bookmarks, unlimited];
