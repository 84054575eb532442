/** The operator's kubeconfig as what Node's TLS takes. */
import { parse } from "yaml";

export interface OperatorAccess {
  /** URL of the API at the load balancer. */
  readonly server: string;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface Kubeconfig {
  clusters: [{ cluster: { server: string; "certificate-authority-data": string } }];
  users: [{ user: { "client-certificate-data": string; "client-key-data": string } }];
}

/** @param text as `kilonode kubeconfig` prints it: one cluster, one user, everything in it */
export function operatorAccess(text: string): OperatorAccess {
  const { clusters, users } = parse(text) as Kubeconfig;
  const { cluster } = clusters[0];
  const { user } = users[0];
  const decoded = (base64: string) => Buffer.from(base64, "base64");
  return {
    server: cluster.server,
    ca: decoded(cluster["certificate-authority-data"]),
    cert: decoded(user["client-certificate-data"]),
    key: decoded(user["client-key-data"]),
  };
}
