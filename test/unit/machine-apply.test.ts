import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { machineInput } from "../../components/host/delivery";
import { etcdBinary, FakeHost, file, machine, program, secrets, sha256, unit, with_ } from "./machine-fake-host";

// A test starts up to ten programs, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const isRoot = process.getuid?.() === 0;
const noServices = { restarted: [], reloaded: [], started: [], stopped: [], enabled: [], disabled: [] };
const nothing = {
  ...{ users: [], volumes: [], directories: [], modules: [], binaries: [], files: [], removed: [], sysctls: [] },
  traffic: false,
  firewall: false,
  services: noServices,
};

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
});
afterEach(() => {
  host.remove();
});

describe("stage", () => {
  test("keeps the content, says what is pending, touches nothing", () => {
    const answer = host.ok("stage", machine);
    expect(answer).toEqual({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      staging: expect.stringMatching(/^[0-9a-f]{8}$/),
      pending: [
        "make user etcd, home /var/lib/etcd",
        "make directory /etc/etcd (0750 root:etcd; is absent)",
        "load module br_netfilter",
        "install /usr/local/bin/etcd: etcd 3.7.3",
        "create /etc/etcd/etcd.env",
        "create /etc/modules-load.d/kilonode.conf",
        "create /etc/proxy.conf",
        "create /etc/sysctl.d/90-kilonode.conf",
        "create /etc/systemd/system/etcd.service",
        "create /etc/systemd/system/proxy.service",
        "set sysctl net.ipv4.tcp_wmem: 4096 16384 4194304 -> 4096 87380 16777216",
        "set sysctl vm.max_map_count: 65530 -> 262144",
        "unit etcd.service: enabled, running",
        "unit proxy.service: enabled, running",
      ],
      restarts: [],
    });
    const again = host.ok("stage", machine);
    expect(again).toEqual({ ...answer, staging: again.staging });
    expect(again.staging).not.toBe(answer.staging);
    // The form in which it is sent.
    expect(host.ok("stage", machineInput(machine))).toEqual({ ...answer, staging: expect.anything() });
    expect(host.has("/etc/etcd")).toBe(false);
    expect(host.calls()).toEqual([]);
    expect(host.ok("status")).toMatchObject({ staged: answer.digest, active: null, everActivated: false });
  });

  test("the digest is of what counts: key order does not, generation and secrets do", () => {
    const { digest } = host.ok("stage", machine);
    const reversed = Object.fromEntries(Object.entries(machine).reverse());
    expect(host.ok("stage", reversed).digest).toBe(digest);
    expect(host.ok("stage --generation 1", machine).digest).not.toBe(digest);
    host.ok("stage-secrets", secrets);
    const withSecrets = host.ok("stage", machine).digest;
    expect(withSecrets).not.toBe(digest);
    host.ok("stage-secrets", secrets);
    expect(host.ok("stage", machine).digest).toBe(withSecrets);
  });

  test("tells which services would restart", () => {
    host.converge(machine);
    const changed = with_((m) => {
      m.files = { ...m.files, "/etc/etcd/etcd.env": file("ETCD_NAME=other\n", "0640", "root:etcd") };
    });
    expect(host.ok("stage", changed)).toMatchObject({
      pending: ["change /etc/etcd/etcd.env"],
      restarts: ["etcd.service"],
    });
  });

  test("reports all errors of bad content at once", () => {
    const bad = {
      ...machine,
      extra: 1,
      users: { Etcd: { home: "relative" } },
      files: { "/etc/x/../y": file("x", "644", "root"), "/etc/sysctl.d/90-kilonode.conf": file("") },
      sysctls: { "vm.max_map_count": { value: 262144, floor: "yes" } },
      modules: "br_netfilter",
      volumes: [{ name: "wal", mount: "/wal", fs: "btrfs", sizeGiB: 0, apartFrom: [], owner: "root:root" }],
      services: {
        etcd: { kind: "unit", enabled: true },
        "Kube.pod": { kind: "static-pod" },
        "x.service": { running: true },
      },
    };
    expect(host.refused("stage", bad, 2)).toBe(
      `stage: the content has 21 error(s); nothing was changed:
  extra: unknown; allowed are users, directories, files, binaries, store, modules, sysctls, volumes, traffic, firewall, services
  users["Etcd"]: wants as its name a user name
  users["Etcd"].home: got "relative", wants an absolute path without "..", "//" or a slash at its end
  files["/etc/x/../y"]: wants as its name an absolute path without "..", "//" or a slash at its end
  files["/etc/x/../y"].mode: got "644", wants octal text such as "0640"
  files["/etc/x/../y"].owner: got "root", wants "user:group"
  modules: got "br_netfilter", wants an array
  sysctls["vm.max_map_count"].value: got 262144, wants one line of text
  sysctls["vm.max_map_count"].floor: got "yes", wants true or false
  volumes[0].fs: got "btrfs", wants "ext4" or "xfs"
  volumes[0].sizeGiB: got 0, wants a number of GiB above 0
  volumes[0].device: missing
  services["etcd"]: wants as its name a unit such as "etcd.service"
  services["etcd"].running: missing
  services["etcd"].restartOn: missing
  services["etcd"].reloadOn: missing
  services["etcd"].wait: missing
  services["Kube.pod"]: wants as its name a pod such as "kube-apiserver"
  services["Kube.pod"].restartOn: missing
  services["Kube.pod"].wait: missing
  services["x.service"].kind: got null, wants "unit" or "static-pod"`,
    );
    expect(host.refused("stage", "{", 2)).toMatch(
      /^stage: the content on stdin is not JSON: .*It wants one JSON object\.$/,
    );
    expect(host.has("/var/lib/kilonode/staged")).toBe(false);
  });

  test("reports what contradicts itself", () => {
    const bad = with_((m) => {
      const ours = ["/etc/sysctl.d/90-kilonode.conf", "/usr/local/lib/kilonode/machine_apply/host.py"];
      m.files = { ...m.files, ...Object.fromEntries(ours.map((path) => [path, file("")])) };
      m.directories = { "/etc/proxy.conf": { mode: "0755", owner: "root:root" } };
      m.sysctls = { "kernel.core_pattern": { value: "core", floor: true } };
      m.volumes = [
        { name: "wal", mount: "/wal", fs: "ext4", sizeGiB: 2, apartFrom: ["db"], owner: "root:root", device: "/dev/a" },
      ];
      m.services = { "proxy.service": unit({ restartOn: ["/etc/proxy.conf"], reloadOn: ["/etc/proxy.conf"] }) };
    });
    expect(host.refused("stage", bad, 2)).toBe(
      `stage: the content has 6 error(s); nothing was changed:
  files["/etc/sysctl.d/90-kilonode.conf"]: machine-apply writes this file itself; take it out
  files["/usr/local/lib/kilonode/machine_apply/host.py"]: machine-apply writes this file itself; take it out
  files["/etc/proxy.conf"]: is also a directory; keep one
  sysctls["kernel.core_pattern"].value: got "core", a floor wants whole numbers
  volumes[0].apartFrom: got "db", wants the name of another volume (wal)
  services["proxy.service"]: "/etc/proxy.conf" is in restartOn and in reloadOn; keep one`,
    );
  });

  test("reports what the host lacks", () => {
    host.write(`/opt/kilonode/artifacts/${sha256(etcdBinary)}/etcd`, "cut off");
    mkdirSync(host.path("/etc/proxy.conf"));
    const bad = with_((m) => {
      m.binaries = { ...m.binaries, "/usr/local/bin/tool": { name: "tool", version: "1", sha256: sha256("tool") } };
      m.files = { ...m.files, "/etc/owned": file("", "0644", "nobody-here:root") };
    });
    expect(host.refused("stage", bad)).toBe(
      `stage: cannot stage; nothing was changed:
  binaries["/usr/local/bin/etcd"]: etcd 3.7.3: the sum of /opt/kilonode/artifacts/${sha256(etcdBinary)}/etcd is not ${sha256(etcdBinary).slice(0, 12)}...; replace that file, then stage again
  binaries["/usr/local/bin/tool"]: tool 1 is not in the artifact store (/opt/kilonode/artifacts/${sha256("tool")}/tool); put it there, then stage again
  /etc/owned: owner "nobody-here:root" does not exist on this host; add it to users
  /etc/proxy.conf: is a directory on this host, wants a file; move it away`,
    );
  });

  test("refuses a host that its first boot could not make ready, with its words", () => {
    host.write("/var/lib/kilonode/not-ready", "packages that this host needs could not be installed: jq\n");
    expect(host.refused("stage", machine)).toBe(
      "stage: cannot stage; nothing was changed:\n  packages that this host needs could not be installed: jq",
    );
    rmSync(host.path("/var/lib/kilonode/not-ready"));
    host.ok("stage", machine);
  });

  test("refuses volumes on one device that must be apart", () => {
    host.write("/proc/self/mountinfo", "1 1 259:1 / /wal rw - ext4 /dev/a rw\n2 1 259:2 / /db rw - ext4 /dev/b rw\n");
    mkdirSync(host.path("/sys/devices/nvme0n1/nvme0n1p1"), { recursive: true });
    mkdirSync(host.path("/sys/devices/nvme0n1/nvme0n1p2"), { recursive: true });
    mkdirSync(host.path("/sys/dev/block"), { recursive: true });
    for (const part of [1, 2]) {
      host.write(`/sys/devices/nvme0n1/nvme0n1p${part}/partition`, `${part}\n`);
      symlinkSync(host.path(`/sys/devices/nvme0n1/nvme0n1p${part}`), host.path(`/sys/dev/block/259:${part}`));
    }
    const volume = { fs: "ext4", sizeGiB: 2, owner: "root:root" } as const;
    const bad = with_((m) => {
      m.volumes = [
        { name: "wal", mount: "/wal", apartFrom: ["db"], device: "/dev/a", ...volume },
        { name: "db", mount: "/db", apartFrom: [], device: "/dev/b", ...volume },
      ];
    });
    expect(host.refused("stage", bad)).toBe(
      `stage: cannot stage; nothing was changed:
  volume "wal" (/wal) and volume "db" (/db) are both on nvme0n1; they must be on different devices: give each its own disk`,
    );
  });

  test("does not hash a binary again that has not changed", () => {
    const path = host.path(`/opt/kilonode/artifacts/${sha256(etcdBinary)}/etcd`);
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    host.ok("stage", machine);
    writeFileSync(path, etcdBinary.replace("the", "THE"));
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    host.ok("stage", machine); // believed: same inode, time and size
    utimesSync(path, 1_000_000_001, 1_000_000_001);
    expect(host.refused("stage", machine)).toContain("the sum of /opt/kilonode/artifacts/");
  });
});

