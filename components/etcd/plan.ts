/** The etcd shards and what each member's host holds. */
import { type ClusterSpec, slotOf } from "../../config/cluster";
import { etcdFlags, goMemoryLimit, mergeFlags, policyFor, renderEtcdEnvironment } from "../../config/flags";
import { type Place, place } from "../../config/names";
import { modulesFor, type Scale, sysctlsFor } from "../../config/scale";
import { environmentFile, hostFiles, textFile } from "../machine/host-files";
import type { Machine, MachineVolume } from "../machine/machine";
import type { ArtifactSums, CertificatePlan, DiskPlan, HostPlan, ShardPlan } from "../plan-types";
import { ports } from "../ports";
import { binaries, hostRange } from "../shared";

/** Members' data. etcd has no option for the snapshot directory: the database volume is mounted where it keeps it. */
const dataDir = "/var/lib/etcd";
const databaseMount = `${dataDir}/member/snap`;
/** etcd renames over its WAL directory, so that is one below the mount point, never the mount point itself. */
const walMount = "/var/lib/etcd-wal";
const walDir = `${walMount}/wal`;
const pki = "/etc/etcd/pki";

export function shardPlans(spec: ClusterSpec): ShardPlan[] {
  return Object.entries(spec.etcd.shards)
    .map(([name, shard]) => ({ name, shard, slot: slotOf(name, shard) as number }))
    .sort((a, b) => a.slot - b.slot)
    .map(({ name, shard, slot }) => {
      const members = Array.from({ length: shard.members }, (_, index) =>
        place(hostRange(spec), { role: "etcd", label: `etcd-${name}`, group: slot }, index),
      );
      return {
        name,
        group: `etcd-${name}`,
        token: `${spec.stack}-etcd-${name}`,
        resources: shard.resources,
        members,
        endpoints: members.map((member) => `https://${member.address}:${ports.etcdClient}`),
      };
    });
}

export function etcdHosts(spec: ClusterSpec, scale: Scale, shard: ShardPlan, sums: ArtifactSums): HostPlan[] {
  return shard.members.map((member) => ({
    ...member,
    role: "etcd",
    group: shard.group,
    machine: memberMachine(spec, scale, shard, member, sums),
    certificates: memberCertificates(member),
    pem: {
      [`${pki}/peer-ca.crt`]: { kind: "authority", authority: "etcd-peer" },
      [`${pki}/client-ca.crt`]: { kind: "authority", authority: "etcd-client" },
    },
    secrets: {},
    disks: memberDisks(spec),
  }));
}

function memberMachine(spec: ClusterSpec, scale: Scale, shard: ShardPlan, member: Place, sums: ArtifactSums): Machine {
  return {
    users: { etcd: { home: dataDir } },
    directories: {
      "/etc/etcd": { mode: "0755", owner: "root:root" },
      [pki]: { mode: "0755", owner: "root:root" },
      [dataDir]: { mode: "0700", owner: "etcd:etcd" },
      [`${dataDir}/member`]: { mode: "0700", owner: "etcd:etcd" },
    },
    files: {
      ...hostFiles(
        "/usr/local/lib/kilonode/hold-clients",
        "/usr/local/lib/systemd/system/etcd.service",
        "/usr/local/lib/systemd/system/traffic-classes.service",
        "/usr/local/lib/systemd/system/traffic-classes.timer",
        "/usr/local/sbin/traffic-classes",
      ),
      "/etc/etcd/etcd.env": textFile(memberSettings(scale, shard, member).join("\n")),
      "/etc/etcd/etcdctl.env": environmentFile({
        ETCDCTL_ENDPOINTS: `https://${member.address}:${ports.etcdClient}`,
        ETCDCTL_CACERT: `${pki}/client-ca.crt`,
        ETCDCTL_CERT: `${pki}/server.crt`,
        ETCDCTL_KEY: `${pki}/server.key`,
        // For curl, connected to 127.0.0.1: the certificate is of the address.
        KILONODE_ETCD_HTTP: `https://${member.address}:${ports.etcdHttp}`,
      }),
    },
    binaries: binaries(sums, "etcd", "etcdctl", "etcdutl"),
    modules: modulesFor("etcd", scale),
    sysctls: sysctlsFor("etcd", scale),
    volumes: [
      volume("wal", walMount, walGiB, ["database"]),
      volume("database", databaseMount, databaseGiB(spec), ["wal"]),
    ],
    // Heartbeats and log entries between members ahead of clients, clients ahead of the rest (ledger E7).
    traffic: {
      classes: [
        { name: "peer", band: 1, ports: [ports.etcdPeer] },
        { name: "client", band: 2, ports: [ports.etcdClient] },
      ],
    },
    services: {
      "etcd.service": {
        kind: "unit",
        enabled: true,
        running: true,
        // etcd reads its certificates anew at each handshake: a renewed one needs no restart.
        restartOn: ["/etc/etcd/etcd.env", "/usr/local/bin/etcd"],
        reloadOn: [],
        wait: false,
      },
      // Runs at boot, and the timer looks every minute whether the classes are still there.
      "traffic-classes.service": {
        kind: "unit",
        enabled: true,
        running: false,
        restartOn: [],
        reloadOn: [],
        wait: false,
      },
      "traffic-classes.timer": { kind: "unit", enabled: true, running: true, restartOn: [], reloadOn: [], wait: false },
    },
  };
}

