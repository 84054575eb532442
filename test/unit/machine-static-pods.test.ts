/** Static pods as services: what counts as a restart, how one is made, and how it is seen. */
import { spawnSync } from "node:child_process";
import { rmSync, unlinkSync } from "node:fs";
import { resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Machine, StaticPodService } from "../../components/machine/machine";
import { FakeHost, file, machine, unit, with_ } from "./machine-fake-host";

vi.setConfig({ testTimeout: 120_000 });

const manifestPath = (name: string) => `/etc/kubernetes/manifests/${name}.yaml`;
const manifest = (content: string) =>
  file(`kind: Pod\nmetadata:\n  annotations:\n    kilonode.io/content: "${content}"\n`, "0600");
const pod = (more: Partial<StaticPodService> = {}): StaticPodService => ({
  kind: "static-pod",
  restartOn: [],
  wait: true,
  ...more,
});

/** A master: two pods beside a unit. */
const master = (apiserver = "a1", scheduler = "b1", configuration = "one\n"): Machine =>
  with_((m) => {
    m.files = {
      [manifestPath("kube-apiserver")]: manifest(apiserver),
      [manifestPath("kube-scheduler")]: manifest(scheduler),
      // Comes behind the manifests when paths are sorted.
      "/etc/kubernetes/scheduler.yaml": file(configuration),
      "/etc/systemd/system/proxy.service": m.files["/etc/systemd/system/proxy.service"]!,
    };
    m.binaries = {};
    m.services = {
      "kube-apiserver": pod(),
      "kube-scheduler": pod({ restartOn: ["/etc/kubernetes/scheduler.yaml"] }),
      "proxy.service": m.services["proxy.service"]!,
    };
  });

let host: FakeHost;
beforeEach(() => {
  host = new FakeHost();
  host.kubelet = true;
});
afterEach(() => {
  host.remove();
});

const running = { kind: "static-pod", active: "active", sub: "running", since: "2023-11-14T22:13:20Z", masked: false };

