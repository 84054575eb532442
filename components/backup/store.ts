/** The host that is the store of backups: an S3 server, in which a shard's members can add to what there is, and delete nothing. */
import { type Place, rangesOf } from "../../config/names";
import { sysctlsFor } from "../../config/scale";
import { environmentFile, hostFiles, hostServices } from "../machine/host-files";
import type { Machine } from "../machine/machine";
import { behindFirewall, operators } from "../plan/firewall";
import type { GroupPlan } from "../plan/groups";
import { binaries, identity, type PlanParts, trusted, volume } from "../plan/parts";
import { ports } from "../plan/ports";
import type { BackupPlan, CertificatePlan, HostPlan } from "../plan/types";
import { hostTimeoutSeconds } from "../rollout/timeouts";
import { bucketOf, keeper } from "./plan";

/** systemd's own TimeoutStartSec. */
const startSeconds = 90;
const user = "backup-store";
const owner = `${user}:${user}`;
const folder = "/etc/backup-store";
const pki = `${folder}/pki`;
const users = `${folder}/users`;
const data = "/var/lib/backup-store";
const program = "/usr/local/lib/kilonode/backup-store";
/** Snapshots share what has not changed between them: far less than the whole database each. */
const databasesKept = 4;

export function backupStoreGroups({ backup }: PlanParts): GroupPlan[] {
  if (!backup?.store) return [];
  return [
    {
      name: "backup-store",
      strategy: { kind: "together" },
      hosts: [backup.store.name],
      after: [],
      needsApi: false,
      hostTimeoutSeconds: hostTimeoutSeconds({ kind: "together", startSeconds }),
    },
  ];
}

export function backupStoreHosts(parts: PlanParts): HostPlan[] {
  const { backup } = parts;
  if (!backup?.store) return [];
  return [
    {
      ...backup.store,
      role: "backup-store",
      machine: storeMachine(parts, backup, backup.store),
      certificates: [storeCertificate(backup.store)],
      pem: { [`${pki}/backup-ca.crt`]: trusted("backup") },
      secrets: { [`${users}/users.json`]: { secret: "backup-users", mode: "0400", owner } },
    },
  ];
}

function storeMachine(parts: PlanParts, backup: BackupPlan, self: Place): Machine {
  const { facts, scale, shards, spec, territory } = parts;
  const asRoot = { mode: "0755", owner: "root:root" };
  const own = { mode: "0700", owner };
  const machine: Machine = {
    users: { [user]: { home: data } },
    directories: {
      [folder]: asRoot,
      [pki]: asRoot,
      [users]: asRoot,
      [data]: own,
      [`${data}/buckets`]: own,
      // What was replaced or deleted: versions are kept outside of the buckets.
      [`${data}/versions`]: own,
    },
    files: {
      ...hostServices("backup-store.service"),
      ...hostFiles(program),
      [`${folder}/store.env`]: environmentFile({
        KEEPER: keeper,
        BUCKETS: shards.map(({ name }) => `${bucketOf(name)}=${name}`).join(","),
        STORE: `https://${self.endpoint}:${ports.backupStore}`,
        VGW_CERT: `${pki}/store.crt`,
        // Rights are those of the buckets' policies alone.
        VGW_DISABLE_ACL: true,
        // Users are read as they are now.
        VGW_IAM_CACHE_DISABLE: true,
        VGW_IAM_DIR: users,
        VGW_KEY: `${pki}/store.key`,
        VGW_PORT: `${self.address}:${ports.backupStore}`,
        VGW_REGION: backup.region,
        VGW_VERSIONING_DIR: `${data}/versions`,
      }),
    },
    binaries: binaries(spec, "versitygw"),
    modules: [],
    sysctls: sysctlsFor("node", scale),
    volumes: [
      volume(facts, {
        name: "backups",
        mount: data,
        fs: "ext4",
        sizeGiB: databasesKept * shards.length * spec.etcd.quotaGiB,
        apartFrom: [],
        owner,
      }),
    ],
    services: {
      "backup-store.service": {
        kind: "unit",
        enabled: true,
        running: true,
        restartOn: [`${folder}/store.env`, program, "/usr/local/bin/versitygw"],
        reloadOn: [`${pki}/store.crt`],
        wait: true,
      },
    },
  };
  return behindFirewall(
    parts,
    machine,
    { name: "members", port: ports.backupStore, from: shards.flatMap(({ slot }) => rangesOf(territory, "etcd", slot)) },
    { name: "operators", port: ports.backupStore, from: operators(parts) },
  );
}

const storeCertificate = (self: Place): CertificatePlan => ({
  name: "store",
  authority: "backup",
  keyPath: `${pki}/store.key`,
  certPath: `${pki}/store.crt`,
  owner,
  commonName: self.name,
  ...identity(self),
  uses: ["server_auth"],
});
