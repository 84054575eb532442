import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { HostAnswer } from "../../cli/hosts/ask";
import { driftReport, driftText } from "../../cli/hosts/drift";
import { parseJson, readEtcd } from "../../cli/hosts/etcd-answer";
import { type Nodes, readNodes } from "../../cli/hosts/nodes";
import { readSections } from "../../cli/hosts/report";
import { statusReport } from "../../cli/hosts/status";
import { statusText } from "../../cli/show/status";
import { plainStyle } from "../../cli/show/style";
import type { ClusterHost } from "../../components/cluster";
import type { ClusterPlan } from "../../components/plan/types";
import { smallPlan } from "./cli-fixture";

/** What hosts/host-report printed on each host of a lab; of the certificates only some were kept. */
const recorded = (host: string) => readFileSync(join(__dirname, "cli-recorded/status", `${host}.txt`), "utf8");

/** The plan's hosts with the services that the recording knows: a new one must not make an old recording unhealthy. */
function recordedPlan(): ClusterPlan {
  const plan = smallPlan();
  const hosts = plan.hosts.map((host) => {
    const { services } = JSON.parse(readSections(recorded(host.name)).machine!.text) as {
      services: Record<string, unknown>;
    };
    const known = Object.entries(host.machine.services).filter(([name]) => Object.hasOwn(services, name));
    return { ...host, machine: { ...host.machine, services: Object.fromEntries(known) } };
  });
  return { ...plan, hosts };
}

const plan = recordedPlan();
const now = new Date("2026-11-23T07:00:00Z");

function status(
  edit: (answers: Map<string, HostAnswer>) => void = () => undefined,
  nodes: Nodes = { total: 5, ready: 5 },
) {
  const answers = new Map(plan.hosts.map(({ name }): [string, HostAnswer] => [name, { name, report: recorded(name) }]));
  edit(answers);
  const degradations = [{ what: "sch_prio", effect: "traffic classes are built with htb instead of prio" }];
  return statusReport({
    plan,
    answers: [...answers.values()],
    nodes,
    degradations,
    now,
    durationMs: 1900,
  });
}

/** The same report with one text in the place of another. */
function replaced(name: string, from: string | RegExp, to: string): HostAnswer {
  const report = recorded(name).replace(from, to);
  expect(report).not.toBe(recorded(name));
  return { name, report };
}

const member = "lab-small-etcd-main-2";
const noAnswer = (name: string) =>
  replaced(name, /== etcd 0\n[\s\S]*?(?=== )/, "== etcd 7\ncurl: (7) Failed to connect\n\n");

test("a healthy cluster", async () => {
  const report = status();
  expect(report.problems).toEqual([]);
  expect(report.healthy).toBe(true);
  expect(
    report.etcd.map(({ shard, voters, learners, healthy, alarms }) => ({ shard, voters, learners, healthy, alarms })),
  ).toEqual([
    { shard: "main", voters: 3, learners: 0, healthy: 3, alarms: [] },
    { shard: "events", voters: 1, learners: 0, healthy: 1, alarms: [] },
    { shard: "leases", voters: 1, learners: 0, healthy: 1, alarms: [] },
  ]);
  expect(report.etcd[0]).toMatchObject({ leader: "lab-small-etcd-main-3", dbBytes: 487_424 });
  expect(report.masters.flatMap(({ leaderOf }) => leaderOf).sort()).toEqual([
    "kube-controller-manager",
    "kube-scheduler",
  ]);
  expect(report.masters.map(({ version }) => version)).toEqual(["1.37.2", "1.37.2", "1.37.2"]);
  expect(report.loadBalancer).toMatchObject({ address: "198.18.16.5", ready: 3 });
  expect(report.certificates.map(({ name }) => name)).toContain("lab-small etcd-peer CA");
  await expect(`${statusText(report, plainStyle, now).join("\n")}\n`).toMatchFileSnapshot(
    "golden/cli/status-healthy.txt",
  );
});

test("a restore that has not come to its end, with the command that goes on with it", () => {
  const restoring = '{"command": "restore", "shard": "main", "phase": "swapped"}';
  const { healthy, problems } = status((answers) => {
    for (const name of [member, "lab-small-etcd-main-3"])
      answers.set(name, replaced(name, '"everActivated": true', `"restoring": ${restoring}, "everActivated": true`));
  });
  expect(healthy).toBe(false);
  expect(problems).toEqual([
    "lab-small-etcd-main-2,3: a restore of shard main has not come to its end (swapped); " +
      "`kilonode etcd restore lab-small --shard main` goes on with it",
  ]);
});

