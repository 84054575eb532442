/** Where kube-apiserver keeps a resource in etcd (kubernetes/kubernetes pkg/kubeapiserver/default_storage_factory_builder.go and pkg/registry). */

import { lookup } from "../../config/lookup";
import { isCustom } from "../../config/rules";

/** Resources whose keys are not under their own name. */
const special: Readonly<Record<string, string>> = {
  "/nodes": "minions",
  "/endpoints": "services/endpoints",
  "/services": "services/specs",
  "/replicationcontrollers": "controllers",
  "networking.k8s.io/ingresses": "ingress",
};

/** The prefix of the keys of `group/resource` ("/events" is the core group's). */
export function prefixOf(resource: string): string {
  const [group = "", name = ""] = resource.split("/");
  const own = lookup(special, resource);
  if (own !== undefined) return `/registry/${own}/`;
  // Custom resources keep their group; those of Kubernetes have none.
  return `/registry/${isCustom(resource) ? `${group}/` : ""}${name}/`;
}
