/** The etcd shards and what each member's host holds. */
import { type ClusterSpec, movingShard, slotOf } from "../../config/cluster";
import { etcdEnvironment, etcdFlags, etcdMemoryLimit, mergeFlags, policyFor } from "../../config/flags";
import { type Place, place, rangesOf, type Territory } from "../../config/names";
import { modulesFor, type Scale, shardOf, sysctlsFor } from "../../config/scale";
import { withBackup } from "../backup/member";
import { environmentFile, hostFiles, hostServices, lines, textFile } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { clientAuthority, peerAuthority } from "../plan/authorities";
import { behindFirewall } from "../plan/firewall";
import type { GroupPlan } from "../plan/groups";
import { binaries, clientCertificate, identity, type PlanParts, trusted, volume } from "../plan/parts";
import { ports } from "../plan/ports";
import type { CertificatePlan, GuestPlan, HostPlan, ShardPlan } from "../plan/types";
import { ownDataEnv } from "../rollout/etcd/bootstrap";
import { hostTimeoutSeconds } from "../rollout/timeouts";

/** Members' data. etcd has no option for the snapshot directory: the database volume is mounted where it keeps it. */
const dataDir = "/var/lib/etcd";
const databaseMount = `${dataDir}/member/snap`;
/** etcd renames over its WAL directory, so that is one below the mount point, never the mount point itself. */
const walMount = "/var/lib/etcd-wal";
const walDir = `${walMount}/wal`;
/** etcd keeps 5 WAL segments of 64 MB (--max-wals) and makes the next one ahead. */
const walGiB = 2;
const pki = "/etc/etcd/pki";

export function shardPlans(spec: ClusterSpec, territory: Territory): ShardPlan[] {
  const { etcd, stack } = spec;
  const moving = movingShard(spec);
  const all = Object.entries(etcd.shards)
    .map(([name, shard]) => ({ name, shard, slot: slotOf(name, shard) ?? 0 }))
    .sort((a, b) => a.slot - b.slot)
    .map(({ name, shard, slot }) => {
      const members = memberPlaces(territory, name, slot, shard.members);
      const endpoints = members.map(({ endpoint }) => `https://${endpoint}:${ports.etcdClient}`);
      return { name, slot, resources: shard.resources, members, endpoints };
    });
  const guest = all.find(({ name }) => name === moving);
  const guests = guest && { ...guest, served: etcd.shards[guest.name]?.move === "served" };
  return all
    .filter((one) => one !== guest)
    .map((one) => ({
      ...one,
      group: `etcd-${one.name}`,
      token: `${stack}-etcd-${one.name}`,
      ...(guests && one.name === "main" && { guests, members: [...one.members, ...guests.members] }),
    }));
}

export const memberPlaces = (territory: Territory, shard: string, slot: number, count: number): Place[] =>
  Array.from({ length: count }, (_, index) => place(territory, { role: "etcd", label: `etcd-${shard}`, slot }, index));

/** The guest that the member belongs to, if it does. */
const guestsOf = ({ guests }: ShardPlan, member: Place): GuestPlan | undefined =>
  guests?.members.includes(member) ? guests : undefined;

/** A group for each shard. Shards roll side by side: none needs another. */
export function etcdGroups({ shards, spec }: PlanParts): GroupPlan[] {
  return shards.map(({ name, group, token, members }) => ({
    name: group,
    strategy: {
      kind: "etcd",
      shard: name,
      token,
      peerPort: ports.etcdPeer,
      clientPort: ports.etcdClient,
      release: spec.etcdVersion,
      ...(spec.etcd.downgradeTo !== undefined && { downgrade: true }),
    },
    hosts: members.map((member) => member.name),
    after: [],
    needsApi: false,
    hostTimeoutSeconds: hostTimeoutSeconds({ kind: "etcd", quotaGiB: spec.etcd.quotaGiB }),
  }));
}

