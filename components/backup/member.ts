/** What a member's host holds for the backups of its shard. */
import { environmentFile, hostFiles, hostPaths, hostServices, lines, textFile } from "../machine/host-files";
import type { MachineFile } from "../machine/machine";
import { binaries, type PlanParts, trusted } from "../plan/parts";
import type { BackupPlan, HostPlan, SecretPlan, ShardPlan } from "../plan/types";

const folder = "/etc/etcd/backup";
const storeAuthority = `${folder}/store-ca.crt`;
const credentials = `${folder}/credentials`;
const password = `${folder}/password`;
const program = "/usr/local/lib/kilonode/etcd-backup";
const programPackage = "/usr/local/lib/kilonode/etcd_backup";
const timer = "etcd-backup.timer";
const minutesPerHour = 60;

/** The host as it is where there are no backups. */
export function withBackup({ backup, spec }: PlanParts, { name: shard }: ShardPlan, host: HostPlan): HostPlan {
  if (!backup) return host;
  const { machine } = host;
  const secret = (name: SecretPlan["secret"]): SecretPlan => ({ secret: name, mode: "0400", owner: "root:root" });
  return {
    ...host,
    machine: {
      ...machine,
      directories: { ...machine.directories, [folder]: { mode: "0700", owner: "root:root" } },
      files: { ...machine.files, ...backupFiles(backup, shard) },
      binaries: { ...machine.binaries, ...binaries(spec, "restic") },
      services: {
        ...machine.services,
        [timer]: { kind: "unit", enabled: true, running: true, restartOn: [], reloadOn: [], wait: false },
      },
    },
    pem: { ...host.pem, ...(backup.store && { [storeAuthority]: trusted("backup") }) },
    secrets: {
      ...host.secrets,
      [password]: secret(`backup-password ${shard}`),
      ...(backup.store && { [credentials]: secret(`backup-credentials ${shard}`) }),
    },
  };
}

function backupFiles(
  { everyMinutes, region, repositories, store }: BackupPlan,
  shard: string,
): Record<string, MachineFile> {
  const units = "/usr/local/lib/systemd/system";
  return {
    ...hostServices("etcd-backup.service"),
    ...hostFiles(program, ...hostPaths(programPackage, ".py"), `${units}/${timer}`),
    [`${units}/${timer}.d/schedule.conf`]: textFile(lines`[Timer]\nOnCalendar=${calendarOf(everyMinutes)}`),
    [`${folder}/backup.env`]: environmentFile({
      AWS_DEFAULT_REGION: region,
      KILONODE_BACKUP_MINUTES: everyMinutes,
      KILONODE_SHARD: shard,
      RESTIC_CACHE_DIR: "/var/cache/kilonode-backup",
      RESTIC_PASSWORD_FILE: password,
      RESTIC_REPOSITORY: new Map(Object.entries(repositories)).get(shard) ?? "",
      // The platform's own store knows hosts by their role, and shows a certificate that everybody trusts.
      ...(store && { AWS_SHARED_CREDENTIALS_FILE: credentials, RESTIC_CACERT: storeAuthority }),
    }),
  };
}

/** Moments of systemd, the same on every host. @param everyMinutes fills hours or a day evenly: see config/backup.ts */
export function calendarOf(everyMinutes: number): string {
  const hours = everyMinutes / minutesPerHour;
  if (hours < 1) return `*-*-* *:0/${everyMinutes}:00 UTC`;
  return hours === 24 ? "*-*-* 00:00:00 UTC" : `*-*-* 0/${hours}:00:00 UTC`;
}
