import { describe, expect, test } from "vitest";
import { checks, diagnose } from "../../cli/doctor";
import { endpointsOf } from "../../cli/doctor/ask-api";
import { unlimitedLists } from "../../cli/doctor/checks/reads";
import { type Gathered, keeper } from "../../cli/doctor/gather";
import { largestBuckets, readMetrics } from "../../cli/doctor/metrics";
import { prefixOf } from "../../cli/doctor/shards";
import { doctorText, explainText } from "../../cli/doctor/show";
import type { CheckStatus } from "../../cli/doctor/types";
import { plainStyle } from "../../cli/show/style";
import { ledger } from "../../docs/ledger";
import { checked, onApi, onHosts, onServers, recorded, recordedPlan } from "./doctor-recorded/fixture";

test("a recorded lab: everything is in effect, or the machine explains why it cannot be", () => {
  const report = diagnose(recordedPlan(), recorded());
  const others = report.checks.filter(({ status }) => status !== "ok").map(({ id, status }) => [id, status]);
  expect(others).toEqual([
    ["backups", "skipped"],
    ["other-shards", "skipped"],
    ["encryption", "skipped"],
    ["kubelets", "skipped"],
    ["sysctls", "explained"],
    ["open-files", "explained"],
  ]);
  expect(report.counts).toMatchObject({ failed: 0, unknown: 0 });
  expect(Object.values(report.counts).reduce((a, b) => a + b)).toBe(checks.length);
});

test("every check has a name of its own, texts, and rows that the ledger has", () => {
  expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
  const rows = ledger.map(({ id }) => id);
  for (const check of checks) {
    expect(
      check.ledger.filter((id) => !rows.includes(id)),
      check.id,
    ).toEqual([]);
    for (const text of [check.title, check.why, check.source, check.remedy]) expect(text.length).toBeGreaterThan(10);
  }
});

type Form = readonly [id: string, status: CheckStatus, change: (gathered: Gathered) => Gathered, found: RegExp];

