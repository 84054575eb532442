/** Backups of etcd in a plan: where they are, who may do what, and what holds them. */
import { describe, expect, it } from "vitest";
import { calendarOf } from "../../components/backup/member";
import { changeProblems, commitmentsOf } from "../../components/plan/commitments";
import type { ClusterPlan, HostPlan } from "../../components/plan/types";
import { machineOf } from "../../components/platform/aws/machine";
import { awsParts } from "../../components/platform/aws/parts";
import { awsPlan } from "../../components/platform/aws/plan";
import type { RawConfiguration } from "../../config/read";
import { clusterOf, hostOf, hostsOf, planOf, problemsOf, rawOf } from "../support/plans";
import { smallConfiguration } from "./cli-fixture";

const etcd = (backup: unknown) => ({ etcd: { ...smallConfiguration.etcd, backup } });
const small = (backup: unknown) => clusterOf("lab-small", { ...smallConfiguration, ...etcd(backup) }).plan;
const lines = (host: HostPlan | undefined, path: string) => host?.machine.files[path]?.content.trim().split("\n");
const env = "/etc/etcd/backup/backup.env";

describe("the configuration", () => {
  it("has backups where the cluster is not made to be thrown away, unless it says otherwise", () => {
    const kept = planOf("prod-a").backup;
    expect([kept?.everyMinutes, kept?.keep]).toEqual([30, { hourly: 48, daily: 14, weekly: 8 }]);
    expect(planOf("prod-a", { etcd: { backup: false } }).backup).toBeUndefined();
    expect(planOf("test").backup).toBeUndefined();
    expect(small(undefined).backup).toBeUndefined();
    expect(small({ keep: { daily: 3 } }).backup).toMatchObject({
      everyMinutes: 30,
      keep: { hourly: 48, daily: 3, weekly: 8 },
    });
  });

  it.each([
    [true, "etcd.backup: wants false, or a map such as {everyMinutes: 30} (got true)"],
    [{ everyMinutes: 4 }, "etcd.backup.everyMinutes: Too small: expected number to be >=5 (got 4)"],
    [
      { everyMinutes: 7 },
      "etcd.backup.everyMinutes: 7 minutes are no step that fills hours or a day evenly; allowed are 5, 6, 10, 12, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440",
    ],
    [{ every: 5 }, "etcd.backup.every: unknown key; see docs/configuration.md for the keys there are"],
    [{ keep: { hourly: 0 } }, "etcd.backup.keep.hourly: Too small: expected number to be >=1 (got 0)"],
    [
      { everyMinutes: "soon" },
      'etcd.backup.everyMinutes: Invalid input: expected number, received string (got "soon")',
    ],
  ])("refuses %j", (backup, problem) => {
    expect(problemsOf({ ...smallConfiguration, ...etcd(backup) }, "lab-small")).toEqual([problem]);
  });

  it("names the moments of each step", () => {
    expect([5, 30, 60, 720, 1440].map(calendarOf)).toEqual([
      "*-*-* *:0/5:00 UTC",
      "*-*-* *:0/30:00 UTC",
      "*-*-* 0/1:00:00 UTC",
      "*-*-* 0/12:00:00 UTC",
      "*-*-* 00:00:00 UTC",
    ]);
  });
});

describe("without backups", () => {
  it("nothing of them is in a plan", () => {
    const plan = small(false);
    expect(JSON.stringify(plan)).not.toMatch(/backup-store|restic|versitygw|etcd-backup/);
    expect(plan).toEqual(small(undefined));
  });
});

