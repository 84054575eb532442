/** Reads a kubeconfig: which server, whom to trust, and how to log in. All of it is in the text itself. */
import { parse } from "yaml";
import { unsupported } from "../unsupported";

export interface Target {
  /** Where the API server is, without a slash at the end. */
  readonly server: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

type Fields = Readonly<Record<string, unknown>>;

const CLUSTER = ["server", "certificate-authority-data"];
const USER = ["client-certificate-data", "client-key-data"];

/** The texts of an entry, which has these and no others: anything else would change where or how to log in. */
function entry(config: Fields, list: string, kind: string, name: unknown, properties: readonly string[]): string[] {
  const all = (Array.isArray(config[list]) ? config[list] : []) as readonly Fields[];
  const found = all.find((item) => item?.name === name)?.[kind];
  if (typeof found !== "object" || found === null) throw new Error(`kubeconfig has no ${kind} "${name}"`);
  const other = Object.keys(found).find((property) => !properties.includes(property));
  if (other !== undefined) throw unsupported(`a kubeconfig's ${kind} with`, other, properties);
  return properties.map((property) => {
    const text = (found as Fields)[property];
    if (typeof text !== "string" || text === "")
      throw new Error(`the kubeconfig's ${kind} "${name}" has no ${property}`);
    return text;
  });
}

export function readKubeconfig(text: string): Target {
  const config = parse(text) as Fields | null;
  if (typeof config !== "object" || config === null)
    throw new Error("the kubeconfig is not the text of one; a rehearsal reads neither files nor KUBECONFIG");
  const current = config["current-context"];
  const [cluster, user] = entry(config, "contexts", "context", current, ["cluster", "user"]);
  const [server = "", ca = ""] = entry(config, "clusters", "cluster", cluster, CLUSTER);
  const [cert = "", key = ""] = entry(config, "users", "user", user, USER);
  const data = (base64: string) => Buffer.from(base64, "base64");
  return { server: server.replace(/\/+$/, ""), ca: data(ca), cert: data(cert), key: data(key) };
}