const failing: readonly Form[] = [
  ["feature-gates", "failed", onServers(/(name="WatchList",stage="BETA"}) 1/, "$1 0"), /WatchList is off/],
  ["watch-list", "failed", onServers(/^apiserver_watch_list_duration_seconds_count.*$/gm, ""), /0 streamed/],
  ["pagination", "failed", onApi({ paging: { value: { first: ["a", "b"], second: [] } } }), /gave a, b/],
  [
    "cached-reads",
    "warning",
    onServers(
      /^/,
      'apiserver_watch_cache_consistent_read_total{fallback="true",group="",resource="pods",success="false"} 900\n',
    ),
    /fell back/,
  ],
  ["bookmarks", "failed", onApi({ bookmarks: { value: { initial: 0, later: 0 } } }), /0 at the end/],
  ["bookmarks", "failed", onApi({ bookmarks: { error: "no answer for 12 s" } }), /cannot be told: no answer/],
  ["flags", "failed", onHosts(/master-2/, "a --event-ttl=60m\n", "a --event-ttl=5m\n"), /without --event-ttl=60m/],
  ["inflight", "failed", onHosts(/master-2/, "--max-requests-inflight=400", "--max-requests-inflight=40"), /is 40/],
  ["goaway", "failed", onHosts(/master/, "a --goaway-chance=0.001\n", ""), /not set/],
  ["connections", "warning", onHosts(/master-1/, /(== connections 0\n)\d+/, "$1900"), /master-1: 900/],
  ["versions", "failed", onHosts(/main-2/, 'server_version="3.7.3"', 'server_version="3.6.1"'), /etcd 3.6.1/],
  ["go-memory-limit", "failed", onHosts(/main-2/, /e GOMEMLIMIT=.*\n/, ""), /GOMEMLIMIT not set/],
  ["leaders", "failed", onApi({ leases: { value: [] } }), /nobody leads/],
  ["leaders", "failed", onHosts(/master-3/, "ReleaseLeaderElectionLockOnExit=true", "X=true"), /without Controller/],
  ["priority-levels", "failed", onApi({ flowSchemas: { value: [] } }), /kilonode-cluster-lists is missing/],
  ["seats", "failed", onServers(/(priority_level="leader-election"}) \d+/, "$1 1"), /leader-election has 1 seats/],
  ["seats", "warning", onServers(/(priority_level="workload-low"}) \d+/, "$1 120"), /workload-low has 120/],
  ["etcd-settings", "failed", onHosts(/events-1/, /e ETCD_SNAPSHOT_COUNT=\d+/, "e ETCD_SNAPSHOT_COUNT=5"), /is 5/],
  ["progress-notify", "failed", onHosts(/etcd/, /(== progress) 0\n\d+/, "$1 1\n"), /none within 10 s/],
  ["progress-notify", "warning", onHosts(/main-1/, /(== progress) 0\n\d+/, "$1 1\n"), /main-1: none/],
  ["quota", "failed", onHosts(/main-1/, /(quota_backend_bytes) \S+/, "$1 2.147483648e+09"), /quota 2147483648/],
  ["quota", "warning", onHosts(/main-1/, /(db_total_size_in_bytes) \S+/, "$1 7.3e+09"), /85 % of the quota/],
  ["wal-volume", "failed", onHosts(/main-1/, /\d+ (\/var\/lib\/etcd)/g, "7 $1"), /share a device/],
  ["etcd-io-priority", "failed", onHosts(/main-1/, "best-effort: prio 0", "none: prio 4"), /none: prio 4/],
  ["lease-shard", "failed", onHosts(/main-1/, "/registry/leases/ 0", "/registry/leases/ 5"), /shard main holds 5/],
  ["lease-shard", "failed", onHosts(/leases/, /(== renewals 0\n)\d+ \d+/, "$110 0"), /0 of 10/],
  ["event-shard", "failed", onHosts(/events-1/, /(\/registry\/) \d+/, "$1 900"), /keys of other resources/],
  [
    "encryption",
    "failed",
    onHosts(/main/, /\{"secrets":0.*\}/, '{"secrets":4,"encrypted":3,"provider":"secretbox"}'),
    /3 of 4/,
  ],
  ["sized-for", "warning", onServers(/(resource="pods"}) \d+/, "$1 900"), /900 of 500 pods/],
  [
    "slice-size",
    "failed",
    onApi({ slices: { value: { complete: true, total: 1, largest: [{ name: "web", count: 900 }] } } }),
    /web: 900/,
  ],
  [
    "services",
    "failed",
    onApi({ services: { value: { complete: false, total: 12_000, largest: [{ name: "ci", count: 6_000 }] } } }),
    /ci: 6000/,
  ],
  ["object-size", "warning", onHosts(/main/, /^\d+ \/registry\/minions/m, "1400000 /registry/minions"), /1.3 MiB/],
  ["heartbeats", "failed", onApi({ heartbeats: { value: ["2026-01-01T00:00:00Z"] } }), /0 of 1 fresh/],
  [
    "kubelets",
    "warning",
    onApi({ realNodes: { value: ["n1"] }, kubelets: { value: [{ node: "n1", config: { maxPods: 20 } }] } }),
    /maxPods is 20/,
  ],
  ["hosts", "failed", (all) => ({ ...all, hosts: all.hosts.map(({ name }) => ({ name, error: "gone" })) }), /0 of 10/],
  ["sysctls", "failed", onHosts(/lb/, /net.core.somaxconn=\d+/, "net.core.somaxconn=128"), /is 128, wanted at least/],
  ["certificates", "failed", (all) => ({ ...all, now: "2099-01-01T00:00:00Z" }), /has ended/],
  ["firewall", "failed", onHosts(/lb/, /(== firewall) 0\n/, "$1 3\nthe rules are not loaded\n"), /1 of 10 hosts/],
  ["traffic-classes", "failed", onHosts(/main-1/, /(== traffic) 0\n/, "$1 3\nband 1 is missing\n"), /1 of 5 hosts/],
];

test.each(failing)("%s: %s when it is not in effect", (id, status, change, found) => {
  const result = checked(id, change);
  expect({ status: result.status, text: [result.found, ...(result.details ?? [])].join("\n") }).toEqual({
    status,
    text: expect.stringMatching(found),
  });
});

