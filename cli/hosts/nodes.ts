/** Counts the nodes of the cluster through its API. */
import { request } from "node:https";
import { parse } from "yaml";

export interface Nodes {
  readonly total: number;
  readonly ready: number;
  /** Why they could not be counted. */
  readonly error?: string;
  /** There was no answer in time. */
  readonly late?: boolean;
}

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } },
  ];
  readonly users: readonly [
    { readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string } },
  ];
}

/** A table of names and states: 15,000 whole nodes would be a hundred megabytes. */
const asTable = "application/json;as=Table;g=meta.k8s.io;v=v1";
const timeoutMs = 20_000;

class NotInTime extends Error {}

export async function countNodes(kubeconfig: string): Promise<Nodes> {
  try {
    return readNodes(await get(kubeconfig, "/api/v1/nodes?includeObject=None"));
  } catch (error) {
    return { total: 0, ready: 0, error: (error as Error).message, ...(error instanceof NotInTime && { late: true }) };
  }
}

interface TableJson {
  readonly columnDefinitions?: readonly { readonly name: string }[];
  readonly rows?: readonly { readonly cells: readonly unknown[] }[] | null;
}

export function readNodes(text: string): Nodes {
  const { columnDefinitions = [], rows } = JSON.parse(text) as TableJson;
  const column = columnDefinitions.findIndex(({ name }) => name === "Status");
  const states = (rows ?? []).map(({ cells }) => String(cells[column]).split(","));
  return { total: states.length, ready: states.filter((state) => state.includes("Ready")).length };
}

function get(kubeconfig: string, path: string): Promise<string> {
  const { clusters, users } = parse(kubeconfig) as Kubeconfig;
  const { server, "certificate-authority-data": authority } = clusters[0].cluster;
  const { "client-certificate-data": certificate, "client-key-data": key } = users[0].user;
  const decode = (base64: string) => Buffer.from(base64, "base64");
  return new Promise((resolve, reject) => {
    const fail = ({ name, message }: Error) => {
      const late = name === "TimeoutError" || name === "AbortError";
      reject(
        late
          ? new NotInTime(`${server}: not answered within ${timeoutMs / 1000} s`)
          : new Error(`${server}: ${message}`),
      );
    };
    const call = request(
      `${server}${path}`,
      {
        ca: decode(authority),
        cert: decode(certificate),
        key: decode(key),
        headers: { accept: asTable },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        response.once("error", fail).once("end", () => {
          if (response.statusCode === 200) resolve(text);
          else fail(new Error(`answered ${response.statusCode}: ${text.slice(0, 200)}`));
        });
      },
    );
    call.once("error", fail);
    call.end();
  });
}