describe("activate", () => {
  test("makes it all live, once", () => {
    const { digest } = host.ok("stage", machine);
    const answer = host.ok(
      `activate --digest ${digest} --env ETCD_NAME=etcd-1 --env ETCD_INITIAL_CLUSTER=a=https://a:2380`,
    );
    expect(answer).toEqual({
      digest,
      generation: 0,
      changed: {
        users: ["etcd"],
        volumes: [],
        directories: ["/etc/etcd"],
        modules: ["br_netfilter"],
        binaries: ["/usr/local/bin/etcd"],
        files: [
          "/etc/etcd/etcd.env",
          "/etc/modules-load.d/kilonode.conf",
          "/etc/proxy.conf",
          "/etc/sysctl.d/90-kilonode.conf",
          "/etc/systemd/system/etcd.service",
          "/etc/systemd/system/proxy.service",
        ],
        removed: [],
        sysctls: ["net.ipv4.tcp_wmem", "vm.max_map_count"],
        firewall: false,
        traffic: false,
        services: {
          ...noServices,
          started: ["etcd.service", "proxy.service"],
          enabled: ["etcd.service", "proxy.service"],
        },
      },
      degradations: [],
    });
    expect(host.calls()).toEqual([
      "reenable --no-reload etcd.service proxy.service",
      "daemon-reload",
      "start --no-block etcd.service",
      "start proxy.service",
    ]);
    expect(host.read("/etc/etcd/etcd.env")).toBe("ETCD_NAME=etcd-1\n");
    expect(statSync(host.path("/etc/etcd/etcd.env")).mode & 0o777).toBe(0o640);
    expect(statSync(host.path("/etc/etcd")).mode & 0o777).toBe(0o750);
    expect(host.read("/usr/local/bin/etcd")).toBe(etcdBinary);
    expect(host.read("/etc/kilonode/activation.env")).toBe("ETCD_INITIAL_CLUSTER=a=https://a:2380\nETCD_NAME=etcd-1\n");
    expect(host.read("/etc/modules-load.d/kilonode.conf")).toBe("# Written by machine-apply.\nbr_netfilter\n");

    expect(host.ok("activate")).toEqual({ ...answer, changed: nothing });
    expect(host.calls()).toEqual([]);
    expect(host.ok("status")).toEqual({
      staged: digest,
      active: digest,
      parts: { trust: digest, show: digest },
      distrusts: false,
      restoring: null,
      dataOf: null,
      everActivated: true,
      restarts: [],
      pending: [],
      services: Object.fromEntries(
        ["etcd.service", "proxy.service"].map((name) => [
          name,
          { kind: "unit", active: "active", sub: "running", since: "2023-11-14T22:13:20Z", restarts: 2, masked: false },
        ]),
      ),
      degradations: [],
    });
    expect(host.ok("drift")).toEqual({
      drift: [],
      generation: 0,
      programRepairs: 1,
      everActivated: true,
    });
  });

  test("status tells of a restore that is under way: of its journal, or of what holds the member before there is one", () => {
    host.converge(machine);
    const state = (command: string, phase: string) => ({ command, shard: "main", phase });
    host.write("/var/lib/kilonode/restore/held", JSON.stringify(state("recover", "held")));
    expect(host.ok("status").restoring).toEqual(state("recover", "held"));
    const journal = { id: "r1", snapshot: "4f1c22ab", ...state("restore", "aside") };
    host.write("/var/lib/kilonode/restore/journal.json", JSON.stringify(journal));
    expect(host.ok("status").restoring).toEqual(state("restore", "aside"));
  });

  test("refuses another digest than the staged one, and nothing staged", () => {
    expect(host.refused("activate")).toBe("activate: nothing is staged on this host; run `machine-apply stage` first");
    const { digest } = host.ok("stage", machine);
    expect(host.refused("activate --digest 1234")).toContain(`staged is ${digest}, asked to activate 1234`);
  });

  test.each([
    [
      "its unit file",
      "/etc/systemd/system/proxy.service",
      ["daemon-reload", "reset-failed proxy.service", "restart proxy.service"],
    ],
    ["a file of restartOn", "/etc/etcd/etcd.env", ["reset-failed etcd.service", "restart --no-block etcd.service"]],
    ["a file of reloadOn", "/etc/proxy.conf", ["reload proxy.service"]],
  ])("restarts or reloads only what %s concerns", (_, path, calls) => {
    host.converge(machine);
    host.calls();
    const changed = with_((m) => {
      m.files = { ...m.files, [path]: { ...m.files[path]!, content: "other\n" } };
    });
    expect(host.converge(changed).changed.files).toEqual([path]);
    expect(host.calls().filter((call) => !call.startsWith("reenable"))).toEqual(calls);
  });

  test("a drop-in, a new binary and a changed secret restart too; a mode alone restarts nothing", () => {
    const dropIn = "/etc/systemd/system/proxy.service.d/limits.conf";
    host.ok("stage-secrets", secrets);
    host.converge(with_((m) => (m.files = { ...m.files, [dropIn]: file("[Service]\n") })));
    host.calls();
    expect(host.converge(machine).changed).toMatchObject({
      removed: [dropIn],
      services: { restarted: ["proxy.service"] },
    });

    host.write(`/opt/kilonode/artifacts/${sha256("new")}/etcd`, "new");
    const newBinary = { "/usr/local/bin/etcd": { name: "etcd", version: "3.7.4", sha256: sha256("new") } };
    expect(host.converge(with_((m) => (m.binaries = newBinary))).changed.services.restarted).toEqual(["etcd.service"]);

    host.ok("stage-secrets", { ...secrets, files: { "/etc/etcd/token": file("new-hush", "0600", "etcd:etcd") } });
    expect(host.ok("status")).toMatchObject({ restarts: ["etcd.service"] });
    expect(host.ok("activate").changed).toMatchObject({
      files: ["/etc/etcd/token"],
      services: { restarted: ["etcd.service"] },
    });

    chmodSync(host.path("/etc/etcd/etcd.env"), 0o644);
    expect(host.ok("activate").changed).toEqual({ ...nothing, files: ["/etc/etcd/etcd.env"] });
  });

  test("removes what the content no longer has, with its unit", () => {
    host.converge(machine);
    host.calls();
    const smaller = with_((m) => {
      const { "/etc/systemd/system/proxy.service": _unit, "/etc/proxy.conf": _conf, ...files } = m.files;
      m.files = files;
      m.services = { "etcd.service": m.services["etcd.service"]! };
    });
    expect(host.ok("stage", smaller).pending).toEqual([
      "remove /etc/proxy.conf",
      "remove /etc/systemd/system/proxy.service",
      "unit proxy.service: no longer managed",
    ]);
    expect(host.ok("activate").changed).toEqual({
      ...nothing,
      removed: ["/etc/proxy.conf", "/etc/systemd/system/proxy.service"],
      services: { ...noServices, stopped: ["proxy.service"], disabled: ["proxy.service"] },
    });
    expect(host.calls()).toEqual(["stop proxy.service", "disable --no-reload proxy.service", "daemon-reload"]);
    expect(host.has("/etc/proxy.conf")).toBe(false);
  });

  test("stops and disables a unit that is planned so", () => {
    host.converge(machine);
    host.calls();
    const off = with_(
      (m) => (m.services = { ...m.services, "proxy.service": unit({ enabled: false, running: false }) }),
    );
    host.converge(off);
    expect(host.calls()).toEqual(["stop proxy.service", "disable --no-reload proxy.service"]);
  });

  test("refuses a masked unit before anything is touched", () => {
    host.write("/fake/proxy.service.masked", "");
    host.ok("stage", machine);
    expect(host.refused("activate")).toBe(
      `activate: cannot activate; nothing was changed:
  proxy.service is masked on this host and should be running: somebody masked it by hand. Find out why; then \`systemctl unmask proxy.service\` and run again, or plan it with "running": false, "enabled": false`,
    );
    expect(host.has("/etc/etcd")).toBe(false);
    expect(host.ok("status").services["proxy.service"].masked).toBe(true);
    expect(host.calls()).toEqual([]);
  });

  test("unit files outside /etc, where systemctl can mask them, and templates count as unit files", () => {
    const service = "/usr/local/lib/systemd/system/worker@.service";
    const plan = (content: string) =>
      with_((m) => {
        m.files = { ...m.files, [service]: file(content) };
        m.services = { ...m.services, "worker@a.service": unit() };
      });
    host.converge(plan("[Service]\n"));
    host.calls();
    expect(host.converge(plan("[Service]\nExecStart=/bin/true\n")).changed.services.restarted).toEqual([
      "worker@a.service",
    ]);
    expect(host.calls()).toContain("daemon-reload");
    expect(host.converge(machine).changed).toMatchObject({
      removed: [service],
      services: { stopped: ["worker@a.service"] },
    });
  });

  test("says which unit did not come up, with its last words, and owes it a restart", () => {
    host.converge(machine);
    host.write("/fake/proxy.service.broken", "");
    host.ok(
      "stage",
      with_(
        (m) =>
          (m.files = { ...m.files, "/etc/systemd/system/proxy.service": file("[Service]\nExecStart=/bin/false\n") }),
      ),
    );
    expect(host.refused("activate")).toContain(
      `activate: the content is in place, and not all services came up:
  proxy.service should be running and is failed (failed)
    | bind: address already in use
  Mend the cause (journalctl --unit NAME tells more of a unit), then run again: it goes on from here.`,
    );
    unlinkSync(host.path("/fake/proxy.service.broken"));
    host.calls();
    expect(host.ok("activate").changed).toEqual({
      ...nothing,
      services: { ...noServices, started: ["proxy.service"] },
    });
    expect(host.calls()).toEqual(["daemon-reload", "reset-failed proxy.service", "start proxy.service"]);
  });

  test("a missing module and a missing or refused sysctl are degradations, and no drift", () => {
    const wishful = with_((m) => {
      m.modules = ["ip_vs"];
      m.sysctls = { "net.ipv4.vs.conntrack": { value: "1", floor: false } };
    });
    const { degradations } = host.converge(wishful);
    expect(degradations).toEqual([
      {
        what: "module ip_vs",
        wanted: "loaded",
        got: "absent",
        why: "`modprobe -- ip_vs` failed with exit code 1: FATAL: Module ip_vs not found.",
      },
      {
        what: "sysctl net.ipv4.vs.conntrack",
        wanted: "1",
        got: "absent",
        why: "the kernel of this host has no net.ipv4.vs.conntrack",
      },
    ]);
    expect(host.ok("drift").drift).toEqual([]);
    expect(host.ok("status")).toMatchObject({ degradations, pending: [] });
  });

  test("a floor only ever raises, also at the next boot", () => {
    host.converge(machine);
    expect(host.read("/proc/sys/fs/file-max")).toBe("9223372036854775807\n");
    const booted = "# Written by machine-apply.\nnet.ipv4.tcp_wmem = 4096 87380 16777216\nvm.max_map_count = 262144\n";
    expect(host.read("/etc/sysctl.d/90-kilonode.conf")).toBe(booted);
    host.converge(machine);
    expect(host.read("/etc/sysctl.d/90-kilonode.conf")).toBe(booted); // although 262144 is live now

    const less = with_((m) => (m.sysctls = { "vm.max_map_count": { value: "1000", floor: true } }));
    host.converge(less);
    expect(host.read("/etc/sysctl.d/90-kilonode.conf")).toBe("# Written by machine-apply.\n");

    const some = with_((m) => (m.sysctls = { "net.ipv4.tcp_wmem": { value: "8192 16384 1000", floor: true } }));
    host.write("/proc/sys/net/ipv4/tcp_wmem", "4096\t16384\t4194304\n");
    host.converge(some);
    expect(host.read("/proc/sys/net/ipv4/tcp_wmem").trim()).toMatch(/^8192 16384 4194304/);
  });

  test("sets the home of a user that was made before it", () => {
    host.write(
      "/etc/passwd",
      `${host.read("/etc/passwd")}etcd:x:${process.getuid?.()}:${process.getgid?.()}::/:/bin/false\n`,
    );
    host.write("/etc/group", `${host.read("/etc/group")}etcd:x:${process.getgid?.()}:\n`);
    expect(host.converge(machine).changed.users).toEqual(["etcd"]);
    expect(host.read("/etc/passwd")).toContain(":/var/lib/etcd:/bin/false");
  });

  test.runIf(isRoot)("takes a binary from a read-only store as a symlink", () => {
    const store = host.path("/opt/kilonode/artifacts");
    spawnSync("mount", ["--bind", store, store]);
    try {
      const { status } = spawnSync("mount", ["-o", "remount,bind,ro", store]);
      expect(status).toBe(0);
      host.converge(machine);
      expect(lstatSync(host.path("/usr/local/bin/etcd")).isSymbolicLink()).toBe(true);
    } finally {
      spawnSync("umount", [store]);
    }
  });

  test.runIf(isRoot)("a full disk changes nothing", () => {
    host.converge(machine);
    const before = host.read("/etc/proxy.conf");
    mkdirSync(host.path("/small"));
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", host.path("/small")]);
    try {
      host.ok(
        "stage",
        with_(
          (m) => (m.files = { ...m.files, "/etc/proxy.conf": file("two\n"), "/small/big": file("x".repeat(200_000)) }),
        ),
      );
      expect(host.refused("activate")).toContain(
        "cannot write /small/big (200000 bytes): No space left on device. No file of the host was replaced. Free some space",
      );
      expect(host.read("/etc/proxy.conf")).toBe(before);
      expect(leftovers(host)).toEqual([]);
    } finally {
      spawnSync("umount", [host.path("/small")]);
    }
    expect(host.converge(machine).changed).toEqual(nothing);
  });
});