test("a dead member, a dead host, a master that is not ready, nodes away", async () => {
  const report = status(
    (answers) => {
      answers.set(member, noAnswer(member));
      answers.set("lab-small-etcd-leases-1", {
        name: "lab-small-etcd-leases-1",
        error: "no answer on 198.18.18.76:22 for 2.5 s",
      });
      answers.set(
        "lab-small-master-1",
        replaced("lab-small-master-1", /== ready 0\n/, "== ready 1\n[-]etcd failed: reason withheld\n"),
      );
      answers.set(
        "lab-small-lb-1",
        replaced("lab-small-lb-1", '"lab-small-master-1","status":"UP"', '"lab-small-master-1","status":"DOWN"'),
      );
    },
    { total: 5, ready: 4 },
  );
  expect(report.healthy).toBe(false);
  expect(report.etcd[0]).toMatchObject({ healthy: 2, leader: "lab-small-etcd-main-3", voters: 3 });
  expect(report.etcd[0]?.members.find(({ name }) => name === member)).toMatchObject({ up: false });
  await expect(`${statusText(report, plainStyle, now).join("\n")}\n`).toMatchFileSnapshot(
    "golden/cli/status-unhealthy.txt",
  );
});

test("masters in the middle of an upgrade, and one that does not tell its version", () => {
  const report = status((answers) => {
    answers.set("lab-small-master-1", replaced("lab-small-master-1", "v1.37.2", "v1.36.3"));
    answers.set("lab-small-master-2", replaced("lab-small-master-2", "== version 0", "== version 7"));
  });
  expect(report.masters.map(({ version }) => version)).toEqual(["1.36.3", undefined, "1.37.2"]);
  expect(statusText(report, plainStyle, now).join("\n")).toMatch(/^ +masters +3\/3 +1\.36\.3, 1\.37\.2; kube-/m);
});

describe("etcd", () => {
  test("a learner is no voter, an alarm is a problem, a member that is not planned is one too", () => {
    const report = status((answers) => {
      for (const name of ["lab-small-etcd-main-1", "lab-small-etcd-main-2", "lab-small-etcd-main-3"]) {
        const text = recorded(name)
          .replace(
            `"downgradeInfo":{}`,
            `"errors":["memberID:10977585985948185351 alarm:NOSPACE "], "downgradeInfo":{}`,
          )
          .replace(`"members":[`, `"members":[{"ID":"123", "name":"lab-small-etcd-main-9", "isLearner":true}, `);
        answers.set(name, { name, report: text });
      }
    });
    expect(report.etcd[0]).toMatchObject({ voters: 3, learners: 1, alarms: ["NOSPACE"], healthy: 3 });
    expect(report.problems).toContain("etcd main: alarm NOSPACE");
    expect(report.problems).toContain("etcd main: listed as members and not planned: lab-small-etcd-main-9");
  });

  test("without a leader the shard says that it takes no writes", () => {
    const name = "lab-small-etcd-events-1";
    const report = status((answers) => answers.set(name, replaced(name, /"leader":"\d+", /, "")));
    expect(report.etcd[1]).toMatchObject({ leader: null, healthy: 0 });
    expect(report.problems).toContain("etcd events has no leader: it takes no writes");
  });

  test("ids of 64 bits keep every digit, also where they are written as numbers", () => {
    const text = '{"ID":10977585985948185351,"list":[17001602818768372008, 12],"leader": "17001602818768372008"}';
    expect(parseJson(text)).toEqual({
      ID: "10977585985948185351",
      list: ["17001602818768372008", 12],
      leader: "17001602818768372008",
    });
  });

  test("an answer that is cut off, or is none of a member's, counts as none", () => {
    const section = (status: string) => ({ code: 0, text: `${status}\n{"members":[{"ID":"1"}]}` });
    expect(readEtcd(section('{"header":{"member_id":"1"},"dbSize":"12"}'))).toEqual({
      memberId: "1",
      version: "",
      dbBytes: 12,
      raftIndex: 0,
      learner: false,
      alarms: [],
      members: [{ id: "1", name: "", learner: false }],
    });
    expect(readEtcd(section('{"header":{"member_id":"1"},"dbSize":"12'))).toBeUndefined();
    expect(readEtcd(section('{"header":{"member_id":"1"},"dbSize":"many"}'))).toBeUndefined();
    expect(readEtcd(section('{"header":{"member_id":"1"},"version":{}}'))).toBeUndefined();
    expect(readEtcd({ code: 28, text: '{"header":{}}' })).toBeUndefined();
    expect(readEtcd({ code: 0, text: '{"header":{"member_id":"1"}}' })).toBeUndefined();
    expect(readEtcd(undefined)).toBeUndefined();
  });
});

