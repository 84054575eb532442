/** 2: members of etcd. */
import { X509Certificate } from "node:crypto";
import { readCertificates } from "../../hosts/report";
import { answering, type Evidence, type HostEvidence, sectionOf } from "../evidence";
import type { Verdict } from "../types";
import { bad, type CisItem, equals, type Flags, flagsOf, given, good, running, type Seen, worst } from "./item";

const member = (look: (flags: Flags) => Seen) => running("etcd", "etcd", look);

/** Public keys of the authorities in a file of the host. */
function keysIn(host: HostEvidence, path: string | undefined): string[] {
  sectionOf(host, "certificates");
  return readCertificates(host.sections.certificates)
    .filter((one) => one.path === path)
    .map(({ pem }) => new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" }).toString("base64"));
}

function ownAuthority(evidence: Evidence): Verdict {
  const ofKubernetes = answering(evidence, "master").flatMap((host) => {
    const process = host.processes["kube-apiserver"];
    return process ? keysIn(host, flagsOf(process).get("client-ca-file")) : [];
  });
  if (ofKubernetes.length === 0) return bad("no master tells the authority of the API's clients");
  return worst(
    answering(evidence, "etcd").map((host): [string, Seen] => {
      const process = host.processes.etcd;
      const flags: Flags = process ? flagsOf(process) : new Map();
      const trusted = ["trusted-ca-file", "peer-trusted-ca-file"].map((name) => keysIn(host, flags.get(name)));
      if (trusted.some((keys) => keys.length === 0)) return [host.name, bad("does not tell whom it trusts")];
      const shared = trusted.flat().some((key) => ofKubernetes.includes(key));
      return [
        host.name,
        shared ? bad("trusts an authority of the API's clients") : good("trusts authorities of etcd alone"),
      ];
    }),
  );
}

export const etcdItems: readonly CisItem[] = [
  { id: "2.1", title: "serves clients with TLS", judge: member((flags) => given(flags, "cert-file", "key-file")) },
  {
    id: "2.2",
    title: "clients need a certificate",
    judge: member((flags) => equals(flags, "client-cert-auth", "true", "false")),
  },
  {
    id: "2.3",
    title: "no certificates signed by itself",
    judge: member((flags) => equals(flags, "auto-tls", "false", "false")),
  },
  {
    id: "2.4",
    title: "serves members with TLS",
    judge: member((flags) => given(flags, "peer-cert-file", "peer-key-file")),
  },
  {
    id: "2.5",
    title: "members need a certificate",
    judge: member((flags) => equals(flags, "peer-client-cert-auth", "true", "false")),
  },
  {
    id: "2.6",
    title: "no peer certificates signed by itself",
    judge: member((flags) => equals(flags, "peer-auto-tls", "false", "false")),
  },
  { id: "2.7", title: "authorities of its own", judge: ownAuthority },
];