const leftovers = (of: FakeHost): string[] =>
  readdirSync(of.root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".kilonode"));

describe("a kill in the middle", () => {
  const changed = with_((m) => {
    m.files = {
      "/etc/etcd/etcd.env": file("ETCD_NAME=changed\n", "0640", "root:etcd"),
      "/etc/systemd/system/etcd.service": file("[Service]\nExecStart=/usr/local/bin/etcd --changed\n"),
      "/etc/systemd/system/proxy.service": m.files["/etc/systemd/system/proxy.service"]!,
      "/etc/proxy.conf": file("two\n"),
    };
  });

  test.each([
    "journal-written",
    "files-ready",
    "first-file-live",
    "files-live",
    "before-restarts",
    "after-restarts",
    "before-record",
  ])("at %s is made good by the next run", (failpoint) => {
    host.converge(machine);
    const { digest } = host.ok("stage", changed);
    host.calls();
    expect(host.run(["activate"], "", failpoint).signal).toBe("SIGKILL");
    expect(host.ok("status")).toMatchObject({ staged: digest, restarts: ["etcd.service"] });
    expect(host.ok("activate")).toMatchObject({ digest, changed: { services: { restarted: ["etcd.service"] } } });

    const calls = host.calls();
    expect(calls).toContain("restart --no-block etcd.service");
    expect(calls).toContain("reload proxy.service");
    expect(calls.indexOf("daemon-reload")).toBeLessThan(calls.indexOf("restart --no-block etcd.service"));
    expect(host.read("/etc/proxy.conf")).toBe("two\n");
    expect(leftovers(host)).toEqual([]);
    expect(host.ok("activate").changed).toEqual(nothing);
    expect(host.ok("status")).toMatchObject({ staged: digest, active: digest, pending: [] });
  });

  test("of an activation that is given up leaves nothing of it", () => {
    host.converge(machine);
    host.ok(
      "stage",
      with_((m) => {
        m.files = {
          ...m.files,
          "/etc/systemd/system/new.service": file("[Service]\n"),
          "/etc/new.conf": file("new\n"),
        };
        m.services = { ...m.services, "new.service": unit() };
      }),
    );
    expect(host.run(["activate"], "", "after-restarts").signal).toBe("SIGKILL");
    expect(host.has("/fake/new.service.active")).toBe(true);
    expect(host.converge(machine).changed).toMatchObject({
      removed: ["/etc/new.conf", "/etc/systemd/system/new.service"],
      services: { stopped: ["new.service"], disabled: ["new.service"] },
    });
    expect(host.has("/fake/new.service.active")).toBe(false);
  });
});