describe("static pods", () => {
  test("are started by their manifests, and shown", () => {
    expect(host.ok("stage", master())).toMatchObject({ restarts: [] });
    expect(host.last.stdout).toContain("static pod kube-apiserver: enabled, running");
    expect(host.ok("activate").changed.services).toMatchObject({
      started: ["kube-apiserver", "kube-scheduler", "proxy.service"],
      restarted: [],
    });
    expect(host.ok("status")).toMatchObject({
      restarts: [],
      pending: [],
      services: {
        "kube-apiserver": { ...running, restarts: 3 },
        "kube-scheduler": { ...running, restarts: 3 },
        "proxy.service": { kind: "unit", active: "active" },
      },
    });
    expect(host.ok("drift").drift).toEqual([]);
  });

  test("restart when their manifest changes: the kubelet acts on it, nothing is stopped beside it", () => {
    host.converge(master());
    host.calls();
    expect(host.ok("stage", master("a2"))).toMatchObject({
      pending: [`change ${manifestPath("kube-apiserver")}`],
      restarts: ["kube-apiserver"],
    });
    expect(host.ok("status").restarts).toEqual(["kube-apiserver"]);
    expect(host.ok("activate").changed.services.restarted).toEqual(["kube-apiserver"]);
    expect(host.calls()).toEqual([]);
    expect(host.ok("status")).toMatchObject({ restarts: [], pending: [] });
  });

  test("restart when a file of restartOn changes: the sandbox is stopped, the kubelet makes it anew", () => {
    host.converge(master());
    host.calls();
    expect(host.ok("stage", master("a1", "b1", "two\n")).restarts).toEqual(["kube-scheduler"]);
    expect(host.ok("activate").changed.services.restarted).toEqual(["kube-scheduler"]);
    expect(host.calls()).toEqual(["stopp kube-scheduler-1"]);
    expect(host.ok("status")).toMatchObject({ restarts: [], services: { "kube-scheduler": running } });
  });

  test("go with their manifest", () => {
    host.converge(master());
    const less = structuredClone(master()) as { files: object; services: object } & Machine;
    Reflect.deleteProperty(less.files, manifestPath("kube-scheduler"));
    Reflect.deleteProperty(less.services, "kube-scheduler");
    expect(host.ok("stage", less).pending).toEqual([
      `remove ${manifestPath("kube-scheduler")}`,
      "static pod kube-scheduler: no longer managed",
    ]);
    expect(host.ok("activate").changed.removed).toEqual([manifestPath("kube-scheduler")]);
  });

  test("that wait for the kubelet are activating: an old sandbox and a container that does not run are not it", () => {
    host.converge(master());
    const patient = structuredClone(master("a2")) as Machine & { services: Record<string, object> };
    patient.services["kube-apiserver"] = pod({ wait: false });
    host.write("/fake/kubelet-stopped", "");
    host.write("/fake/kube-scheduler.waiting", "");
    host.ok("stage", patient);
    expect(host.refused("activate")).toContain(
      "kube-scheduler should be running and is activating (waiting for the kubelet)",
    );
    expect(host.ok("status")).toMatchObject({
      services: {
        "kube-apiserver": { active: "activating", since: null },
        "kube-scheduler": { active: "activating" },
      },
    });
    unlinkSync(host.path("/fake/kubelet-stopped"));
    unlinkSync(host.path("/fake/kube-scheduler.waiting"));
    host.ok("activate");
    expect(host.ok("status")).toMatchObject({ pending: [], services: { "kube-apiserver": { active: "active" } } });
    unlinkSync(host.path(manifestPath("kube-apiserver")));
    expect(host.ok("status").services["kube-apiserver"]).toMatchObject({ active: "inactive", sub: "no manifest" });
  });

  test.each(["journal-written", "files-ready", "first-file-live", "files-live", "before-restarts", "after-restarts"])(
    "a kill at %s is made good by the next run, and each restarts once",
    (failpoint) => {
      host.converge(master());
      host.calls();
      host.ok("stage", master("a2", "b1", "two\n"));
      expect(host.run(["activate"], "", failpoint).signal).toBe("SIGKILL");
      expect(host.ok("status").restarts).toEqual(["kube-apiserver", "kube-scheduler"]);
      host.ok("activate");
      expect(host.calls().filter((call) => call.startsWith("stopp"))).toEqual(["stopp kube-scheduler-1"]);
      expect(host.ok("status")).toMatchObject({ restarts: [], pending: [] });
    },
  );

  test("want a manifest that says what it is made from", () => {
    const without = structuredClone(master()) as Machine & { files: Record<string, object> };
    without.files[manifestPath("kube-apiserver")] = file("kind: Pod\n");
    Reflect.deleteProperty(without.files, manifestPath("kube-scheduler"));
    expect(host.refused("stage", without, 2)).toBe(
      `stage: the content has 2 error(s); nothing was changed:
  files["${manifestPath("kube-apiserver")}"]: wants the annotation kilonode.io/content: "HEX" of what the pod is made from; without it nobody can tell whether the running pod is this one
  services["kube-scheduler"]: a static pod wants its manifest ${manifestPath("kube-scheduler")} among files`,
    );
  });

  test("run as users of planned numbers, which no other user of the host may have", () => {
    const withUser = (uid: number) => ({
      ...master(),
      users: { ...machine.users, pod: { home: "/nonexistent", uid } },
    });
    expect(host.refused("stage", withUser(0), 2)).toContain('users["pod"].uid: got 0, wants a number from 1 to 65533');
    expect(host.converge(withUser(61_001)).changed.users).toEqual(["etcd", "pod"]);
    expect(host.read("/etc/passwd")).toMatch(/^pod:x:61001:/m);
    expect(host.ok("drift").drift).toEqual([]);
    expect(host.refused("stage", withUser(61_002))).toContain(
      "user pod: has uid 61001 on this host, wants uid 61002 for pod, by which its pod runs; remove that user, or make the host anew",
    );
    const other = { ...master(), users: { ...machine.users, other: { home: "/nonexistent", uid: 61_001 } } };
    expect(host.refused("stage", other)).toContain("user pod: has uid 61001 on this host, wants uid 61001 for other");
  });

  test("want a container runtime that answers", () => {
    host.kubelet = false;
    expect(host.refused("stage", master())).toBe(
      `stage: cannot stage; nothing was changed:
  static pods (kube-apiserver, kube-scheduler) want a container runtime and crictl: crictl is not installed on this host; install it and run again`,
    );
    host.kubelet = true;
    host.ok("stage", master());
    host.write("/fake/crictl-broken", "");
    expect(host.refused("activate")).toContain(
      "cannot activate; nothing was changed:\n  static pods (kube-apiserver, kube-scheduler) want a container runtime and crictl: `crictl pods --namespace kube-system --output json` failed with exit code 1: validate service connection: no such file or directory",
    );
    expect(host.has("/etc/kubernetes")).toBe(false);
  });
});