describe("a store of ours", () => {
  const plan = small({ everyMinutes: 5 });
  const [store] = hostsOf(plan, "backup-store");

  it("is a host of its own, at an address that no other one can have", () => {
    expect([store?.name, store?.role, store?.address]).toEqual(["lab-small-backup-1", "backup-store", "198.18.16.7"]);
    expect(plan.groups.find(({ name }) => name === "backup-store")).toMatchObject({ after: [], needsApi: false });
    expect(plan.backup?.repositories).toEqual({
      main: "s3:https://198.18.16.7:7070/etcd-main/main",
      events: "s3:https://198.18.16.7:7070/etcd-events/events",
      leases: "s3:https://198.18.16.7:7070/etcd-leases/leases",
    });
  });

  it("listens at its own address, keeps its data on a volume, and has its rights from policies alone", () => {
    expect(lines(store, "/etc/backup-store/store.env")).toEqual([
      "BUCKETS=etcd-main=main,etcd-events=events,etcd-leases=leases",
      "KEEPER=store-keeper",
      "STORE=https://198.18.16.7:7070",
      "VGW_CERT=/etc/backup-store/pki/store.crt",
      "VGW_DISABLE_ACL=true",
      "VGW_IAM_CACHE_DISABLE=true",
      "VGW_IAM_DIR=/etc/backup-store/users",
      "VGW_KEY=/etc/backup-store/pki/store.key",
      "VGW_PORT=198.18.16.7:7070",
      "VGW_REGION=us-east-1",
      "VGW_VERSIONING_DIR=/var/lib/backup-store/versions",
    ]);
    expect(store?.machine.volumes).toEqual([
      {
        name: "backups",
        mount: "/var/lib/backup-store",
        fs: "ext4",
        sizeGiB: 96,
        apartFrom: [],
        owner: "backup-store:backup-store",
        device: "/dev/disk/by-id/kilonode-backups",
      },
    ]);
    expect(Object.keys(store?.machine.binaries ?? {})).toEqual(["/usr/local/bin/versitygw"]);
  });

  it("lets members of all shards in, and operators", () => {
    const members = (first: number) =>
      Array.from({ length: 6 }, (_, zone) => `198.18.${16 + zone}.${first}-198.18.${16 + zone}.${first + 17}`);
    expect(store?.machine.firewall?.allowed).toEqual([
      { name: "operators", port: 22, from: ["198.18.31.254/32"] },
      { name: "members", port: 7070, from: [...members(40), ...members(58), ...members(76)] },
      { name: "operators", port: 7070, from: ["198.18.31.254/32"] },
    ]);
  });

  it("shows a certificate of an authority of its own, which members alone trust", () => {
    expect(plan.authorities.at(-1)).toBe("backup");
    expect(store?.certificates).toMatchObject([
      { authority: "backup", uses: ["server_auth"], ipAddresses: ["198.18.16.7"] },
    ]);
    const trust = plan.hosts.filter(({ pem }) =>
      Object.values(pem).some((one) => one.kind === "authorities" && one.authorities.includes("backup")),
    );
    expect([...new Set(trust.map(({ role }) => role))].sort()).toEqual(["backup-store", "etcd"]);
  });

  it("is known to each member by its shard's repository, key and password", () => {
    const member = hostOf(plan, "lab-small-etcd-events-1");
    expect(lines(member, env)).toEqual([
      "AWS_DEFAULT_REGION=us-east-1",
      "AWS_SHARED_CREDENTIALS_FILE=/etc/etcd/backup/credentials",
      "KILONODE_BACKUP_MINUTES=5",
      "KILONODE_SHARD=events",
      "RESTIC_CACERT=/etc/etcd/backup/store-ca.crt",
      "RESTIC_CACHE_DIR=/var/cache/kilonode-backup",
      "RESTIC_PASSWORD_FILE=/etc/etcd/backup/password",
      "RESTIC_REPOSITORY=s3:https://198.18.16.7:7070/etcd-events/events",
    ]);
    expect(member.secrets).toEqual({
      "/etc/etcd/backup/password": { secret: "backup-password events", mode: "0400", owner: "root:root" },
      "/etc/etcd/backup/credentials": { secret: "backup-credentials events", mode: "0400", owner: "root:root" },
    });
    expect(lines(member, "/usr/local/lib/systemd/system/etcd-backup.timer.d/schedule.conf")).toEqual([
      "[Timer]",
      "OnCalendar=*-*-* *:0/5:00 UTC",
    ]);
    expect(member.machine.directories["/etc/etcd/backup"]).toEqual({ mode: "0700", owner: "root:root" });
    expect(member.machine.binaries["/usr/local/bin/restic"]).toEqual({ name: "restic", version: "0.18.1" });
    expect(member.machine.services["etcd-backup.timer"]).toMatchObject({ enabled: true, running: true });
    // Nothing of etcd restarts for it.
    expect(member.machine.services["etcd.service"]).toEqual(
      hostOf(small(false), member.name).machine.services["etcd.service"],
    );
  });
});

