/** Kubeconfigs: of components, which name the files of their host, and of the operator, which holds a key. */
import { stringify } from "yaml";

export interface KubeconfigOf {
  readonly server: string;
  readonly authorityPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly user: string;
}

/** Names files, so there is no secret in it. */
export function componentKubeconfig(of: KubeconfigOf): string {
  return stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "cluster", cluster: { server: of.server, "certificate-authority": of.authorityPath } }],
    users: [{ name: of.user, user: { "client-certificate": of.certPath, "client-key": of.keyPath } }],
    contexts: [{ name: of.user, context: { cluster: "cluster", user: of.user } }],
    "current-context": of.user,
  });
}

/** Holds the operator's key: a secret. */
export function operatorKubeconfig(
  stack: string,
  endpoint: string,
  authorityPem: string,
  certPem: string,
  keyPem: string,
): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: stack,
          cluster: { server: endpoint, "certificate-authority-data": base64(authorityPem) },
        },
      ],
      users: [
        { name: "operator", user: { "client-certificate-data": base64(certPem), "client-key-data": base64(keyPem) } },
      ],
      contexts: [{ name: stack, context: { cluster: stack, user: "operator" } }],
      "current-context": stack,
    },
    { lineWidth: 0 },
  );
}
