/** Rows of the ledger: etcd. */
import type { LedgerEntry } from "./entry";

export const etcd: readonly LedgerEntry[] = [
  {
    id: "E1",
    area: "etcd",
    source: "C 3.3",
    recommendation: "highly available; grows with the cluster by itself",
    form: "shard sizes derive from scale where `etcd.shards` does not say them; raising `workload.nodes` and running `up` adds members as learners and promotes them",
    status: "done",
    implementedIn: ["components/rollout/etcd/rollout.ts", "components/rollout/etcd/next.ts", "config/scale/etcd.ts"],
    evidence: [
      {
        file: "test/unit/growth.test.ts",
        test: "join the hosts that are there when more nodes are asked for, and that is no change that is refused",
      },
      {
        file: "test/lab/rollout-etcd.test.ts",
        test: "grows from 3 to 5 by learners and shrinks back to 3 others",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "grows a shard by a learner and shrinks it again, without touching the members that stay",
      },
      {
        file: "test/unit/plan.test.ts",
        test: "keeps each shard's quorum without any one zone",
      },
    ],
  },
  {
    id: "E2",
    area: "etcd",
    source: "C 3.3",
    recommendation: "local SSD; dedicated hosts, never on a node",
    form: "NVMe instances; no kubelet, no other service on an etcd host",
    status: "done",
    implementedIn: ["components/platform/aws/hosts.ts", "components/etcd/plan.ts", "config/scale/etcd-host.ts"],
    evidence: [
      { file: "test/unit/aws-hosts.test.ts", test: "%s is the golden one" },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "runs etcd, its traffic classes, a firewall and what sends its clients away, and nothing else",
      },
    ],
  },
  {
    id: "E3",
    area: "etcd",
    source: "C 3.3",
    recommendation: "WAL and snap on separate disks",
    form: "two volumes, `--wal-dir` on its own; refused if both end on one device",
    status: "done",
    implementedIn: [
      "components/etcd/plan.ts",
      "components/machine/files/usr/local/lib/systemd/system/etcd.service",
      "components/machine/files/usr/local/lib/kilonode/machine_apply/volumes.py",
    ],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "has a volume for the log and one for the database, apart, and starts only when both are mounted",
      },
      {
        file: "test/unit/machine-apply.test.ts",
        test: "refuses volumes on one device that must be apart",
      },
      {
        file: "test/lab/platform.test.ts",
        test: "two hosts run systemd without a failed unit, each with two volumes and its own sysctls",
      },
    ],
  },
  {
    id: "E4",
    area: "etcd",
    source: "C 3.3",
    recommendation: "check the disk with fio",
    form: "preflight on the host before etcd starts (fdatasync p99, sequential 4k IOPS) with thresholds; result kept, failing host refused with a clear error",
    status: "later",
    implementedIn: ["components/machine/files/usr/local/lib/kilonode/disk-preflight"],
    evidence: [],
    reason: "the program that measures, keeps the result and refuses is written; no host gets it, and no test runs it",
  },
  {
    id: "E5",
    area: "etcd",
    source: "C 3.3",
    recommendation: "ionice -c2 -n0; quota 8 GiB",
    form: "IOSchedulingClass/Priority in the unit; `--quota-backend-bytes=8589934592`; alarm well before it is full",
    status: "done",
    implementedIn: [
      "cli/doctor/checks/etcd.ts",
      "components/machine/files/usr/local/lib/systemd/system/etcd.service",
      "components/etcd/plan.ts",
    ],
    evidence: [
      { file: "test/unit/doctor.test.ts", test: "%s: %s when it is not in effect" },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "writes with the priority of ionice -c2 -n0 and has a quota of 8 GiB",
      },
      {
        file: "test/unit/scale-notices.test.ts",
        test: "a database that does not fit its quota is an error, a tight one a warning",
      },
    ],
  },
  {
    id: "E6",
    area: "etcd",
    source: "C 3.3, card",
    recommendation: "events in a separate etcd",
    form: "`--etcd-servers-overrides=/events#...`; leases too by default, and whatever else `etcd.shards` names; own hosts among the 17",
    status: "done",
    implementedIn: ["config/cluster.ts", "components/etcd/plan.ts", "components/control-plane/flags.ts"],
    evidence: [
      {
        file: "test/unit/plan.test.ts",
        test: "has 17 etcd hosts in three shards, 11 masters, a load balancer and a node simulator",
      },
      {
        file: "test/unit/plan.test.ts",
        test: "names the overrides as kube-apiserver reads them",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "a shard that the configuration names has hosts of its own and an override on every master",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "keeps events and leases in their own shards, and Secrets encrypted",
      },
    ],
  },
  {
    id: "E7",
    area: "etcd",
    source: "C 3.3",
    recommendation: "tc: peer traffic (2380) ahead of client traffic (2379), 3-band prio + u32",
    form: "the article sends both ports to band 1:1, which gives peers no priority over clients: here 2380 goes to the first band, 2379 to the second, the rest to the third; IPv4 and IPv6; survives reboot and link flap; shown by measurement under congestion",
    status: "done",
    implementedIn: [
      "components/machine/files/usr/local/sbin/traffic-classes",
      "components/machine/files/usr/local/lib/systemd/system/traffic-classes.service",
      "components/machine/files/usr/local/lib/systemd/system/traffic-classes.timer",
      "components/etcd/plan.ts",
    ],
    evidence: [
      {
        file: "test/lab/machine.test.ts",
        test: "each port goes to its band, both families, both directions, and applying again changes nothing",
      },
      {
        file: "test/lab/machine.test.ts",
        test: "what somebody changed is told and put right; a link that goes down and up keeps its classes",
      },
      {
        file: "test/lab/machine.test.ts",
        test: "peers get through while clients fill the link",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "sends peers ahead of clients ahead of the rest, from boot on, and looks every minute",
      },
    ],
  },
  {
    id: "E8",
    area: "etcd",
    source: "C 3.3",
    recommendation: "etcd operator abilities: create/destroy, resize, backup and restore, upgrade without interruption",
    form: "all of them, from the same program and commands, quorum never lost",
    status: "done",
    implementedIn: [
      "components/rollout/etcd/downgrade.ts",
      "components/rollout/etcd/rollout.ts",
      "components/rollout/etcd/health.ts",
      "components/rollout/gate/refusal.ts",
      "cli/etcd/restore/next.ts",
    ],
    evidence: [
      { file: "test/binaries/etcd-move.test.ts", test: "loses nothing, and main goes on without a pause" },
      { file: "test/lab/upgrade.test.ts", test: "loses no write and fails no request" },
      {
        file: "test/unit/rollout-etcd-properties.test.ts",
        test: "grows, changes, then shrinks, with the tolerance of the smaller size kept",
      },
      {
        file: "test/lab/rollout-etcd.test.ts",
        test: "changes %i members one by one, the leader last",
      },
      {
        file: "test/lab/rollout-etcd.test.ts",
        test: "replaces a member whose host was made again, empty",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "rolls a changed etcd setting member by member, leader last, while every write is kept",
      },
      {
        file: "test/lab/cluster.test.ts",
        test: "is destroyed to nothing after a crash in the middle of up, too, and comes back the same",
      },
      {
        file: "test/unit/etcd-restore-properties.test.ts",
        test: "ends in the same state",
      },
      {
        file: "test/lab/restore.test.ts",
        test: "is restored, whatever the command is killed at, and refuses `up` meanwhile",
      },
    ],
  },
  {
    id: "E9",
    area: "etcd",
    source: "A, B",
    recommendation: "snapshot every 30 min (an expensive request): from a learner or follower",
    form: "timer; never from the leader while a follower is healthy; verified after writing; object storage, encryption, retention",
    status: "done",
    implementedIn: [
      "cli/etcd/retention/choose.ts",
      "components/machine/files/usr/local/lib/kilonode/etcd_backup/take.py",
      "components/machine/files/usr/local/lib/kilonode/etcd_backup/drill.py",
      "components/backup/member.ts",
    ],
    evidence: [
      {
        file: "test/lab/backups.test.ts",
        test: "retain forgets what is too old by the store's clock, from here, and a member cannot",
      },
      {
        file: "test/unit/cli-etcd-retention.test.ts",
        test: "is all of the last day, an hour's last for 48 hours, a day's for 14 days, a week's for 8 weeks",
      },
      {
        file: "test/unit/etcd-backup-order.test.ts",
        test: "has no leader in it while another member is healthy; ties go by name",
      },
      {
        file: "test/binaries/etcd-backup.test.ts",
        test: "all members begin at once: one that does not lead takes one, the others see that it was taken",
      },
      {
        file: "test/lab/backups.test.ts",
        test: "a drill finds that a restore gives what the shard has, and touches nothing",
      },
    ],
  },
  {
    id: "E10",
    area: "etcd",
    source: "A, B",
    recommendation: "etcd >= 3.4 concurrent reads; >= 3.4.11 configurable watch progress notify (min 100 ms)",
    form: "version floor; `--watch-progress-notify-interval=5s` (3.7 name; `--experimental-...` up to 3.5: the name follows the version); gRPC alone at the client port, so that no large read starves a watch beside it ([decision 7](decisions/0007-grpc-alone-at-the-client-port.md))",
    status: "done",
    implementedIn: [
      "config/flags/components.ts",
      "config/flags/known/index.ts",
      "config/flags/versions.ts",
      "components/etcd/plan.ts",
    ],
    evidence: [
      {
        file: "test/binaries/etcd.test.ts",
        test: "gRPC alone answers at the client port; HTTP has its own, for clients with a certificate",
      },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "reports the progress of watches, which versions that cannot are refused for",
      },
      {
        file: "test/unit/flags-versions.test.ts",
        test: "watch progress notify: the name follows etcd's version",
      },
      {
        file: "test/unit/flags-versions.test.ts",
        test: "every unsupported version is refused at once, with what is supported",
      },
    ],
  },
  {
    id: "E11",
    area: "etcd",
    source: "A, B",
    recommendation: 'value limit 1.5 MB, "request is too large"',
    form: "`--max-request-bytes` stays at 1.5 MiB: no knob raises it; the doctor names objects above half of it",
    status: "done",
    implementedIn: ["cli/doctor/checks/objects.ts", "config/scale/etcd.ts", "config/flags/components.ts"],
    evidence: [
      { file: "test/unit/doctor.test.ts", test: "%s: %s when it is not in effect" },
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "compacts by itself, and keeps etcd's limit of 1.5 MiB a request",
      },
    ],
  },
  {
    id: "E12",
    area: "etcd",
    source: "A, B",
    recommendation: "db growth: COW MVCC, compaction, defrag",
    form: "auto compaction; rolling defrag (one member at a time, leader last) when the free share passes a threshold: each member writes its database anew at a restart, by `kilonode etcd defrag` and a nightly workflow ([decision 19](decisions/0019-members-defragment-at-a-start.md)); `kilonode etcd compact` brings a shard out of NOSPACE",
    status: "done",
    implementedIn: [
      "config/scale/etcd.ts",
      "config/flags/components.ts",
      "components/rollout/etcd/defragment.ts",
      "components/rollout/etcd/space.ts",
      "components/machine/files/usr/local/lib/kilonode/etcd-defragment",
      ".github/workflows/defragment.yaml",
    ],
    evidence: [
      {
        file: "test/unit/ledger-evidence.test.ts",
        test: "compacts by itself, and keeps etcd's limit of 1.5 MiB a request",
      },
      {
        file: "test/unit/rollout-defragment.test.ts",
        test: "goes from member to member, the leader last, and tells sizes and how long each was away",
      },
      {
        file: "test/lab/space-etcd.test.ts",
        test: "is given back while clients write, the leader last, with nothing lost",
      },
      {
        file: "test/lab/space-etcd.test.ts",
        test: "is out: old revisions go, the databases shrink, writes are taken again",
      },
      {
        file: "test/lab/defrag.test.ts",
        test: "gives back what is free while clients write, with no request lost",
      },
    ],
  },
];