describe("the bucket of AWS", () => {
  const of = (change: RawConfiguration = {}) => {
    const { plan, spec } = clusterOf("prod-a", { ...rawOf("prod-a"), ...change });
    return { plan, resources: awsPlan(awsParts(spec, plan)).resources };
  };
  const named = ({ resources }: ReturnType<typeof of>, type: string) =>
    resources.filter((one) => one.type.includes(type));
  const policyOf = (made: ReturnType<typeof of>) =>
    JSON.stringify(named(made, "rolePolicy").find(({ name }) => name === "prod-a-etcd")?.args);

  it("is each shard's by a path, for the role of its members: no key, no authority, no host", () => {
    const { plan } = of();
    const member = hostOf(plan, "prod-a-etcd-main-1");
    expect(lines(member, env)?.filter((line) => /REPOSITORY|REGION|CREDENTIALS|CACERT/.test(line))).toEqual([
      expect.stringMatching(/^AWS_DEFAULT_REGION=[a-z]+-[a-z]+-\d$/),
      expect.stringMatching(
        /^RESTIC_REPOSITORY=s3:https:\/\/s3\.[a-z0-9-]+\.amazonaws\.com\/kilonode-prod-a-snapshots-\d{12}-[a-z0-9-]+\/main$/,
      ),
    ]);
    expect(Object.keys(member.secrets)).toEqual(["/etc/etcd/backup/password"]);
    expect([plan.authorities.includes("backup"), hostsOf(plan, "backup-store")]).toEqual([false, []]);
  });

  it("is locked, and nothing in it goes by itself", () => {
    const [lock] = named(of({ aws: { ...(rawOf("prod-a").aws as object), snapshotDays: 90 } }), "ObjectLock");
    expect(lock?.args).toMatchObject({ rule: { defaultRetention: { mode: "GOVERNANCE", days: 90 } } });
    const rules = JSON.stringify(named(of(), "Lifecycle").map(({ args }) => args));
    expect(rules).not.toMatch(/"expiration":\{"days"/);
  });

  it("is listed, read and added to by members, who delete locks alone; by nobody without backups", () => {
    const policy = policyOf(of());
    expect(policy).toContain('"Action":["s3:GetObject","s3:PutObject"]');
    expect(policy.match(/s3:Delete\w+/g)).toEqual(["s3:DeleteObject"]);
    expect(policy).toContain("/*/locks/*");
    expect(policyOf(of({ etcd: { backup: false } }))).not.toMatch(/s3:(Put|Delete|List)/);
  });

  it("wants room for a snapshot and its trial on the root disk of members", () => {
    const sizes = (change: RawConfiguration = {}) => {
      const { plan, spec } = clusterOf("prod-a", { ...rawOf("prod-a"), ...change });
      const parts = awsParts(spec, plan);
      return Object.fromEntries(
        ["prod-a-etcd-main-1", "prod-a-master-1"].map((name) => [name, machineOf(parts, hostOf(plan, name)).rootGiB]),
      );
    };
    expect(sizes()).toEqual({ "prod-a-etcd-main-1": 70, "prod-a-master-1": 30 });
    expect(sizes({ etcd: { backup: false } })).toEqual({ "prod-a-etcd-main-1": 30, "prod-a-master-1": 30 });
  });
});

describe("what is kept", () => {
  const kept = (change: RawConfiguration): ClusterPlan => planOf("prod-a", change);
  const problems = (before: ClusterPlan, after: ClusterPlan) =>
    changeProblems(commitmentsOf(before), commitmentsOf(after));

  it("does not go with a key that is left out, whatever the stack becomes", () => {
    for (const after of [kept({ etcd: { backup: false } }), kept({ ephemeral: true })])
      expect(problems(kept({}), after)).toEqual([expect.stringMatching(/^etcd\.backup: .*`kilonode up`/)]);
  });

  it("goes in the steps that the refusal names", () => {
    const thrownAway = kept({ ephemeral: true, etcd: { backup: {} } });
    expect(problems(kept({}), thrownAway)).toEqual([]);
    expect(problems(thrownAway, kept({ ephemeral: true }))).toEqual([]);
    expect(problems(kept({ etcd: { backup: false } }), kept({}))).toEqual([]);
  });
});