describe("volumes", () => {
  const wal = { name: "wal", mount: "/var/lib/etcd-wal", fs: "ext4", sizeGiB: 2, owner: "etcd:etcd" } as const;
  const disk = () => host.path("/disk");
  const onDisk = () =>
    with_((m) => {
      m.volumes = [{ ...wal, apartFrom: [], device: disk() }];
    });
  const MIB = 2 ** 20;
  /** Of ext4, where its magic number and its size in blocks of 4 KiB are. */
  const superblock = (blocks: number) => {
    const image = Buffer.alloc(4096);
    image.write("ext4\n");
    image.writeUInt32LE(blocks, 1024 + 0x4);
    image.writeUInt32LE(2, 1024 + 0x18);
    image.writeUInt16LE(0xef53, 1024 + 0x38);
    writeFileSync(disk(), image);
  };
  const wrongDisk = "holds xfs, wants ext4 or an empty disk. It is not formatted, it may be somebody's data";

  test("an empty disk gets a file system and is mounted at every boot", () => {
    host.write("/disk", "");
    expect(host.ok("stage", onDisk()).pending).toContain("make and mount /var/lib/etcd-wal (ext4)");
    expect(host.converge(onDisk()).changed.volumes).toEqual(["/var/lib/etcd-wal"]);
    expect(host.read("/etc/systemd/system/var-lib-etcd\\x2dwal.mount")).toContain(
      `What=${disk()}\nWhere=/var/lib/etcd-wal\nType=ext4`,
    );
    expect(host.calls()).toContain(`mkfs ${disk()}`);
    expect(host.converge(onDisk()).changed).toEqual(nothing);
    host.write("/proc/self/mountinfo", "");
    expect(host.ok("status").pending).toEqual(["mount /var/lib/etcd-wal (ext4)"]);
    expect(host.ok("drift").drift).toEqual([
      { kind: "mount", name: "/var/lib/etcd-wal", want: "ext4", have: "absent" },
    ]);
    host.calls();
    host.converge(onDisk(), 1);
    expect(host.calls()).toEqual([]); // mounted again, not formatted again
  });

  test("a disk with data is never formatted", () => {
    host.write("/disk", "xfs\n");
    host.ok("stage", onDisk());
    expect(host.refused("activate")).toContain(wrongDisk);
    expect(host.calls()).toEqual([]);
    expect(host.has("/etc/etcd")).toBe(false);
  });

  test("a kill while the file system is made leaves half of one, which is made again", () => {
    host.write("/disk", "");
    host.write("/fake/kill-in-mkfs", "");
    host.ok("stage", onDisk());
    host.run(["activate"]);
    unlinkSync(host.path("/fake/kill-in-mkfs"));
    host.write("/disk", "half of something\n");
    expect(host.ok("activate").changed.volumes).toEqual(["/var/lib/etcd-wal"]);
  });

  test("one with its file system is mounted as it is", () => {
    host.write("/disk", "ext4\n");
    expect(host.converge(onDisk()).changed.volumes).toEqual(["/var/lib/etcd-wal"]);
    expect(host.calls()).not.toContain(`mkfs ${disk()}`);
  });

  test("a disk that has grown: its file system follows while it is mounted, and nothing restarts", () => {
    host.write("/disk", "ext4\n");
    host.converge(onDisk());
    superblock(20_480);
    truncateSync(host.path("/disk"), 80 * MIB);
    expect(host.ok("status").pending).toEqual([]);
    truncateSync(host.path("/disk"), 400 * MIB);
    expect(host.ok("status")).toMatchObject({ pending: ["grow /var/lib/etcd-wal to 400 MiB"], restarts: [] });
    expect(host.ok("drift").drift).toEqual([
      { kind: "volume", name: "/var/lib/etcd-wal", want: "400 MiB", have: "80 MiB" },
    ]);
    host.calls();
    expect(host.ok("activate").changed.services.restarted).toEqual([]);
    expect(host.calls()).toEqual([`resize2fs ${disk()}`]);
  });

  test("a file system that the kernel does not let grow while it is mounted is told as it is", () => {
    host.write("/disk", "ext4\n");
    host.converge(onDisk());
    superblock(20_480);
    truncateSync(host.path("/disk"), 400 * MIB);
    host.write("/fake/no-resize", "");
    expect(host.refused("activate")).toMatch(/`resize2fs .*` failed with exit code 1: .*Permission denied to resize/);
  });

  test("a disk that an earlier host has used tells so before anything is activated; an empty one, or half of one, does not", () => {
    const everActivated = (content: string) => {
      host.write("/disk", content);
      host.ok("stage", onDisk());
      return host.ok("status").everActivated;
    };
    expect(everActivated("")).toBe(false);
    expect(everActivated("ext4\n")).toBe(true);
    host.write("/disk", "");
    host.write("/fake/kill-in-mkfs", "");
    host.run(["activate"]);
    expect(everActivated("half of something\n")).toBe(false);
  });

  test("set-aside: stops what runs, and keeps what the volumes hold in a folder of theirs", () => {
    host.write("/disk", "");
    host.converge(onDisk());
    host.write("/var/lib/etcd-wal/wal/0.wal", "entries");
    host.write("/var/lib/etcd-wal/lost+found/x", "");
    host.calls();
    const [folder, ...more] = host.ok("set-aside").setAside;
    expect([folder, more]).toEqual([expect.stringMatching(/^\/var\/lib\/etcd-wal\/set-aside-\d{8}T\d{6}Z$/), []]);
    expect(host.calls()).toEqual(["stop etcd.service proxy.service"]);
    expect(host.read(`${folder}/wal/0.wal`)).toBe("entries");
    expect(host.has("/var/lib/etcd-wal/lost+found/x")).toBe(true);
    expect(host.has("/var/lib/etcd-wal/wal")).toBe(false);
    expect(host.ok("set-aside").setAside).toEqual([]);
    expect(host.ok("activate").changed.services.started).toEqual(["etcd.service", "proxy.service"]);
    expect(host.read(`${folder}/wal/0.wal`)).toBe("entries");
  });

  test("set-aside on a new host: a volume that is not mounted yet is looked into, an empty one is left as it is", () => {
    host.write("/disk", "ext4\n");
    host.write("/var/lib/etcd-wal/wal/0.wal", "entries");
    host.ok("stage", onDisk());
    const [folder] = host.ok("set-aside").setAside;
    expect(host.read(`${folder}/wal/0.wal`)).toBe("entries");
    host.write("/proc/self/mountinfo", "");
    host.write("/disk", "");
    expect(host.ok("set-aside").setAside).toEqual([]);
    expect(host.read("/proc/self/mountinfo")).toBe("");
  });

  test("another device at its place is refused", () => {
    host.write("/disk", "ext4\n");
    host.write("/proc/self/mountinfo", "1 1 7:1 / /var/lib/etcd-wal rw - ext4 /dev/other rw\n");
    host.ok("stage", onDisk());
    expect(host.refused("activate")).toContain(
      `volume "wal" (/var/lib/etcd-wal): /dev/other (ext4) is mounted, wants ${disk()} (ext4); unmount it, run again`,
    );
  });
});