test("a unit that is down is told once, what else an activation would do beside it", () => {
  const name = "lab-small-master-2";
  const report = status((answers) => {
    const down = recorded(name)
      .replace(
        '"kube-scheduler.service": {"kind": "unit", "active": "active"',
        '"kube-scheduler.service": {"kind": "unit", "active": "failed"',
      )
      .replace('"pending": []', '"pending": ["start kube-scheduler.service", "change /etc/kubernetes/master.env"]');
    answers.set(name, { name, report: down });
  });
  expect(report.problems).toEqual([
    `${name}: kube-scheduler.service does not run`,
    `${name} is not as planned: change /etc/kubernetes/master.env; \`up\` repairs it`,
  ]);
});

describe("a machine under load", () => {
  const late = (name: string): HostAnswer => ({ name, error: "not answered within 60 s", late: true });

  test("a part that is not told in time is not known, which is no problem", () => {
    const name = "lab-small-lb-1";
    const change = replaced(name, /== machine 0\n[\s\S]*/, "== machine 124\n\n");
    const report = status((answers) => answers.set(name, change));
    expect(report).toMatchObject({ healthy: false, problems: [], unknown: [`${name}: not answered in time: machine`] });
    expect(report.hosts.find((host) => host.name === name)).toMatchObject({ reachable: true });
  });

  test("nothing at all is a problem while nothing is answered in time, and the text says so", () => {
    const nodes = { total: 0, ready: 0, error: "https://198.18.16.5:6443: not answered within 20 s", late: true };
    const report = status((answers) => {
      for (const name of answers.keys()) answers.set(name, late(name));
    }, nodes);
    expect(report).toMatchObject({ healthy: false, problems: [] });
    expect(report.unknown).toHaveLength(2);
    const [first, ...rest] = statusText(report, plainStyle, now);
    expect(first).toContain("NOT KNOWN");
    expect(rest.join("\n")).toContain("not answered within 60 s");
  });

  test("one that is late does not excuse what others say", () => {
    const report = status((answers) => {
      answers.set("lab-small-etcd-main-1", late("lab-small-etcd-main-1"));
      answers.set(member, noAnswer(member));
    });
    expect(report.problems).toEqual([expect.stringMatching(/^etcd main: lab-small-etcd-main-2 does not answer/)]);
  });
});

