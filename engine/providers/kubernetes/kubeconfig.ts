/** Reads a kubeconfig: which server, whom to trust, and how to log in. */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";

export interface Target {
  /** Where the API server is, without a slash at the end. */
  readonly server: string;
  readonly namespace: string | undefined;
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly token?: string;
  readonly serverName?: string;
  readonly insecure: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

function named(config: Fields, list: string, entry: string, name: unknown): Fields {
  const all = (config[list] as readonly Fields[] | undefined) ?? [];
  const found = all.find((item) => item.name === name)?.[entry];
  if (typeof found !== "object" || found === null) throw new Error(`kubeconfig has no ${entry} "${name}"`);
  return found as Fields;
}

/** The content of `<name>-data`, which is base64, or of the file `<name>`. */
function data(fields: Fields, name: string, dir: string): Buffer | undefined {
  const inline = fields[`${name}-data`];
  if (typeof inline === "string" && inline !== "") return Buffer.from(inline, "base64");
  const file = fields[name];
  return typeof file === "string" && file !== "" ? readFileSync(resolve(dir, file)) : undefined;
}

/** What a login may not use here, and why. */
const REFUSED: Record<string, string> = {
  exec: "a program that logs in",
  "auth-provider": "an authentication provider",
  username: "a password",
};

/** `given` is a kubeconfig's content or its path; without it, `KUBECONFIG` or the file in the home directory. */
export function readKubeconfig(given: string | undefined, context?: string, cluster?: string): Target {
  const source = given || process.env.KUBECONFIG || resolve(homedir(), ".kube/config");
  const isPath = !source.includes("\n") && !source.trimStart().startsWith("{");
  if (isPath && !existsSync(source)) throw new Error(`the kubeconfig ${source} does not exist`);
  const dir = isPath ? dirname(source) : process.cwd();
  const config = parse(isPath ? readFileSync(source, "utf8") : source) as Fields | null;
  if (typeof config !== "object" || config === null) throw new Error("the kubeconfig is not a YAML object");

  const used = named(config, "contexts", "context", context ?? config["current-context"]);
  const where = named(config, "clusters", "cluster", cluster ?? used.cluster);
  const user = used.user === undefined ? {} : named(config, "users", "user", used.user);
  for (const [property, what] of Object.entries(REFUSED)) {
    if (user[property] !== undefined)
      throw new Error(`the kubeconfig uses ${what}, which a rehearsal does not support`);
  }
  if (where["proxy-url"] !== undefined)
    throw new Error("the kubeconfig uses a proxy, which a rehearsal does not support");
  if (typeof where.server !== "string") throw new Error("the kubeconfig's cluster has no server");

  const tokenFile =
    typeof user.tokenFile === "string" ? readFileSync(resolve(dir, user.tokenFile), "utf8").trim() : undefined;
  const token = typeof user.token === "string" ? user.token : tokenFile;
  const ca = data(where, "certificate-authority", dir);
  const cert = data(user, "client-certificate", dir);
  const key = data(user, "client-key", dir);
  const serverName = where["tls-server-name"];
  return {
    server: where.server.replace(/\/+$/, ""),
    namespace: typeof used.namespace === "string" ? used.namespace : undefined,
    insecure: where["insecure-skip-tls-verify"] === true,
    ...(ca !== undefined ? { ca } : {}),
    ...(cert !== undefined ? { cert } : {}),
    ...(key !== undefined ? { key } : {}),
    ...(token !== undefined ? { token } : {}),
    ...(typeof serverName === "string" ? { serverName } : {}),
  };
}