describe.runIf(isRoot)(
  `a link that a service has put in a directory of its own${isRoot ? "" : " (SKIPPED: wants root)"}`,
  () => {
    const etcd = 12_345;
    const service = (mode = "0700") => ({ mode, owner: "etcd:etcd" });
    const member = "/var/lib/etcd/member";
    const victim = "/etc/victim";
    const content = with_((m) => {
      m.directories = { "/var/lib/etcd": service(), [member]: service() };
    });
    const owner = (path: string) => {
      const { uid, mode } = statSync(host.path(path));
      return [uid, mode & 0o777];
    };
    const isLink = (name: string) =>
      `${name} is a link to ${host.path(victim)}, in a directory in which not only root writes: it is not followed.`;

    beforeEach(() => {
      host.write("/etc/passwd", `${host.read("/etc/passwd")}etcd:x:${etcd}:${etcd}::/var/lib/etcd:/bin/sh\n`);
      host.write("/etc/group", `${host.read("/etc/group")}etcd:x:${etcd}:\n`);
      mkdirSync(host.path(victim), { mode: 0o755 });
      host.converge(content);
      expect(owner(member)).toEqual([etcd, 0o700]);
    });
    /** As the service itself could. */
    const swap = (path = member) => {
      rmSync(host.path(path), { recursive: true, force: true });
      symlinkSync(host.path(victim), host.path(path));
      lchownSync(host.path(path), etcd, etcd);
    };

    test("gives it no directory of root's", () => {
      host.ok(
        "stage",
        with_((m) => (m.directories = { ...content.directories, [member]: service("0750") })),
      );
      swap();
      expect(host.refused("activate")).toContain(isLink(member));
      expect(host.refused("stage", content)).toContain(isLink(member));
      expect(owner(victim)).toEqual([0, 0o755]);
    });

    test("takes no file elsewhere", () => {
      swap();
      const file = with_((m) => {
        m.directories = { "/var/lib/etcd": service() };
        m.files = { ...m.files, [`${member}/note`]: { content: "x\n", mode: "0644", owner: "root:root" } };
      });
      expect(host.refused("stage", file)).toContain(isLink(member));
      expect(readdirSync(host.path(victim))).toEqual([]);
    });

    test("takes no volume elsewhere", () => {
      swap();
      host.write("/disk", "");
      const device = host.path("/disk");
      const mount = `${member}/wal`;
      const onIt = with_((m) => {
        m.directories = { "/var/lib/etcd": service() };
        m.volumes = [{ name: "wal", mount, fs: "ext4", sizeGiB: 1, apartFrom: [], owner: "etcd:etcd", device }];
      });
      expect(host.refused("stage", onIt)).toContain(isLink(member));
      expect(readdirSync(host.path(victim))).toEqual([]);
    });

    test("takes nothing elsewhere that is put aside", () => {
      host.write("/disk", "ext4\n");
      const device = host.path("/disk");
      const mount = "/var/lib/etcd";
      const onIt = with_((m) => {
        m.volumes = [{ name: "data", mount, fs: "ext4", sizeGiB: 1, apartFrom: [], owner: "etcd:etcd", device }];
      });
      host.converge(onIt);
      host.write(`${mount}/data`, "entries");
      for (let seconds = 0; seconds < 60; seconds++) {
        const time = new Date(Date.now() + seconds * 1000).toISOString().replaceAll(/[-:]|\.\d+/g, "");
        swap(`${mount}/set-aside-${time}`);
      }
      expect(host.refused("set-aside")).toContain("is a link to");
      expect(readdirSync(host.path(victim))).toEqual([]);
      expect(host.read(`${mount}/data`)).toBe("entries");
    });

    test("is another thing than one that root has put", () => {
      rmSync(host.path("/var/lib/etcd"), { recursive: true });
      symlinkSync(host.path(victim), host.path("/var/lib/etcd"));
      host.converge(content);
      expect(owner(victim)).toEqual([etcd, 0o700]);
      expect(owner(`${victim}/member`)).toEqual([etcd, 0o700]);
    });
  },
);

