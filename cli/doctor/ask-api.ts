/** What the doctor asks the API: as little as shows the setting, never a whole list of what grows with the cluster. */
import { type ApiClient, asTable, eachPage, metadataOnly, type Page } from "./api";
import {
  type Namespace,
  type PodSample,
  type Rights,
  readDefaultNamespace,
  readNamespaces,
  readRights,
  readTokenSecrets,
  samplePods,
  type Tally,
} from "./cis/ask";
import { NotInTime } from "./unread";

/** Something that was asked for, or why it could not be read. */
export interface Read<T> {
  readonly value?: T;
  readonly error?: string;
  /** There was no answer in time. */
  readonly late?: boolean;
}

export async function attempt<T>(work: () => Promise<T>): Promise<Read<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error: (error as Error).message, ...(error instanceof NotInTime && { late: true }) };
  }
}

export interface Lease {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly holderIdentity?: string; readonly renewTime?: string; readonly leaseTransitions?: number };
}

export interface FlowObject {
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export interface Counted {
  /** False when the bound came before the end. */
  readonly complete: boolean;
  readonly total: number;
  readonly largest: readonly { readonly name: string; readonly count: number }[];
}

export interface ApiAnswers {
  readonly bookmarks: Read<{ readonly initial: number; readonly later: number }>;
  /** Names on the first two pages of one object, and whether the server gave a token. */
  readonly paging: Read<{ readonly first: readonly string[]; readonly second: readonly string[] }>;
  readonly flowSchemas: Read<readonly FlowObject[]>;
  readonly priorityLevels: Read<readonly FlowObject[]>;
  readonly leases: Read<readonly Lease[]>;
  /** Renewals of the first 500 nodes. */
  readonly heartbeats: Read<readonly string[]>;
  readonly slices: Read<Counted>;
  /** Services by namespace. */
  readonly services: Read<Counted>;
  /** Of the first 100 nodes: those that no simulator runs. */
  readonly realNodes: Read<readonly string[]>;
  readonly kubelets: Read<readonly { readonly node: string; readonly config: Readonly<Record<string, unknown>> }[]>;
  readonly rights: Read<Rights>;
  readonly namespaces: Read<readonly Namespace[]>;
  readonly pods: Read<PodSample>;
  readonly tokenSecrets: Read<Tally>;
  readonly defaultNamespace: Read<Tally>;
}

const leasesPath = "/apis/coordination.k8s.io/v1/namespaces";
const flow = "/apis/flowcontrol.apiserver.k8s.io/v1";
/** Pages of 500: beyond them a check says that it saw a part. */
export const slicePages = 10;
export const servicePages = 24;

export async function askApi(client: ApiClient): Promise<ApiAnswers> {
  const list = async <T>(path: string) => (await client.json<Page<T>>(path)).items ?? [];
  const nodes = attempt(() => realNodes(client));
  const judged = askForBenchmark(client);
  const [bookmarks, paging, flowSchemas, priorityLevels, leases, heartbeats, slices, services] = await Promise.all([
    attempt(() => watchBookmarks(client)),
    attempt(() => paged(client)),
    attempt(async () => (await list<FlowObject>(`${flow}/flowschemas?limit=500`)).map(slim)),
    attempt(async () => (await list<FlowObject>(`${flow}/prioritylevelconfigurations?limit=500`)).map(slim)),
    attempt(async () => (await list<Lease>(`${leasesPath}/kube-system/leases?limit=500`)).map(slim)),
    attempt(async () =>
      (await list<Lease>(`${leasesPath}/kube-node-lease/leases?limit=500`)).map(({ spec }) => spec?.renewTime ?? ""),
    ),
    attempt(() => countSlices(client)),
    attempt(() => countServices(client)),
  ]);
  const real = await nodes;
  const kubelets = await attempt(() => readKubelets(client, (real.value ?? []).slice(0, 3)));
  return {
    bookmarks,
    paging,
    flowSchemas,
    priorityLevels,
    leases,
    heartbeats,
    slices,
    services,
    realNodes: real,
    kubelets,
    ...(await judged),
  };
}

async function askForBenchmark(client: ApiClient) {
  const [rights, namespaces, pods, tokenSecrets, defaultNamespace] = await Promise.all([
    attempt(() => readRights(client)),
    attempt(() => readNamespaces(client)),
    attempt(() => samplePods(client)),
    attempt(() => readTokenSecrets(client)),
    attempt(() => readDefaultNamespace(client)),
  ]);
  return { rights, namespaces, pods, tokenSecrets, defaultNamespace };
}

/** Without what the server keeps for itself. */
function slim<T extends { readonly metadata: { readonly name: string } }>(object: T): T {
  return { ...object, metadata: { name: object.metadata.name } };
}

/**
 * A streamed list of kube-system's leases, which always move: first the objects and a bookmark that ends them, then an ordinary
 * one two seconds before the watch's own end (staging/src/k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go, nextBookmarkTime).
 */
async function watchBookmarks(client: ApiClient) {
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const text = await client.text(`${leasesPath}/kube-system/leases?${query}&timeoutSeconds=6`, {
    timeoutMs: 30_000,
    keep: (line) => line.startsWith('{"type":"BOOKMARK"'),
  });
  const lines = text.split("\n").filter((line) => line.startsWith('{"type":"BOOKMARK"'));
  const initial = lines.filter((line) => line.includes('"k8s.io/initial-events-end":"true"')).length;
  return { initial, later: lines.length - initial };
}

async function paged(client: ApiClient) {
  const path = `${flow}/flowschemas?limit=1`;
  type Names = Page<{ readonly metadata: { readonly name: string } }>;
  const names = ({ items = [] }: Names) => items.map(({ metadata }) => metadata.name);
  const first = await client.json<Names>(path, { accept: metadataOnly });
  const token = first.metadata?.continue ?? "";
  if (token === "") return { first: names(first), second: [] };
  const next = await client.json<Names>(`${path}&continue=${encodeURIComponent(token)}`, { accept: metadataOnly });
  return { first: names(first), second: names(next) };
}

const mostFirst = (counts: ReadonlyMap<string, number>) =>
  [...counts].map(([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);

/** The table's cell is "10.0.0.1,10.0.0.2,10.0.0.3 + 97 more...": the number, without a hundred addresses. */
async function countSlices(client: ApiClient): Promise<Counted> {
  const path = "/apis/discovery.k8s.io/v1/endpointslices?includeObject=None";
  const counts = new Map<string, number>();
  const complete = await eachPage<{ readonly cells: readonly unknown[] }>(
    client,
    path,
    { accept: asTable, pages: slicePages },
    ({ cells }) => counts.set(String(cells[0]), endpointsOf(String(cells[3] ?? ""))),
  );
  return { complete, total: counts.size, largest: mostFirst(counts).slice(0, 5) };
}

export function endpointsOf(cell: string): number {
  if (cell === "" || cell.startsWith("<")) return 0;
  const [shown = "", more = ""] = cell.split(" + ");
  return shown.split(",").length + Number(/^(\d+) more/.exec(more)?.[1] ?? 0);
}

async function countServices(client: ApiClient): Promise<Counted> {
  const counts = new Map<string, number>();
  const complete = await eachPage<{ readonly metadata: { readonly namespace: string } }>(
    client,
    "/api/v1/services",
    { accept: metadataOnly, pages: servicePages },
    ({ metadata: { namespace } }) => counts.set(namespace, (counts.get(namespace) ?? 0) + 1),
  );
  const total = [...counts.values()].reduce((a, b) => a + b, 0);
  return { complete, total, largest: mostFirst(counts).slice(0, 5) };
}

interface NodeMetadata {
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

async function realNodes(client: ApiClient): Promise<string[]> {
  const { items = [] } = await client.json<Page<NodeMetadata>>("/api/v1/nodes?limit=100", { accept: metadataOnly });
  return items
    .filter(({ metadata: { annotations = {} } }) => annotations["kwok.x-k8s.io/node"] === undefined)
    .map(({ metadata: { name } }) => name);
}

async function readKubelets(client: ApiClient, names: readonly string[]) {
  type Configz = { readonly kubeletconfig?: Readonly<Record<string, unknown>> };
  const ask = async (node: string) => {
    const { kubeletconfig = {} } = await client.json<Configz>(`/api/v1/nodes/${node}/proxy/configz`);
    return { node, config: kubeletconfig };
  };
  return await Promise.all(names.map(ask));
}