describe("a service that is held", () => {
  const changed = master("a2", "b2", "two\n");

  test("stays as it is, and the next activation pays what it is owed", () => {
    host.converge(master());
    const { digest } = host.ok("stage", changed);
    host.calls();
    expect(host.ok("activate --hold kube-scheduler")).toMatchObject({
      digest,
      changed: { services: { restarted: ["kube-apiserver"] } },
    });
    expect(host.read(manifestPath("kube-scheduler"))).toContain("b1");
    expect(host.read("/etc/kubernetes/scheduler.yaml")).toBe("two\n");
    expect(host.ok("status")).toMatchObject({
      active: digest,
      restarts: ["kube-scheduler"],
      pending: [`change ${manifestPath("kube-scheduler")}`, "restart kube-scheduler"],
      services: { "kube-scheduler": running },
    });
    expect(host.ok("drift")).toMatchObject({ drift: [], generation: 0 });
    expect(host.ok("activate").changed.services.restarted).toEqual(["kube-scheduler"]);
    expect(host.calls()).toEqual([]);
    expect(host.ok("status")).toMatchObject({ restarts: [], pending: [] });
  });

  test("is owed a stop of its sandbox as well", () => {
    host.converge(master());
    host.ok("stage", master("a1", "b1", "two\n"));
    host.calls();
    host.ok("activate --hold kube-scheduler");
    expect(host.calls()).toEqual([]);
    expect(host.ok("status").restarts).toEqual(["kube-scheduler"]);
    host.ok("activate");
    expect(host.calls()).toEqual(["stopp kube-scheduler-1"]);
    host.ok("activate");
    expect(host.calls()).toEqual([]);
  });

  test.each(["files-live", "after-restarts", "before-record"])("is owed the same after a kill at %s", (failpoint) => {
    host.converge(master());
    host.ok("stage", changed);
    host.calls();
    expect(host.run(["activate", "--hold", "kube-scheduler"], "", failpoint).signal).toBe("SIGKILL");
    host.ok("activate --hold kube-scheduler");
    expect(host.read(manifestPath("kube-scheduler"))).toContain("b1");
    expect(host.ok("status").restarts).toEqual(["kube-scheduler"]);
    expect(host.run(["activate"], "", failpoint).signal).toBe("SIGKILL");
    expect(host.ok("activate").changed.files).toEqual([]);
    expect(host.read(manifestPath("kube-scheduler"))).toContain("b2");
    expect(host.calls()).toEqual([]);
    expect(host.ok("status")).toMatchObject({ restarts: [], pending: [] });
  });

  const units = (etcd: string, proxy: string) =>
    with_((m) => {
      m.files = {
        ...m.files,
        "/etc/etcd/etcd.env": file(etcd, "0640", "root:etcd"),
        "/etc/proxy.conf": file(proxy),
        "/etc/systemd/system/new.service": file("[Service]\n"),
      };
      m.services = { ...m.services, "new.service": unit() };
    });

  test("may be a unit: neither restarted, reloaded nor started; what the next content owes is added", () => {
    host.converge(machine);
    host.ok("stage", units("A=1\n", "two\n"));
    host.calls();
    host.ok("activate --hold etcd.service --hold proxy.service --hold new.service");
    expect(host.calls()).toEqual(["reenable --no-reload new.service", "daemon-reload"]);
    expect(host.ok("status")).toMatchObject({
      restarts: ["etcd.service"],
      pending: ["start new.service", "restart etcd.service", "reload proxy.service"],
    });
    expect(host.ok("stage", units("A=1\n", "three\n")).restarts).toEqual(["etcd.service"]);
    host.ok("activate");
    expect(host.calls()).toEqual([
      "reset-failed etcd.service",
      "restart --no-block etcd.service",
      "start new.service",
      "reload proxy.service",
    ]);
    expect(host.ok("status")).toMatchObject({ restarts: [], pending: [] });
    host.ok("activate");
    expect(host.calls()).toEqual([]);
  });

  test.each(["journal-written", "files-live", "before-restarts", "after-restarts", "before-record"])(
    "is paid after a kill at %s, of the activation that held it and of the one that does not",
    (failpoint) => {
      host.converge(machine);
      host.ok(
        "stage",
        with_((m) => {
          m.files = { ...m.files, "/etc/etcd/etcd.env": file("A=1\n", "0640", "root:etcd") };
        }),
      );
      host.calls();
      expect(host.run(["activate", "--hold", "etcd.service"], "", failpoint).signal).toBe("SIGKILL");
      expect(host.ok("status").restarts).toEqual(["etcd.service"]);
      host.ok("activate --hold etcd.service");
      expect(host.ok("status").restarts).toEqual(["etcd.service"]);
      expect(host.calls()).toEqual([]);
      expect(host.run(["activate"], "", failpoint).signal).toBe("SIGKILL");
      expect(host.ok("status").restarts).toEqual(["etcd.service"]);
      host.ok("activate");
      expect(host.calls()).toContain("restart --no-block etcd.service");
      expect(host.ok("status")).toMatchObject({ restarts: [], pending: [] });
    },
  );

  test("only where it runs: what is down is started, with what is live then", () => {
    host.converge(machine);
    host.ok("stage", units("A=1\n", "two\n"));
    unlinkSync(host.path("/fake/proxy.service.active"));
    host.calls();
    host.ok("activate --hold-running etcd.service --hold-running proxy.service --hold-running new.service");
    expect(host.calls()).toEqual([
      "reenable --no-reload new.service",
      "daemon-reload",
      "start new.service proxy.service",
    ]);
    expect(host.ok("status")).toMatchObject({ restarts: ["etcd.service"], pending: ["restart etcd.service"] });
  });

  test("is one of the content", () => {
    host.ok("stage", machine);
    expect(host.refused("activate --hold etcd")).toBe(
      "activate: --hold etcd: is no service of the staged content, which has: etcd.service, proxy.service",
    );
    expect(host.refused("stage --hold etcd", "", 2)).toContain("--hold: not an option of stage");
  });
});