describe("traffic classes", () => {
  const traffic = { classes: [{ name: "etcd peers", band: 1, ports: [2380] }] } as const;

  test("are planned in a file, applied by their program and read back", () => {
    const program =
      "#!/bin/sh\necho $1 >>$FAKE/traffic\ncase $1 in form) echo htb+u32;; check) exit $(cat $FAKE/rc);; esac\n";
    const plan = with_((m) => {
      m.files = { ...m.files, "/usr/local/sbin/traffic-classes": file(program, "0755") };
      m.traffic = { classes: [{ name: "etcd-peers", band: 1, ports: [2380, 2381] }] };
    });
    host.write("/fake/rc", "3");
    expect(host.converge(plan)).toMatchObject({
      changed: { traffic: true },
      degradations: [{ what: "traffic form", got: "htb+u32" }],
    });
    expect(host.read("/etc/kilonode/traffic-classes")).toBe(
      "# Written by machine-apply.\nband 1 2380 2381 # etcd-peers\n",
    );
    expect(host.ok("drift").drift).toMatchObject([{ kind: "traffic", name: "classes" }]);
    host.write("/fake/rc", "0");
    expect(host.ok("drift").drift).toEqual([]);
    host.write("/fake/traffic", "");
    host.converge(with_((m) => (m.files = { ...m.files, "/usr/local/sbin/traffic-classes": file(program, "0755") })));
    expect(host.read("/fake/traffic")).toBe("remove\n");
    expect(host.has("/etc/kilonode/traffic-classes")).toBe(false);
  });

  test("want their program, and a name without blanks", () => {
    expect(
      host.refused(
        "stage",
        with_((m) => (m.traffic = traffic)),
        2,
      ),
    ).toContain('traffic.classes[0].name: got "etcd peers"');
    host.ok(
      "stage",
      with_((m) => (m.traffic = { classes: [] })),
    );
    expect(host.refused("activate")).toContain("/usr/local/sbin/traffic-classes is missing; add it to files");
  });
});