/** etcd's settings as ETCD_* variables: what identifies this member, and what the scale model derives. */
function memberSettings(scale: Scale, shard: ShardPlan, member: Place): string[] {
  const url = (port: number) => `https://${member.address}:${port}`;
  const identity = {
    name: member.name,
    "data-dir": dataDir,
    "wal-dir": walDir,
    "listen-peer-urls": url(ports.etcdPeer),
    "initial-advertise-peer-urls": url(ports.etcdPeer),
    "listen-client-urls": url(ports.etcdClient),
    // Beside gRPC on one port, HTTP would put Go's HTTP/2 server in its place, whose large answers starve watches (decision 6).
    "listen-client-http-urls": `https://127.0.0.1:${ports.etcdHttp}`,
    "advertise-client-urls": url(ports.etcdClient),
    // Health and metrics over plain HTTP, on this host only.
    "listen-metrics-urls": `http://127.0.0.1:${ports.etcdMetrics}`,
    "peer-client-cert-auth": true,
    "peer-trusted-ca-file": `${pki}/peer-ca.crt`,
    "peer-cert-file": `${pki}/peer.crt`,
    "peer-key-file": `${pki}/peer.key`,
    "client-cert-auth": true,
    "trusted-ca-file": `${pki}/client-ca.crt`,
    "cert-file": `${pki}/server.crt`,
    "key-file": `${pki}/server.key`,
    "tls-min-version": "TLS1.3",
    // An operator who removes a member by hand wants it gone, not restarting for ever.
    "strict-reconfig-check": true,
    logger: "zap",
    "log-outputs": "stderr",
  };
  const flags = mergeFlags(identity, etcdFlags(scale, shard.name), {}, policyFor("etcd", scale.versions));
  return [...renderEtcdEnvironment(flags), `GOMEMLIMIT=${goMemoryLimit("etcd", scale)}`].sort();
}

function memberCertificates(member: Place): CertificatePlan[] {
  const common = {
    owner: "etcd:etcd",
    commonName: member.name,
    dnsNames: [member.name],
    ipAddresses: [member.address],
    uses: ["server_auth", "client_auth"] as const,
  };
  return [
    { ...common, name: "peer", authority: "etcd-peer", keyPath: `${pki}/peer.key`, certPath: `${pki}/peer.crt` },
    // Also the client certificate of etcdctl on this host.
    {
      ...common,
      name: "server",
      authority: "etcd-client",
      keyPath: `${pki}/server.key`,
      certPath: `${pki}/server.crt`,
    },
  ];
}

const walGiB = 2;
const databaseGiB = (spec: ClusterSpec): number => spec.etcd.quotaGiB + 2;

function volume(name: string, mount: string, sizeGiB: number, apartFrom: readonly string[]): MachineVolume {
  return {
    name,
    mount,
    fs: "ext4",
    sizeGiB,
    apartFrom,
    owner: "etcd:etcd",
    device: `/dev/disk/by-id/kilonode-${name}`,
  };
}

/** Sparse in the lab; on a cloud these are the instance's own disks. */
function memberDisks(spec: ClusterSpec): DiskPlan[] {
  return [
    { name: "wal", fs: "ext4", sizeGiB: walGiB, mount: walMount },
    { name: "database", fs: "ext4", sizeGiB: databaseGiB(spec), mount: databaseMount },
  ];
}