test("a service that is down is told with the cause and what to do, a host's words without what moves a cursor", () => {
  const name = "lab-small-master-1";
  const why = (cause: string | null) =>
    JSON.stringify({
      down: [
        { service: "kube-scheduler.service", state: "x", cause, text: "/ is full: 0 B\u001b[2J of 9 GiB", log: [] },
      ],
    });
  const problems = (cause: string | null) =>
    status((answers) => {
      const running = /"kube-scheduler\.service": \{"kind": "unit", "active": "active"/;
      const down = '"kube-scheduler.service": {"kind": "unit", "active": "activating"';
      const { report } = replaced(name, running, down);
      answers.set(name, { name, report: `${report}\n== why 0\n${why(cause)}\n` });
    }).problems;
  expect(problems("full")).toEqual([
    `${name}: kube-scheduler.service does not run: / is full: 0 B [2J of 9 GiB. Make room there; the service comes back by itself: docs/operations.md#a-volume-that-is-full.`,
  ]);
  for (const cause of [null, "made up"])
    expect(problems(cause)).toEqual([`${name}: kube-scheduler.service does not run`]);
});

test.each([
  ["== machine 0\n{cut", "Invalid input: expected object, received undefined"],
  ['== machine 0\n{"staged": null, "active": 7}', "active: Invalid input: expected string, received number"],
])("what a host prints instead of its state is a problem of this host alone: %s", (printed, expected) => {
  const name = "lab-small-etcd-leases-1";
  const report = status((answers) => answers.set(name, replaced(name, /== machine 0\n[\s\S]*/, printed)));
  expect(report.problems).toEqual([
    `${name} does not tell its state: \`machine-apply status\` printed something else than expected: ${expected}`,
  ]);
});

test("what a host prints instead of its backends and leases counts as not told", () => {
  const report = status((answers) => {
    answers.set("lab-small-lb-1", replaced("lab-small-lb-1", /"status":"UP"/g, '"status":{}'));
    for (const name of ["lab-small-master-1", "lab-small-master-2", "lab-small-master-3"]) {
      answers.set(name, replaced(name, /== leader 0\n\[.*\]/, "== leader 0\n[1"));
    }
  });
  expect(report.problems).toEqual([
    "no master leads as kube-controller-manager",
    "no master leads as kube-scheduler",
    "the load balancer does not tell its backends",
  ]);
});

test("after an up that was killed: which, at what, and what is live; what many lack is one line", () => {
  const text = "the last `up` did not finish: it was killed; `kilonode up lab-small` goes on from there";
  const answers = plan.hosts.map(({ name, role }): HostAnswer => {
    if (name.endsWith("-3")) return { name, error: "it is not made yet" };
    if (role === "etcd") return { name, report: recorded(name) };
    if (role === "master") return replaced(name, '"everActivated": true', '"everActivated": false');
    return { name, report: "== machine 127\ntimeout: failed to run command\n" };
  });
  const report = (how: "killed" | "running") =>
    statusReport({
      plan,
      answers,
      unfinished: { action: "up", how, what: [], text },
      nodes: { total: 0, ready: 0, error: "no kubeconfig" },
      degradations: [],
      now,
      durationMs: 1900,
    });
  const { healthy, problems, hosts } = report("killed");
  expect(healthy).toBe(false);
  expect(problems.slice(0, 4)).toEqual([
    text,
    "lab-small-etcd-main-3, lab-small-master-3 cannot be reached: it is not made yet",
    "lab-small-master-1,2: nothing was made live on it yet",
    "lab-small-lb-1, lab-small-nodes-1: nothing was put on it yet",
  ]);
  expect(hosts.find(({ name }) => name === "lab-small-master-1")).toMatchObject({ reachable: true, downServices: [] });
  expect(statusText(report("killed"), plainStyle, now)[0]).toBe(
    "stack lab-small: NOT HEALTHY, the last `up` did not finish (asked in 1.9s)",
  );
  expect(report("running").problems).not.toContain(text);
  expect(statusText(report("running"), plainStyle, now)[2]).toBe(`  ${text}`);
});

test("a certificate that has ended is a problem", () => {
  const later = statusReport({
    plan,
    answers: plan.hosts.map(({ name }) => ({ name, report: recorded(name) })),
    nodes: { total: 5, ready: 5 },
    degradations: [],
    now: new Date("2028-01-01T00:00:00Z"),
    durationMs: 0,
  });
  expect(later.problems.filter((problem) => problem.startsWith("certificate "))).not.toEqual([]);
});

test("nodes are counted from the API's table", () => {
  const table = {
    columnDefinitions: [{ name: "Name" }, { name: "Status" }],
    rows: [{ cells: ["a", "Ready"] }, { cells: ["b", "NotReady"] }, { cells: ["c", "Ready,SchedulingDisabled"] }],
  };
  expect(readNodes(JSON.stringify(table))).toEqual({ total: 3, ready: 2 });
  expect(readNodes(JSON.stringify({ ...table, rows: null }))).toEqual({ total: 0, ready: 0 });
});

test("drift: hosts with the same differences together, and those that cannot be asked", async () => {
  const difference = { kind: "sysctl", name: "vm.overcommit_memory", want: "1", have: "0" };
  const answer = (name: string, drift: unknown[]) => ({
    host: { name } as ClusterHost,
    outcome: { code: 0, stdout: JSON.stringify({ host: name, drift, generation: 1, everActivated: true }), stderr: "" },
  });
  const report = driftReport("lab-small", [
    answer("lab-small-master-1", [difference]),
    answer("lab-small-master-2", [difference]),
    answer("lab-small-lb-1", []),
    { host: { name: "lab-small-nodes-1" } as ClusterHost, error: "no answer on 198.18.16.6:22 for 2.5 s" },
  ]);
  expect(report.differs).toBe(true);
  await expect(`${driftText(report).join("\n")}\n`).toMatchFileSnapshot("golden/cli/drift.txt");
  expect(driftReport("lab-small", [answer("lab-small-lb-1", [])]).differs).toBe(false);
  expect(driftReport("lab-small", [answer("lab-small-lb-1", [{ kind: "file" }])]).hosts[0]?.error).toBe(
    "`machine-apply drift` printed something else than expected: drift: 0: name: Invalid input: expected string, received undefined",
  );
});
