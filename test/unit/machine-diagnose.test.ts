/** Why a service is not up, on a host below a folder. What the programs say is in their own words, most of it copied from runs of them. */
import { chmodSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { etcdBinary, FakeHost, machine, with_ } from "./machine-fake-host";

vi.setConfig({ testTimeout: 60_000 });

const exec = "ExecStart={ path=/usr/local/bin/etcd ; argv[]=/usr/local/bin/etcd --a ; ignore_errors=no }";
const unitOf = (more: readonly string[]) =>
  [exec, "EnvironmentFiles=/etc/etcd/etcd.env (ignore_errors=no)", "EnvironmentFiles=/run/absent (ignore_errors=yes)"]
    .concat(more)
    .join("\n");
/** Between two attempts. */
const ended = ["SubState=auto-restart", "Result=exit-code", "ExecMainCode=1", "ExecMainStatus=1", "InvocationID=a1"];

const zap = (level: string, msg: string, error: string) =>
  JSON.stringify({
    level,
    ts: "2026-11-28T07:37:14.058271Z",
    caller: "etcdmain/etcd.go:157",
    msg,
    error,
    stacktrace: "go.etcd.io/x",
  });

const klog = 'E1128 07:41:04.991891   23896 run.go:72] "command failed"';

const volume = {
  name: "wal",
  mount: "/var/lib/etcd-wal",
  fs: "ext4",
  sizeGiB: 2,
  apartFrom: [],
  owner: "etcd:etcd",
} as const;
const content = with_((m) => {
  m.volumes = [{ ...volume, device: "/dev/null" }];
  m.services = { "etcd.service": machine.services["etcd.service"]! };
});

let host: FakeHost;

beforeEach(() => {
  host = new FakeHost();
  host.write("/usr/local/bin/etcd", etcdBinary);
  chmodSync(host.path("/usr/local/bin/etcd"), 0o755);
  for (const path of ["/etc/etcd/etcd.env", "/etc/systemd/system/etcd.service"]) host.write(path, "");
  host.write("/proc/self/mountinfo", "1 2 8:1 / /var/lib/etcd-wal rw - ext4 /dev/sdb rw\n");
  host.write("/var/lib/kilonode/active/content.json", JSON.stringify({ machine: content }));
  down("activating", ["User=etcd", ...ended]);
});

afterEach(() => host.remove());

function down(active: string, details: readonly string[]): void {
  host.write("/fake/etcd.service.active", active);
  host.write("/fake/etcd.service.details", `${unitOf(details)}\n`);
}

const said = (...lines: string[]) => host.write("/fake/journal", `${lines.join("\n")}\n`);

// biome-ignore lint/suspicious/noExplicitAny: the answer is what the tests look at
function found(): any {
  const { down: services } = host.ok("diagnose");
  expect(services).toHaveLength(1);
  return services[0];
}

describe("diagnose", () => {
  test("tells nothing of what is up, of what is not to run, and of a host without content", () => {
    host.write("/fake/etcd.service.active", "active");
    expect(host.ok("diagnose")).toEqual({ down: [] });
    rmSync(host.path("/var/lib/kilonode"), { recursive: true });
    expect(host.ok("diagnose")).toEqual({ down: [] });
  });

  test("changes nothing and asks nothing that changes something", () => {
    found();
    expect(host.calls()).toEqual([]);
  });

  test.each([
    ["masked", () => host.write("/fake/etcd.service.masked", ""), "etcd.service is masked: somebody has taken it out"],
    ["missing", () => rmSync(host.path("/usr/local/bin/etcd")), "the program /usr/local/bin/etcd is missing"],
    ["missing", () => rmSync(host.path("/etc/etcd/etcd.env")), "the file /etc/etcd/etcd.env is missing"],
    ["missing", () => rmSync(host.path("/etc/systemd/system/etcd.service")), "there is no unit file of etcd.service"],
    [
      "not-executable",
      () => chmodSync(host.path("/usr/local/bin/etcd"), 0o644),
      "the program /usr/local/bin/etcd cannot be executed",
    ],
    [
      "not-mounted",
      () => host.write("/proc/self/mountinfo", ""),
      "nothing is mounted on /var/lib/etcd-wal, a volume that it needs",
    ],
  ])("sees what is %s on the host", (cause, hurt, text) => {
    hurt();
    expect(found()).toMatchObject({ service: "etcd.service", cause, text: expect.stringContaining(text) });
  });

  test.each([
    [
      "both",
      ["database/wal/0.wal", "wal/db"],
      /^its disks are swapped, .*: a log .* on DATABASE \(.*\), .*; a database \(db\) is on WAL/,
    ],
    [
      "the log's for the database's",
      ["database/wal/0.wal", "wal/wal/0.wal"],
      /: a log \(wal\/\) is on DATABASE [^;]*$/,
    ],
    [
      "the database's for the log's",
      ["database/db", "wal/db"],
      /: a database \(db\) is on WAL \(.*\), where the log belongs$/,
    ],
  ])("sees disks that are in each other's place: %s", (_which, files, text) => {
    const mounts = { wal: volume.mount, database: "/var/lib/etcd/member/snap" };
    const two = { ...volume, device: "/dev/null" };
    const swapped = with_((m) => {
      m.volumes = [two, { ...two, name: "database", mount: mounts.database }];
      m.services = { "etcd.service": machine.services["etcd.service"]! };
    });
    host.write("/var/lib/kilonode/active/content.json", JSON.stringify({ machine: swapped }));
    const mounted = Object.values(mounts).map((mount, index) => `${index} 2 8:1 / ${mount} rw - ext4 /dev/sdb rw\n`);
    host.write("/proc/self/mountinfo", mounted.join(""));
    const at = (path: string) => path.replace(/^(wal|database)/, (name) => mounts[name as keyof typeof mounts]);
    for (const file of ["wal/wal/0.wal", "database/db"]) host.write(at(file), "");
    expect(found()).toMatchObject({ cause: "ends" });
    for (const mount of Object.values(mounts)) rmSync(host.path(mount), { recursive: true });
    for (const file of files) host.write(at(file), "");
    const { cause, text: told } = found();
    expect(cause).toBe("swapped");
    expect(told.replaceAll(mounts.database, "DATABASE").replaceAll(mounts.wal, "WAL")).toMatch(text);
  });

  test.each([
    ["a log with other bytes", [zap("fatal", "discovery failed", "proto: cannot parse invalid wire-format data")]],
    ["a log with a wrong sum", [zap("fatal", "discovery failed", "walpb: crc mismatch: expected: 1 computed: 2")]],
    [
      "an empty log",
      [
        "panic: runtime error: invalid memory address or nil pointer dereference",
        "go.etcd.io/etcd/server/v3/etcdserver.bootstrap({{0x7ffc5fafc871, 0x1}})",
      ],
    ],
    [
      "a database whose keys are not those of the others",
      [zap("error", "checkInitialHashKV failed", "c25f8f978b6bbe9c found data inconsistency with peers")],
    ],
    ["a database with other bytes", [zap("panic", "failed to open database", "invalid database")]],
    [
      "a page of the database",
      ["panic: assertion failed: Page expected to be: 3, but self identifies as 9362835550144279000"],
    ],
    [
      "a lost database",
      [zap("panic", "failed to recover v3 backend from snapshot", "failed to find database snapshot file")],
    ],
    [
      "data of before what the member has acknowledged",
      [
        zap(
          "panic",
          "tocommit(33452) is out of range [lastIndex(31873)]. Was the raft log corrupted, truncated, or lost?",
          "",
        ),
      ],
    ],
    ["lost data", [zap("fatal", "discovery failed", "member 4a2e92fe0c9c988c has already been bootstrapped")]],
  ])("knows bad data by etcd's own words: %s", (_what, lines) => {
    said(zap("info", "starting", ""), ...lines);
    expect(found()).toMatchObject({
      cause: "bad-data",
      text: expect.stringContaining("ends with exit status 1, started again 2 times: "),
    });
  });

  test.each([
    ["kube-apiserver", "Error: unknown flag: --wrong"],
    [
      "kube-scheduler",
      'Error: invalid argument "x" for "-v, --v" flag: strconv.ParseUint: parsing "x": invalid syntax',
    ],
    ["a validation", `${klog} err="service-cluster-ip-range[0] is not a valid cidr"`],
    ["a feature gate", `${klog} err="unrecognized feature gate: Nope"`],
    ["a configuration file", `${klog} err="strict decoding error: unknown field \\"nope\\""`],
    ["etcd", zap("warn", "failed to verify flags", 'unknown auto-compaction-mode "x"')],
    ["etcd's flags", "flag provided but not defined: -wrong"],
    ["kwok", '{"level":"ERROR","msg":"Execute exit","err":"unknown flag: --wrong"}'],
    ["haproxy", "[ALERT]    (12) : config : parsing [/etc/haproxy/haproxy.cfg:3] : unknown keyword 'x'"],
  ])("knows by %s's own words a setting that is not taken", (_who, line) => {
    said(line);
    expect(found()).toMatchObject({ cause: "refused" });
  });

  test("takes no other end for either of them, and gives the last telling words", () => {
    said('E1128 07:40:00.000001      12 run.go:72] "command failed" err="context deadline exceeded"', "bye");
    expect(found()).toMatchObject({
      cause: "ends",
      state: "activating (auto-restart)",
      text: 'it ends with exit status 1, started again 2 times: "command failed" err="context deadline exceeded"',
      log: ['"command failed" err="context deadline exceeded"'],
    });
    said(zap("fatal", "failed to open WAL", "open /var/lib/etcd-wal/wal: permission denied, crc mismatch"));
    expect(found()).toMatchObject({ cause: "ends" });
  });

  test("says nothing of one that is only starting, whatever it has said so far", () => {
    down("activating", ["User=etcd", "SubState=start", "NRestarts=0", "Job=17", "InvocationID=a1"]);
    said(zap("warn", "waiting for peers", "walpb: crc mismatch"));
    expect(found()).toMatchObject({ cause: null, text: "" });
  });

  test("tells one that was stopped", () => {
    down("inactive", ["User=etcd", "SubState=dead", "NRestarts=0", "Job=0"]);
    expect(found()).toMatchObject({ cause: "stopped" });
  });

  test("keeps its answer short, whatever a program says", () => {
    said(...Array.from({ length: 400 }, (_, index) => `fatal error ${index} ${"x".repeat(5_000)}\u0007`));
    const { log, text } = found();
    expect(log).toHaveLength(5);
    expect(log.every((line: string) => line.length <= 300)).toBe(true);
    expect(text.length).toBeLessThanOrEqual(500);
  });
});