test("every check was seen to fail, but for those whose failure is tested apart", () => {
  const seen = new Set([...failing.map(([id]) => id), "unlimited-lists", "open-files", "other-shards", "backups"]);
  expect(checks.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
});

describe("a machine under load", () => {
  const late = { error: "no answer for 20 s", late: true };
  const silent = (gathered: Gathered): Gathered => ({
    ...gathered,
    hosts: gathered.hosts.map(({ name }) => ({ name, error: "not answered within 60 s", late: true })),
    servers: Object.fromEntries(Object.keys(gathered.servers).map((name) => [name, late])),
    api: Object.fromEntries(Object.keys(gathered.api).map((name) => [name, late])) as unknown as Gathered["api"],
  });
  /** Every question to a host has met its limit; what it is asked of the API was answered. */
  const cut = (gathered: Gathered): Gathered => ({
    ...gathered,
    hosts: gathered.hosts.map(({ name, report = "" }) => {
      const heads = [...report.matchAll(/^== ([a-z]+) \d+$/gm)].map(([, section]) => `== ${section} 124\n\n`);
      return { name, report: heads.join("") };
    }),
  });

  test.each([
    ["nothing is answered in time", silent],
    ["hosts answer, and what they were asked does not", cut],
  ])("makes no check fail: %s", (_what, change) => {
    const report = diagnose(recordedPlan(), change(recorded()));
    const wrong = report.checks.filter(({ status }) => status === "failed" || status === "warning");
    expect(wrong.map(({ id, found, details }) => ({ id, found, details }))).toEqual([]);
    expect(report.counts.unknown).toBeGreaterThan(5);
    expect(report.passed).toBe(false);
    expect(doctorText(report, plainStyle)[0]).toMatch(/^stack lab-small: nothing failed, \d+ NOT KNOWN/);
  });

  const untold = onHosts(/lb/, /== machine 0\n.*\n/, "== machine 124\n\n");

  test("explains a container's settings, or leaves them unknown, but calls them wrong only where they are its own", () => {
    expect(checked("sysctls", untold)).toMatchObject({
      status: "unknown",
      because: expect.stringContaining("container"),
    });
    expect(checked("sysctls", untold, false).status).toBe("failed");
  });

  test("is no excuse for a host that is gone", () => {
    const gone = (gathered: Gathered): Gathered => {
      const [first, ...rest] = silent(gathered).hosts;
      return { ...silent(gathered), hosts: [{ name: first!.name, error: "connect ECONNREFUSED" }, ...rest] };
    };
    expect(checked("hosts", gone).status).toBe("failed");
  });
});

test("a resource with a shard of its own is nowhere else", () => {
  const plan = recordedPlan();
  const shards = plan.shards.map((shard) =>
    shard.name === "events" ? { ...shard, resources: ["/events", "/pods"] } : shard,
  );
  const other = (gathered: Gathered) =>
    diagnose({ ...plan, shards }, gathered).checks.find(({ id }) => id === "other-shards");
  expect(other(recorded())).toMatchObject({ status: "ok" });
  expect(
    other(onHosts(/main-1/, "/registry/leases/ 0", "/registry/leases/ 0\n/registry/pods/ 4")(recorded())),
  ).toMatchObject({
    status: "failed",
    details: ["shard main holds 4 keys under /registry/pods/"],
  });
});

describe("backups", () => {
  const now = "2026-11-23T07:00:00Z";
  const planned = {
    ...recordedPlan(),
    backup: { everyMinutes: 30, keep: { hourly: 1, daily: 1, weekly: 1 }, repositories: {}, region: "us-east-1" },
  };
  const found = (last: object, change: (gathered: Gathered) => Gathered = (same) => same) => {
    const all = recorded();
    const hosts = all.hosts.map(({ name, report = "" }) => ({
      name,
      report: `${report}\n== backup 0\n${JSON.stringify(last)}\n`,
    }));
    return diagnose(planned, { ...change({ ...all, hosts }), now }).checks.find(({ id }) => id === "backups");
  };
  const newest = { takenAt: "2026-11-23T06:55:00Z", revision: 7, bytes: 4096 };

  test("that are young are ok, with their ages", () => {
    expect(found({ result: "ok", at: now, newest })).toMatchObject({
      status: "ok",
      found: "main 5m00s old, events 5m00s old, leases 5m00s old",
    });
  });

  test("that fail are told with the member's words; where another member has taken one, it is a warning", () => {
    const failed = { result: "failed", at: now, error: "no room" };
    expect(found(failed)).toMatchObject({
      status: "failed",
      details: expect.arrayContaining(["etcd events: the last backup failed: lab-small-etcd-events-1: no room"]),
    });
    expect(found({ ...failed, newest })).toMatchObject({
      status: "warning",
      details: [expect.stringMatching(/: no room$/)],
    });
  });
});

test("what a lab explains is a failure on hosts of their own", () => {
  expect(checked("open-files").status).toBe("explained");
  expect(checked("open-files", (same) => same, false).status).toBe("failed");
});

test("Secrets: encrypted ones are ok", () => {
  const change = onHosts(/main/, /\{"secrets":0.*\}/, '{"secrets":4,"encrypted":4,"provider":"secretbox"}');
  expect(checked("encryption", change)).toMatchObject({ status: "ok", found: expect.stringContaining("by secretbox") });
});

describe("clients that list without limit", () => {
  const log = (times: number) =>
    `2026-11-23T07:00:00.000000Z 2026-11-23T07:10:00.000000Z\n      ${times} ci\tspy/1.0\t/api/v1/pods\n      9 ci\tspy/1.0\t/api/v1/pods?limit=500\n      9 ci\tspy/1.0\t/api/v1/namespaces/a/pods`;
  const with_ = (times: number, pods: number) => (gathered: Gathered) =>
    onServers(
      /(resource="pods"}) \d+/,
      `$1 ${pods}`,
    )(onHosts(/master-1/, /(== audit 0\n)[\s\S]*?(?=\n== )/, `$1${log(times)}\n`)(gathered));

  test("are read from the audit log", () => {
    const { lists, minutes, unlimited } = unlimitedLists(log(50));
    expect({ lists, minutes }).toEqual({ lists: 68, minutes: 10 });
    expect(unlimited).toEqual([{ user: "ci", agent: "spy/1.0", resource: "pods", perMinute: 5 }]);
  });
  test("matter when they do it often and there is much to list", () => {
    expect(checked("unlimited-lists", with_(50, 100_000))).toMatchObject({
      status: "warning",
      details: ["ci (spy/1.0) lists 100000 pods 5.0 times a minute"],
    });
    expect(checked("unlimited-lists", with_(50, 100)).status).toBe("ok");
    expect(checked("unlimited-lists", with_(5, 100_000)).status).toBe("ok");
  });
});