test("diagnose tells pods that do not run, and that a container runtime does not answer", () => {
  host.converge(master());
  expect(host.ok("diagnose")).toEqual({ down: [] });
  host.write("/fake/kube-scheduler.waiting", "");
  const waiting = { service: "kube-scheduler", state: "activating (waiting for the kubelet)", cause: null };
  expect(host.ok("diagnose").down).toEqual([expect.objectContaining(waiting)]);
  host.write("/fake/crictl-broken", "");
  const broken = { service: "kube-apiserver", cause: "ends", text: expect.stringContaining("`crictl pods") };
  expect(host.ok("diagnose").down).toEqual([expect.objectContaining(broken)]);
});

describe("still-starting", () => {
  const program = resolve("components/machine/files/usr/local/lib/kilonode/still-starting");
  const ask = (...words: string[]) => spawnSync(program, words, { encoding: "utf8", env: host.environment });

  test("names the units that systemd has a job for", () => {
    host.write("/fake/b.service.job", "17");
    expect(ask("unit:a.service", "unit:b.service", "unit:c.service")).toMatchObject({
      stdout: "b.service\n",
      status: 0,
    });
    rmSync(host.path("/fake/b.service.job"));
    expect(ask("unit:a.service", "unit:b.service")).toMatchObject({ stdout: "", status: 0 });
    expect(ask()).toMatchObject({ stdout: "", status: 0 });
  });

  test("names the static pods whose sandbox is not that of the manifest, or has no running container", () => {
    host.converge(master());
    const pods = ["--root", host.root, "static-pod:kube-apiserver", "static-pod:kube-scheduler"];
    expect(ask(...pods)).toMatchObject({ stdout: "", status: 0 });
    host.write("/fake/kubelet-stopped", "");
    host.write(manifestPath("kube-apiserver"), manifest("a2").content);
    expect(ask(...pods)).toMatchObject({ stdout: "kube-apiserver\n", status: 0 });
    host.write("/fake/kube-scheduler.waiting", "");
    host.write("/fake/etcd.service.job", "1");
    expect(ask("unit:etcd.service", ...pods).stdout).toBe("etcd.service\nkube-apiserver\nkube-scheduler\n");
    host.write("/fake/crictl-broken", "");
    expect(ask(...pods)).toMatchObject({
      stdout: "",
      status: 1,
      stderr: expect.stringContaining("still-starting: `crictl pods"),
    });
  });

  test("refuses other words", () => {
    expect(ask("etcd.service")).toMatchObject({
      status: 2,
      stderr: "still-starting: got 'etcd.service', wants unit:NAME or static-pod:NAME\n",
    });
  });
});
