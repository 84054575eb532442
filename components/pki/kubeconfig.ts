/** Kubeconfigs: of components, which name the files of their host, and those that hold a key. */
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

export interface KubeconfigWithKey {
  readonly stack: string;
  readonly endpoint: string;
  /** One certificate or several. */
  readonly authorityPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  readonly user: string;
}

/** A secret. */
export function kubeconfigWithKey({ stack, endpoint, authorityPem, certPem, keyPem, user }: KubeconfigWithKey): string {
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
      users: [{ name: user, user: { "client-certificate-data": base64(certPem), "client-key-data": base64(keyPem) } }],
      contexts: [{ name: stack, context: { cluster: stack, user } }],
      "current-context": stack,
    },
    { lineWidth: 0 },
  );
}
