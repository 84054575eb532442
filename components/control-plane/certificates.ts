/** The certificates of a master: one for each thing it is, or acts as. */
import type { Place } from "../../config/names";
import { clientCertificate, identity } from "../plan/parts";
import type { ApiPlan, CertificatePlan } from "../plan/types";

export const pki = "/etc/kubernetes/pki";

/** Of what answers the platform's load balancer: may read health and nothing else, as every user may that is known at all. */
export const healthCertificate = client("health", "kubernetes", "apiserver-health", "kilonode:apiserver-health");

/** @param serviceAddress of the Service `kubernetes.default` */
export function masterCertificates(master: Place, api: ApiPlan, serviceAddress: string): CertificatePlan[] {
  const own = identity(master);
  return [
    {
      name: "apiserver",
      authority: "kubernetes",
      ...at("apiserver", "kube-apiserver"),
      commonName: "kube-apiserver",
      dnsNames: [
        ...own.dnsNames,
        ...api.dnsNames,
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
      ],
      ipAddresses: [...own.ipAddresses, ...api.ipAddresses, serviceAddress],
      uses: ["server_auth"],
    },
    client("etcd-client", "apiserver-etcd-client", "kube-apiserver", "kube-apiserver"),
    // Authorized by the built-in role system:kubelet-api-admin (see objects).
    client("kubelet-client", "kubernetes", "kube-apiserver", "kilonode:kubelet-client"),
    client("front-proxy-client", "front-proxy", "kube-apiserver", "front-proxy-client"),
    client("controller-manager", "kubernetes", "kube-controller-manager", "system:kube-controller-manager"),
    client("scheduler", "kubernetes", "kube-scheduler", "system:kube-scheduler"),
  ];
}

function client(
  name: string,
  authority: CertificatePlan["authority"],
  user: string,
  commonName: string,
): CertificatePlan {
  return clientCertificate({ name, authority, ...at(name, user), commonName });
}

function at(name: string, user: string) {
  return { keyPath: `${pki}/${name}.key`, certPath: `${pki}/${name}.crt`, owner: `${user}:${user}` };
}
