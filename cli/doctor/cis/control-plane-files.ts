/** 1.1: files of the control plane on its hosts. */
import type { HostPlan } from "../../../components/plan/types";
import { answering, type Evidence, type HostEvidence } from "../evidence";
import type { Verdict } from "../types";
import type { FileFact } from "./host";
import {
  allFiles,
  bad,
  below,
  type CisItem,
  departs,
  described,
  good,
  on,
  present,
  type Seen,
  within,
  without,
  worst,
} from "./item";
import { adminKubeconfigs, cniFolder, manifestFolder } from "./paths";

const ofRoot = ({ owner }: FileFact) => owner === "root:root";
const rootWritesAlone = (file: FileFact) => ofRoot(file) && within(file.mode, 0o755);

const unitsInstead =
  "the component is a systemd unit of a user of its own, which has to read its flags; unit and flags are written by root alone and hold no secret";

/** The manifest of a static pod; where the component is a unit, what stands in its place. */
function specification(role: HostPlan["role"], component: string, what: "mode" | "owner") {
  const manifest = `${manifestFolder}/${component}.yaml`;
  const instead = [
    `/usr/local/lib/systemd/system/${component}.service`,
    component === "etcd" ? "/etc/etcd/etcd.env" : `/etc/kubernetes/${component}.flags`,
  ];
  return on(role, (host) => {
    const [pod] = present(host, [manifest]);
    if (pod) {
      const right = what === "mode" ? within(pod.mode, 0o600) : ofRoot(pod);
      return right && pod.kind === "f" ? good(described(pod)) : bad(described(pod));
    }
    const files = present(host, instead);
    if (files.length < instead.length) return bad(`neither ${manifest} nor ${instead.join(" and ")} is there`);
    const seen = allFiles(files, rootWritesAlone, "files in place of a pod specification, root's");
    if (seen.status !== "ok" || what === "owner") return seen;
    return departs(files.map(described).join(", "), unitsInstead);
  });
}

function dataFolders(what: string, isGood: (file: FileFact) => boolean) {
  return on("etcd", (host) => {
    const data = host.plan.machine.volumes.map(({ mount }) => mount);
    const folders = present(host, ["/var/lib/etcd", "/var/lib/etcd/member", ...data]);
    if (folders.length === 0) return bad("no data directory is there");
    return allFiles(folders, isGood, what);
  });
}

const noAdmin = (isGood: (file: FileFact) => boolean) =>
  on("master", (host) => {
    const files = present(host, adminKubeconfigs);
    if (files.length === 0) return good("no administrative kubeconfig lies on a master");
    return allFiles(files, isGood, "administrative kubeconfigs");
  });

const cni = (isGood: (file: FileFact) => boolean) => (evidence: Evidence) =>
  worst(
    [...answering(evidence, "master"), ...evidence.hosts.filter(({ processes }) => processes.kubelet)].map(
      (host): [string, Seen] => {
        const files = below(host, cniFolder);
        if (files.length === 0) return [host.name, without(`no file below ${cniFolder}`, noPods)];
        return [host.name, allFiles(files, isGood, "CNI files")];
      },
    ),
  );

const noPods = "these hosts run no pods on a network of their own";

const ownCopy =
  "the component runs as a user of its own, which root's 0600 would shut out; the file names keys and holds none, and root alone writes it";

function kubeconfig(name: string, what: "mode" | "owner") {
  return on("master", (host) => {
    const [file] = present(host, [`/etc/kubernetes/${name}.kubeconfig`]);
    if (!file) return bad(`/etc/kubernetes/${name}.kubeconfig is not there`);
    if (file.kind !== "f" || !rootWritesAlone(file)) return bad(described(file));
    if (what === "owner" || within(file.mode, 0o600)) return good(described(file));
    const planned = host.plan.machine.files[file.path]?.content ?? "";
    const holdsKey = /client-key-data|token|password/.test(planned);
    return holdsKey ? bad(`${described(file)} holds a key`) : departs(described(file), ownCopy);
  });
}

const folders = ["/etc/kubernetes/pki", "/etc/etcd/pki"];
const isKey = ({ path }: FileFact) => path.endsWith(".key");