export function etcdHosts(parts: PlanParts): HostPlan[] {
  return parts.shards.flatMap((shard) =>
    shard.members.map((member) => {
      const host: HostPlan = {
        ...member,
        role: "etcd",
        machine: memberMachine(parts, shard, member),
        certificates: memberCertificates(shard, member),
        pem: {
          [`${pki}/peer-ca.crt`]: trusted(peerAuthority(shard.name)),
          [`${pki}/client-ca.crt`]: trusted(clientAuthority(shard.name), "apiserver-etcd-client"),
        },
        secrets: {},
      };
      // A guest backs up nothing: what it took after the split would be another cluster's data in the repository of this one.
      return guestsOf(shard, member) ? host : withBackup(parts, shard, host);
    }),
  );
}

function memberMachine(parts: PlanParts, shard: ShardPlan, member: Place): Machine {
  const { facts, scale, spec, territory } = parts;
  const { name: size } = guestsOf(shard, member) ?? shard;
  const slots = [shard.slot, ...(shard.guests ? [shard.guests.slot] : [])];
  const members = slots.flatMap((slot) => rangesOf(territory, "etcd", slot));
  const machine: Machine = {
    users: { etcd: { home: dataDir } },
    directories: {
      "/etc/etcd": { mode: "0755", owner: "root:root" },
      [pki]: { mode: "0755", owner: "root:root" },
      [dataDir]: { mode: "0700", owner: "etcd:etcd" },
      [`${dataDir}/member`]: { mode: "0700", owner: "etcd:etcd" },
      // mkfs leaves them open to everybody.
      [databaseMount]: { mode: "0700", owner: "etcd:etcd" },
      [walMount]: { mode: "0700", owner: "etcd:etcd" },
    },
    files: {
      ...hostServices("etcd.service", "traffic-classes.service"),
      ...hostFiles(
        "/usr/local/lib/kilonode/hold-clients",
        "/usr/local/lib/systemd/system/traffic-classes.timer",
        "/usr/local/sbin/traffic-classes",
      ),
      "/etc/etcd/etcd.env": environmentFile(memberSettings(scale, size, member)),
      // In the place of what a member is first started with, from then on.
      "/etc/etcd/own-data.env": environmentFile(ownDataEnv),
      "/etc/etcd/etcdctl.env": {
        ...environmentFile({
          ETCDCTL_ENDPOINTS: `https://${member.endpoint}:${ports.etcdClient}`,
          ETCDCTL_CACERT: `${pki}/client-ca.crt`,
          ETCDCTL_CERT: `${pki}/client.crt`,
          ETCDCTL_KEY: `${pki}/client.key`,
          // For curl, connected to 127.0.0.1: the certificate is of the endpoint.
          KILONODE_ETCD_HTTP: `https://${member.endpoint}:${ports.etcdHttp}`,
        }),
        credential: "own",
      },
    },
    binaries: binaries(spec, "etcd", "etcdctl", "etcdutl"),
    modules: modulesFor("etcd", scale),
    sysctls: sysctlsFor("etcd", scale),
    // On devices of their own: a database that is written must not hold up the log that every write waits for (ledger E3).
    volumes: [
      volume(facts, {
        name: "wal",
        mount: walMount,
        fs: "ext4",
        sizeGiB: walGiB,
        apartFrom: ["database"],
        owner: "etcd:etcd",
      }),
      volume(facts, {
        name: "database",
        mount: databaseMount,
        fs: "ext4",
        sizeGiB: shardOf(scale, size).host.diskGiB,
        apartFrom: ["wal"],
        owner: "etcd:etcd",
      }),
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
        // etcd reads its certificates anew at each handshake, so a renewed one needs no restart; authorities it reads once
        // (https://github.com/etcd-io/etcd/issues/11555).
        restartOn: ["/etc/etcd/etcd.env", `${pki}/client-ca.crt`, `${pki}/peer-ca.crt`, "/usr/local/bin/etcd"],
        reloadOn: [],
        wait: false,
      },
      // Runs at boot, and the timer looks every minute whether the classes are still there.
      "traffic-classes.service": { ...atBoot, running: false },
      "traffic-classes.timer": { ...atBoot, running: true },
    },
  };
  return behindFirewall(
    parts,
    withTurningAway(machine, shard, member),
    { name: "masters", port: ports.etcdClient, from: rangesOf(territory, "master") },
    // A rollout asks one member about another.
    { name: "members", port: ports.etcdClient, from: members },
    { name: "members", port: ports.etcdPeer, from: members },
  );
}