describe("the firewall", () => {
  const loader =
    "#!/bin/sh\necho $1 >>$FAKE/firewall\n[ $1 != check ] || { echo the rules are not loaded >&2; exit $(cat $FAKE/rc); }\n";
  const plan = with_((m) => {
    m.files = { ...m.files, "/usr/local/sbin/host-firewall": file(loader, "0755") };
    m.firewall = {
      allowed: [
        { name: "operators", port: 22, from: ["192.0.2.7/32", "198.18.0.0/20"] },
        { name: "etcd peers", port: 2380, from: ["198.18.0.40-198.18.0.57"] },
      ],
    };
  });
  /** As over SSH from this address; then below a process that was given no environment, as by sudo. */
  const from = (address: string) => ({ ...host.environment, SSH_CONNECTION: `${address} 50000 198.18.0.40 22` });
  const stage = (address: string, ...through: string[]) => {
    const words = [...through, program, "--root", host.root, "stage"];
    const script = '"$@"; exit $?';
    return spawnSync("sh", ["-c", script, "sh", ...words], {
      input: JSON.stringify(plan),
      env: from(address),
      encoding: "utf8",
    });
  };

  test("is planned in a file, loaded by its program, read back, and restarts nothing", () => {
    host.converge(machine);
    host.calls();
    host.write("/fake/rc", "3");
    expect(host.ok("stage", plan)).toMatchObject({ restarts: [] });
    expect(host.ok("activate")).toMatchObject({ changed: { firewall: true, services: noServices }, degradations: [] });
    expect(host.read("/etc/kilonode/firewall.nft")).toMatchInlineSnapshot(`
      "# Written by machine-apply.
      table inet kilonode_firewall
      delete table inet kilonode_firewall
      table inet kilonode_firewall {
        chain input {
          type filter hook input priority filter; policy drop;
          iifname "lo" accept
          tcp flags & (syn | ack) != syn accept
          meta l4proto { 1, 58 } accept
          udp sport { 53, 67, 123, 547 } accept
          ip saddr { 192.0.2.7/32, 198.18.0.0/20 } tcp dport 22 accept comment "operators"
          ip saddr { 198.18.0.40-198.18.0.57 } tcp dport 2380 accept comment "etcd peers"
          counter drop
        }
      }
      "
    `);
    expect(host.ok("drift").drift).toEqual([
      { kind: "firewall", name: "rules", want: "as planned", have: "the rules are not loaded" },
    ]);
    host.write("/fake/rc", "0");
    expect(host.ok("drift").drift).toEqual([]);
    host.write("/fake/firewall", "");
    expect(host.converge(plan).changed).toEqual(nothing);
    expect(host.read("/fake/firewall")).toBe("check\n");
    host.write("/fake/firewall", "");
    host.converge(with_((m) => (m.files = { ...m.files, "/usr/local/sbin/host-firewall": file(loader, "0755") })));
    expect(host.read("/fake/firewall")).toBe("remove\n");
    expect(host.has("/etc/kilonode/firewall.nft")).toBe(false);
  });

  test("that a kernel cannot have is a degradation, and no drift", () => {
    const impossible = loader.replace("echo $1", "echo $1 >>$FAKE/firewall; echo no nf_tables >&2; exit 4; echo");
    const content = { ...plan, files: { ...plan.files, "/usr/local/sbin/host-firewall": file(impossible, "0755") } };
    expect(host.converge(content)).toMatchObject({
      changed: { firewall: false },
      degradations: [{ what: "firewall rules", wanted: "as planned", got: "none", why: "no nf_tables" }],
    });
    expect(host.ok("drift").drift).toEqual([]);
  });

  test("never shuts out who brings it", () => {
    const refusal = {
      status: 1,
      stderr:
        "machine-apply: stage: cannot stage; nothing was changed:\n  firewall: this login comes from 203.0.113.9 to port 22, which the plan opens " +
        "to 192.0.2.7/32, 198.18.0.0/20: no one could log in from there again; add its range to network.operators\n",
    };
    expect(stage("203.0.113.9")).toMatchObject(refusal);
    const bare = ["env", "-i", ...["PATH", "FAKE", "FAKE_ROOT"].map((name) => `${name}=${host.environment[name]}`)];
    expect(stage("203.0.113.9", ...bare)).toMatchObject(refusal);
    expect(stage("2001:db8::7")).toMatchObject({ status: 1 });
    expect(stage("198.18.15.254", ...bare)).toMatchObject({ status: 0, stderr: "" });
  });

  test("takes addresses and names, and nothing that nft would read as more", () => {
    const bad = {
      ...plan,
      firewall: { allowed: [{ name: 'a" accept', port: 0, from: ["10.0.0.0/8 }", "example.org", "::/0"] }] },
    };
    const refused = host.refused("stage", bad, 2);
    for (const field of ["name", "port", "from[0]", "from[1]", "from[2]"])
      expect(refused).toContain(`firewall.allowed[0].${field}: got`);
  });
});