test("keys of resources in etcd", () => {
  const known = [
    "/events",
    "coordination.k8s.io/leases",
    "/pods",
    "/nodes",
    "apps/replicasets",
    "stable.example.com/jobs",
  ];
  expect(known.map(prefixOf)).toEqual([
    "/registry/events/",
    "/registry/leases/",
    "/registry/pods/",
    "/registry/minions/",
    "/registry/replicasets/",
    "/registry/stable.example.com/jobs/",
  ]);
});

test("endpoints in a cell of the API's table", () => {
  expect(["<unset>", "10.0.0.1", "a,b,c + 97 more..."].map(endpointsOf)).toEqual([0, 1, 100]);
});

test("of a histogram of sizes only the buckets that say something are kept, and the largest is found", () => {
  const bucket = (le: string, value: number) =>
    `apiserver_request_body_size_bytes_bucket{group="",resource="pods",verb="create",le="${le}"} ${value}`;
  const lines = [bucket("50000", 0), bucket("150000", 7), bucket("250000", 9), bucket("350000", 9), bucket("+Inf", 9)];
  const kept = lines.filter(keeper());
  expect(kept).toEqual([lines[1], lines[2]]);
  expect(largestBuckets(readMetrics(kept.join("\n")), "apiserver_request_body_size_bytes")).toEqual([
    { labels: { group: "", resource: "pods", verb: "create" }, upTo: 250_000 },
  ]);
});

test("as text: a line for each check, more only where something is to be said", () => {
  const lines = doctorText(diagnose(recordedPlan(), recorded(), 8_400), plainStyle);
  expect(lines[0]).toMatch(/^stack lab-small: .* \(37 checks in 8\.4s: 31 ok, 2 explained, 4 skipped\)$/);
  expect(lines.join("\n")).not.toContain("\x1b[");
  expect(lines.filter((line) => line.startsWith("    ok "))).toHaveLength(31);
  expect(lines.join("\n")).toContain("CIS Kubernetes Benchmark");
});

test("one check explained: what, why, from where, what to do, and the ledger's row", () => {
  const text = explainText(checked("goaway"), plainStyle).join("\n");
  for (const part of ["goaway-chance 0.001", "why", "source", "remedy", "ledger A6"]) expect(text).toContain(part);
});
