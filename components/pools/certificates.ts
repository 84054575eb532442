/**
 * Who a node is, where nodes are known one by one: its keys are made on it, and it gets exactly these certificates. A kubelet may then act for
 * its own node and the pods on it (authorization by Node, admission by NodeRestriction), and renews nothing itself.
 * Nodes that a platform makes by itself get none: docs/decisions/0026.
 */
import type { Place } from "../../config/names";
import { clientCertificate, identity } from "../plan/parts";
import type { CertificatePlan } from "../plan/types";

export const pki = "/etc/kubernetes/pki";

/** Users of a group that Kubernetes knows: https://kubernetes.io/docs/reference/access-authn-authz/node/ */
const nodesGroup = "system:nodes";

export function nodeCertificates(node: Place): CertificatePlan[] {
  return [
    {
      name: "kubelet",
      authority: "kubernetes",
      ...at("kubelet"),
      commonName: `system:node:${node.name}`,
      organization: nodesGroup,
      ...identity(node),
      uses: ["server_auth"],
    },
    {
      ...clientCertificate({
        name: "kubelet-client",
        authority: "kubernetes",
        ...at("kubelet-client"),
        commonName: `system:node:${node.name}`,
      }),
      organization: nodesGroup,
    },
    // Its rights are those of a user that is built in: system:node-proxier.
    clientCertificate({
      name: "kube-proxy",
      authority: "kubernetes",
      ...at("kube-proxy"),
      commonName: "system:kube-proxy",
    }),
  ];
}

function at(name: string) {
  return { keyPath: `${pki}/${name}.key`, certPath: `${pki}/${name}.crt`, owner: "root:root" };
}