describe("drift", () => {
  test.each<[string, () => void, object]>([
    [
      "content",
      () => host.write("/etc/proxy.conf", "by hand\n"),
      {
        kind: "file",
        name: "/etc/proxy.conf",
        want: "0644 root:root as activated",
        have: "0644 root:root other content",
      },
    ],
    [
      "a mode",
      () => chmodSync(host.path("/etc/proxy.conf"), 0o666),
      { kind: "file", name: "/etc/proxy.conf", want: "0644 root:root", have: "0666 root:root" },
    ],
    [
      "a missing file",
      () => unlinkSync(host.path("/etc/proxy.conf")),
      { kind: "file", name: "/etc/proxy.conf", want: "0644 root:root", have: "absent" },
    ],
    [
      "a secret",
      () => host.write("/etc/etcd/token", "other"),
      {
        kind: "file",
        name: "/etc/etcd/token",
        want: "0600 etcd:etcd as activated",
        have: "0600 etcd:etcd other secret",
      },
    ],
    [
      "a directory",
      () => chmodSync(host.path("/etc/etcd"), 0o777),
      { kind: "directory", name: "/etc/etcd", want: "0750 root:etcd", have: "0777 root:etcd" },
    ],
    [
      "a stopped unit",
      () => unlinkSync(host.path("/fake/proxy.service.active")),
      { kind: "unit", name: "proxy.service", want: "running", have: "inactive (dead)" },
    ],
    [
      "a disabled unit",
      () => unlinkSync(host.path("/fake/proxy.service.enabled")),
      { kind: "unit", name: "proxy.service", want: "enabled", have: "disabled" },
    ],
    [
      "a sysctl",
      () => host.write("/proc/sys/vm/max_map_count", "65530\n"),
      { kind: "sysctl", name: "vm.max_map_count", want: "at least 262144", have: "65530" },
    ],
    [
      "a binary",
      () => host.write("/usr/local/bin/etcd", "trojan"),
      { kind: "binary", name: "/usr/local/bin/etcd", want: "etcd 3.7.3", have: "another file (sum differs)" },
    ],
    [
      "a user",
      () => host.write("/etc/passwd", host.read("/etc/passwd").replace(":/var/lib/etcd:", ":/tmp:")),
      { kind: "user", name: "etcd", want: "home /var/lib/etcd", have: "home /tmp" },
    ],
    [
      "a module",
      () => rmSync(host.path("/sys/module/br_netfilter"), { recursive: true }),
      { kind: "module", name: "br_netfilter", want: "loaded", have: "absent" },
    ],
  ])("of %s is found, and repaired by the next generation", (_, damage, found) => {
    host.write(
      "/etc/passwd",
      `${host.read("/etc/passwd")}etcd:x:${process.getuid?.()}:${process.getgid?.()}::/var/lib/etcd:/bin/false\n`,
    );
    host.write("/etc/group", `${host.read("/etc/group")}etcd:x:${process.getgid?.()}:\n`);
    host.ok("stage-secrets", secrets);
    const { digest } = host.converge(machine);
    damage();
    expect(host.ok("drift")).toEqual({
      drift: [found],
      generation: 1,
      programRepairs: 1,
      everActivated: true,
    });
    const repaired = host.converge(machine, 1);
    expect(repaired.digest).not.toBe(digest);
    expect(host.ok("drift")).toEqual({
      drift: [],
      generation: 1,
      programRepairs: 1,
      everActivated: true,
    });
  });

  test("host programs that are not as they were delivered are to be repaired once more", () => {
    host.converge(machine);
    const path = "/usr/local/lib/kilonode/machine_apply/main.py";
    host.write(path, "as delivered\n");
    const sums = { [path]: createHash("sha256").update(host.read(path)).digest("hex") };
    host.write("/var/lib/kilonode/programs.json", JSON.stringify({ repairs: 3, sums }));
    expect(host.ok("drift")).toMatchObject({ drift: [], programRepairs: 3 });
    host.write(path, "exit 0\n");
    expect(host.ok("drift")).toMatchObject({ drift: [], programRepairs: 4 });
    rmSync(host.path(path));
    expect(host.ok("drift")).toMatchObject({ drift: [], programRepairs: 4 });
  });

  test("a masked unit is drift that only its owner can repair", () => {
    host.converge(machine);
    host.write("/fake/proxy.service.masked", "");
    expect(host.ok("drift").drift).toEqual([
      { kind: "unit", name: "proxy.service", want: "not masked", have: "masked" },
    ]);
    host.ok("stage --generation 1", machine);
    expect(host.refused("activate")).toContain("proxy.service is masked on this host");
  });

  test("a binary changed under its old time and size is found with --full", () => {
    host.converge(machine);
    const path = host.path("/usr/local/bin/etcd");
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    host.ok("activate"); // sees another time, hashes the file, remembers it
    writeFileSync(path, etcdBinary.replace("the", "THE"));
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    expect(host.ok("drift").drift).toEqual([]);
    expect(host.ok("drift --full").drift).toMatchObject([{ kind: "binary" }]);
  });

  test("a host where nothing was ever activated has none", () => {
    expect(host.ok("drift")).toEqual({ drift: [], generation: 0, programRepairs: 1, everActivated: false });
  });
});

describe("secrets", () => {
  test("reach only their files", () => {
    const outputs: string[] = [];
    const watch = (words: string[], stdin?: unknown) => {
      const { stdout, stderr } = host.run(words, stdin);
      outputs.push(stdout, stderr);
    };
    watch(["stage-secrets"], secrets);
    watch(["stage"], machine);
    watch(["activate"]);
    host.write("/etc/etcd/token", "other");
    watch(["status"]);
    watch(["drift"]);
    watch(["stage-secrets"], {
      ...secrets,
      files: { "/etc/etcd/token": { mode: "hush-hush-42", content: ["hush-hush-42"] } },
    });
    watch(["stage-secrets"], '{"files": hush-hush-42');
    watch(["stage"], { ...machine, files: { ...machine.files, "/etc/etcd/token": file("") } });
    expect(outputs.join("")).toContain("etcd/token");
    expect(outputs.join("")).not.toContain("hush");
    expect(outputs.join("")).not.toContain(sha256("hush-hush-42"));
    expect(host.last.stderr).toContain("/etc/etcd/token: in the content and in the secrets; keep one");

    host.ok("activate");
    expect(host.read("/etc/etcd/token")).toBe("hush-hush-42");
    const holders = readdirSync(host.root, { recursive: true, encoding: "utf8" }).filter(
      (path) => lstatSync(host.path(path)).isFile() && host.read(path).includes("hush"),
    );
    expect(holders.sort()).toEqual(["etc/etcd/token", "var/lib/kilonode/staged/secrets.json"]);
    expect(holders.map((path) => statSync(host.path(path)).mode & 0o777)).toEqual([0o600, 0o600]);
  });

  test("their digest tells nothing to another host", () => {
    const { digest } = host.ok("stage-secrets", secrets);
    expect(host.ok("stage-secrets", secrets)).toEqual({ digest, paths: ["/etc/etcd/token"] });
    const other = new FakeHost();
    expect(other.ok("stage-secrets", secrets).digest).not.toBe(digest);
    other.remove();
  });
});

test("usage errors name what is allowed", () => {
  expect(host.refused("apply", "", 2)).toContain(
    "got apply, wants one of: stage, stage-secrets, activate, rest, status, set-aside, drift",
  );
  expect(host.refused("stage --full", "", 2)).toContain("--full: not an option of stage");
  expect(host.refused("activate --env lower=1", "", 2)).toContain("--env lower: wants NAME=VALUE");
  expect(host.refused("stage --generation x", "", 2)).toContain("--generation: got x, wants 0 or more");
});

test("what an earlier release has left on a host is read as what it means today", () => {
  host.converge(machine);
  const path = "/var/lib/kilonode/active/content.json";
  const { held: _, ...record } = JSON.parse(host.read(path));
  const { services, ...rest } = record.machine;
  const before = Object.fromEntries(
    Object.entries(services as typeof machine.services).map(([name, { kind: _kind, ...settings }]) => [name, settings]),
  );
  const volumes = [{ name: "wal", mount: "/wal", fs: "ext4", apartFrom: [], owner: "root:root" }];
  const old = { ...rest, host: "etcd-1", units: before, volumes };
  host.write(path, JSON.stringify({ ...record, machine: old }));
  host.write("/var/lib/kilonode/staged/machine.json", JSON.stringify({ machine: old, generation: 0 }));
  expect(host.ok("status")).toMatchObject({ everActivated: true, active: record.digest, restarts: [], pending: [] });
  expect(host.ok("drift").drift).toEqual([]);
  expect(host.ok("stage", machine)).toMatchObject({ pending: [], restarts: [] });
  expect(host.ok("activate").changed).toEqual(nothing);
});