/** Over masters and members alike: the benchmark thinks of both on one host. */
const pkiFiles =
  (look: (host: HostEvidence, files: readonly FileFact[]) => Seen) =>
  (evidence: Evidence): Verdict =>
    worst(
      [...answering(evidence, "master"), ...answering(evidence, "etcd")].map((host) => [
        host.name,
        look(
          host,
          folders.flatMap((folder) => below(host, folder)),
        ),
      ]),
    );

function pkiOwners(host: HostEvidence, files: readonly FileFact[]): Seen {
  const owners = new Map([
    ...host.plan.certificates.map(({ keyPath, owner }) => [keyPath, owner] as const),
    ...Object.entries(host.plan.secrets).map(([path, { owner }]) => [path, owner] as const),
  ]);
  const all = [...present(host, folders), ...files];
  if (files.length === 0) return bad("no file is there");
  const seen = allFiles(all, (file) => file.owner === (owners.get(file.path) ?? "root:root"), "files of their owners");
  const others = new Set(files.filter((file) => !ofRoot(file)).map(({ owner }) => owner));
  if (seen.status !== "ok" || others.size === 0) return seen;
  return departs(
    "private keys belong to the users that use them, all else to root",
    "each component runs as a user of its own and reads its own keys alone; with root's, all of them would have to run as root",
  );
}

export const controlPlaneFiles: readonly CisItem[] = [
  {
    id: "1.1.1",
    title: "API server: mode of its pod specification",
    judge: specification("master", "kube-apiserver", "mode"),
  },
  {
    id: "1.1.2",
    title: "API server: owner of its pod specification",
    judge: specification("master", "kube-apiserver", "owner"),
  },
  {
    id: "1.1.3",
    title: "controller manager: mode of its pod specification",
    judge: specification("master", "kube-controller-manager", "mode"),
  },
  {
    id: "1.1.4",
    title: "controller manager: owner of its pod specification",
    judge: specification("master", "kube-controller-manager", "owner"),
  },
  {
    id: "1.1.5",
    title: "scheduler: mode of its pod specification",
    judge: specification("master", "kube-scheduler", "mode"),
  },
  {
    id: "1.1.6",
    title: "scheduler: owner of its pod specification",
    judge: specification("master", "kube-scheduler", "owner"),
  },
  { id: "1.1.7", title: "etcd: mode of its pod specification", judge: specification("etcd", "etcd", "mode") },
  { id: "1.1.8", title: "etcd: owner of its pod specification", judge: specification("etcd", "etcd", "owner") },
  { id: "1.1.9", title: "CNI files: mode", judge: cni(({ mode }) => within(mode, 0o600)) },
  { id: "1.1.10", title: "CNI files: owner", judge: cni(ofRoot) },
  {
    id: "1.1.11",
    title: "etcd's data: mode",
    judge: dataFolders("folders that etcd alone may enter", ({ mode }) => within(mode, 0o700)),
  },
  {
    id: "1.1.12",
    title: "etcd's data: owner",
    judge: dataFolders("folders of etcd:etcd", ({ owner }) => owner === "etcd:etcd"),
  },
  { id: "1.1.13", title: "administrative kubeconfig: mode", judge: noAdmin(({ mode }) => within(mode, 0o600)) },
  { id: "1.1.14", title: "administrative kubeconfig: owner", judge: noAdmin(ofRoot) },
  { id: "1.1.15", title: "scheduler's kubeconfig: mode", judge: kubeconfig("scheduler", "mode") },
  { id: "1.1.16", title: "scheduler's kubeconfig: owner", judge: kubeconfig("scheduler", "owner") },
  { id: "1.1.17", title: "controller manager's kubeconfig: mode", judge: kubeconfig("controller-manager", "mode") },
  { id: "1.1.18", title: "controller manager's kubeconfig: owner", judge: kubeconfig("controller-manager", "owner") },
  { id: "1.1.19", title: "PKI: owner of the folder and its files", judge: pkiFiles(pkiOwners) },
  {
    id: "1.1.20",
    title: "PKI: mode of certificates",
    judge: pkiFiles((_, files) =>
      allFiles(
        files.filter((file) => !isKey(file)),
        ({ mode }) => within(mode, 0o644),
        "files of 0644 or less",
      ),
    ),
  },
  {
    id: "1.1.21",
    title: "PKI: mode of private keys",
    judge: pkiFiles((_, files) =>
      allFiles(files.filter(isKey), ({ mode }) => within(mode, 0o600), "private keys of 0600 or less"),
    ),
  },
];