/** Of a shard of several: clients of a member that runs and does not serve go to the others (decision 23). */
function withTurningAway(machine: Machine, { endpoints, members }: ShardPlan, member: Place): Machine {
  if (members.length === 1) return machine;
  const others = endpoints.filter((_, index) => members[index]?.name !== member.name);
  return {
    ...machine,
    files: {
      ...machine.files,
      ...hostServices("turn-clients-away.service"),
      ...hostFiles("/usr/local/lib/kilonode/turn-clients-away"),
      "/etc/etcd/turn-clients-away.env": environmentFile({
        CLIENT_PORT: ports.etcdClient,
        METRICS_URL: `http://127.0.0.1:${ports.etcdMetrics}`,
      }),
      "/etc/etcd/others": textFile(lines`${others}`),
    },
    services: { ...machine.services, "turn-clients-away.service": { ...atBoot, running: true } },
  };
}

const atBoot = { kind: "unit", enabled: true, restartOn: [], reloadOn: [], wait: false } as const;

/**
 * etcd's settings as ETCD_* variables: what identifies this member, and what the scale model derives.
 * @param size the shard that its host is as large as
 */
function memberSettings(scale: Scale, size: string, member: Place): Record<string, string> {
  // It listens at an address; others know it by its endpoint.
  const listen = (port: number) => `https://${member.address}:${port}`;
  const known = (port: number) => `https://${member.endpoint}:${port}`;
  const identity = {
    name: member.name,
    "data-dir": dataDir,
    "wal-dir": walDir,
    "listen-peer-urls": listen(ports.etcdPeer),
    "initial-advertise-peer-urls": known(ports.etcdPeer),
    "listen-client-urls": listen(ports.etcdClient),
    // Beside gRPC on one port, HTTP would put Go's HTTP/2 server in its place, whose large answers starve watches (decision 7).
    "listen-client-http-urls": `https://127.0.0.1:${ports.etcdHttp}`,
    "advertise-client-urls": known(ports.etcdClient),
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
    // Its HTTP gateway is a client of its own; without these it would show the server's certificate, which is none for clients.
    "client-cert-file": `${pki}/client.crt`,
    "client-key-file": `${pki}/client.key`,
    "tls-min-version": "TLS1.3",
    // An operator who removes a member by hand wants it gone, not restarting for ever.
    "strict-reconfig-check": true,
    logger: "zap",
    "log-outputs": "stderr",
  };
  const flags = mergeFlags(identity, etcdFlags(scale, size), {}, policyFor("etcd", scale.versions));
  return { ...etcdEnvironment(flags), GOMEMLIMIT: etcdMemoryLimit(scale, size) };
}

function memberCertificates({ name: shard }: ShardPlan, member: Place): CertificatePlan[] {
  const pair = (name: string) => ({
    name,
    owner: "etcd:etcd",
    keyPath: `${pki}/${name}.key`,
    certPath: `${pki}/${name}.crt`,
    commonName: member.name,
  });
  return [
    // A peer calls, and is called.
    { ...pair("peer"), ...identity(member), uses: ["server_auth", "client_auth"], authority: peerAuthority(shard) },
    { ...pair("server"), ...identity(member), uses: ["server_auth"], authority: clientAuthority(shard) },
    // For etcdctl on this host, and for etcd's HTTP gateway. Of no other shard's authority, so it opens no other shard.
    clientCertificate({ ...pair("client"), authority: clientAuthority(shard) }),
  ];
}
