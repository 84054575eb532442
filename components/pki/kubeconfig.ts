/** Kubeconfigs of components: they name the files of their host, so there is no secret in them. */
import { stringify } from "yaml";

export interface KubeconfigOf {
  readonly server: string;
  readonly authorityPath: string;
  readonly certPath: string;
  readonly keyPath: string;
  readonly user: string;
}

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
