import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const scripts = resolve(__dirname, "../../components/platform/lab");
const prefix = `kt-${process.pid}`;
// Of the benchmark range 198.18.0.0/15: a block of its own for each run, so that two runs do not meet.
const block = process.pid % 64;
const at = (host: number) => `198.19.${block * 4}.${host}`;
const lab = {
  PREFIX: prefix,
  STATE_DIR: "/var/lib/kilonode/lab-test",
  HOSTS: "4",
  MASTERS: "0",
  OPERATOR_TOKEN: "of-the-operator",
};

type Env = Record<string, string>;
interface Host {
  name: string;
  address: string;
  hostKey: string;
}

const environment = (env: Env) => ({ ...process.env, ...lab, ...env });

async function script(name: string, args: string[], env: Env = {}): Promise<{ stdout: string; stderr: string }> {
  return run(join(scripts, name), args, { env: environment(env) });
}

/** The whole stderr of a run that must fail. */
async function failure(name: string, args: string[], env: Env = {}): Promise<string> {
  const error = await script(name, args, env).then(
    () => undefined,
    (e: { stderr: string }) => e.stderr,
  );
  if (error === undefined) throw new Error(`${name} ${args.join(" ")} was expected to fail`);
  return error;
}

/** Ends a script and what it waits for; it may have ended by itself. */
function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid as number), "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function reasonToSkip(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs Linux and root";
  const preflight = spawnSync(join(scripts, "lab-preflight"), [], { env: environment({}), encoding: "utf8" });
  if (preflight.status === 0) return undefined;
  return `lab-preflight --install would help: ${preflight.stdout.split("\n").filter((l) => l.startsWith("missing"))}`;
}

const reason = reasonToSkip();

describe.skipIf(reason !== undefined)(`lab platform${reason ? ` (${reason})` : ""}`, () => {
  const keys = mkdtempSync(join(tmpdir(), "kilonode-lab-"));
  const volumes = "wal:128 db:320";
  const roots = join(process.env.STORE_DIR ?? "/var/lib/kilonode/store", "roots");
  let common: Env;

  const host = (name: string, index: number, more: Env = {}): Env => ({
    ...common,
    NAME: name,
    ADDRESS: `${at(index)}/22`,
    VOLUMES: volumes,
    ...more,
  });
  /** As machine-apply does: a file system on an empty disk, an existing one as it is. */
  const useVolumes = `for v in wal db; do
      disk=/dev/disk/by-id/kilonode-$v; [ -n "$(blkid --probe $disk)" ] || mkfs.ext4 -q $disk
      mkdir -p /$v; findmnt /$v >/dev/null || mount $disk /$v
    done`;
  const create = async (env: Env): Promise<Host> => JSON.parse((await script("lab-host", ["create"], env)).stdout);
  const status = async () =>
    JSON.parse((await script("lab-status", ["--json"]).catch((e: { stdout: string; stderr: string }) => e)).stdout) as {
      hosts: { name: string; state: string; pid: number }[];
    };
  const pidOf = async (name: string) => (await status()).hosts.find((h) => h.name === name)?.pid;

  /** Logs in, trusting only the key that create has printed. */
  async function ssh(target: Host, command: string, ...options: string[]): Promise<string> {
    const known = `-oKnownHostsCommand=/bin/echo ${target.address} ${target.hostKey}`;
    const { stdout } = await run("ssh", [
      "-i",
      join(keys, "id"),
      "-oBatchMode=yes",
      known,
      ...options,
      `root@${target.address}`,
      command,
    ]);
    return stdout.trim();
  }

  /** Which of the files below these places somebody can read who has no more rights than any user. */
  function readable(places: readonly string[]): string[] {
    const files = execFileSync("find", [...places, "!", "-type", "l", "-print0"], { maxBuffer: 2 ** 26 });
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    const look = 'for file; do [ ! -r "$file" ] || echo "$file"; done';
    const found = execFileSync("setpriv", [...nobody, "xargs", "-0", "-n", "500", "sh", "-c", look, "look"], {
      input: files,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    return found.split("\n").filter(Boolean);
  }
  /** The loop devices of its volumes. */
  const loops = (name: string) =>
    execFileSync("losetup", ["-l", "-n", "-O", "NAME,BACK-FILE"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(`/${prefix}/volumes/${name}/`))
      .map((line) => line.split(" ")[0] as string);
  const stateOf = async (name: string) => (await status()).hosts.find((h) => h.name === name)?.state;
  /** Which of its boots it is in; empty while it does not answer. */
  const bootOf = (it: Host) => ssh(it, "cat /proc/sys/kernel/random/boot_id").catch(() => "");

  /** Everything on the machine that carries the prefix. */
  function traces(): string[] {
    const lines = (file: string, args: string[]) =>
      execFileSync(file, args, { encoding: "utf8" })
        .split("\n")
        .filter((line) => line.includes(prefix));
    const cgroups = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"].filter(existsSync);
    return [
      ...lines("ip", ["netns", "list"]),
      ...lines("ip", ["-o", "link"]),
      ...lines("losetup", ["-l", "-n", "-O", "BACK-FILE"]),
      ...lines("ps", ["-eo", "args"]).filter((line) => line.includes("nspawn")),
      ...readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .filter((line) => line.includes(prefix)),
      ...cgroups.flatMap((d) => readdirSync(d).filter((name) => name === `kilonode.${prefix}`)),
      ...(existsSync("/run/systemd/nspawn") ? readdirSync("/run/systemd/nspawn", { recursive: true }) : [])
        .map(String)
        .filter((name) => name.includes(prefix)),
      ...(existsSync(join(lab.STATE_DIR, prefix)) ? [join(lab.STATE_DIR, prefix)] : []),
    ];
  }

  beforeAll(async () => {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(keys, "id")]);
    const { root } = JSON.parse((await script("lab-root", [])).stdout) as { root: string };
    const network = { CIDR: `198.19.${block * 4}.0/22`, GATEWAY: at(1) };
    common = {
      ...network,
      ROOT: root,
      AUTHORIZED_KEY: readFileSync(join(keys, "id.pub"), "utf8").trim(),
    };
    await script("lab-network", ["create"], common);
  });

  afterAll(async () => {
    await script("lab-clean", []);
    rmSync(keys, { recursive: true });
    expect(traces()).toEqual([]);
  });

  test("two hosts run systemd without a failed unit, each with two volumes and its own sysctls", async () => {
    const [a, b] = await Promise.all([create(host("a", 10)), create(host("b", 11))]);
    for (const it of [a, b]) {
      expect(await ssh(it, "hostname")).toBe(it.name);
      expect(await ssh(it, "systemctl is-system-running --wait; systemctl --failed --plain --no-legend")).toBe(
        "running",
      );
      const devices = await ssh(it, `${useVolumes}; stat -c %d / /wal /db`);
      expect(new Set(devices.split("\n")).size).toBe(3);
      expect(await ssh(it, "ls /opt/kilonode/artifacts && touch /opt/kilonode/artifacts/x 2>&1 || true")).toMatch(
        /Read-only/,
      );
      expect(await ssh(it, "sysctl -n -w net.core.somaxconn=4321")).toBe("4321");
      expect(await ssh(it, "tc qdisc add dev eth0 root handle 1: htb && tc qdisc show dev eth0")).toMatch(/^qdisc htb/);
      expect(await ssh(it, "nice -n -10 ionice -c 1 true && ls /sys/class/net | xargs")).toBe("eth0 lo");
    }
    expect(await ssh(a, `ping -q -c 1 -W 2 ${b.address} >/dev/null && echo reached`)).toBe("reached");
  });

  test("no other user of the machine can read anything of a lab, nor of one that an older version has made", async () => {
    const a = await create(host("a", 10));
    await ssh(a, `${useVolumes}; echo secret > /db/secret; sync; echo secret > /etc/secret`);
    const own = join(lab.STATE_DIR, prefix);
    const places = [own, `${roots}/${common.ROOT}/root/etc`, `/proc/${await pidOf("a")}/root/etc`, ...loops("a")];
    expect(readable([`/proc/${process.pid}/status`])).not.toEqual([]);
    expect(readable(places)).toEqual([]);
    // As one was made before; what is deeper has the modes that the host sees.
    execFileSync("find", [lab.STATE_DIR, "-maxdepth", "4", "-exec", "chmod", "go+rX", "{}", "+"]);
    expect(readable([own])).toContain(join(own, "volumes/a/db.img"));
    await script("lab-preflight", ["--install"]);
    expect(readable(places)).toEqual([]);
    expect(await ssh(a, "stat -c %a / /etc /etc/hosts /etc/machine-id")).toBe("755\n755\n644\n644");
  });

  test("what lives as long as a host has nothing of the operator's environment", async () => {
    await create(host("a", 10));
    const cgroup = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
      .map((root) => join(root, `kilonode.${prefix}`, "a"))
      .find(existsSync) as string;
    const files = execFileSync("find", [cgroup, "-name", "cgroup.procs"], { encoding: "utf8" }).trim().split("\n");
    const pids = files.flatMap((file) => readFileSync(file, "utf8").split("\n").filter(Boolean));
    const environments = pids.map((pid) =>
      existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/environ`, "utf8") : "",
    );
    expect(environments.filter((text) => text.includes(`PREFIX=${prefix}`)).length).toBeGreaterThan(1);
    expect(environments.filter((text) => text.includes(lab.OPERATOR_TOKEN))).toEqual([]);
  });

  test("a root is used only as it was built, with its packages on record", async () => {
    const store = join(keys, "store");
    const copied = { STORE_DIR: store, SUITE: "none", MIRROR: "http://127.0.0.1:9" };
    const { root } = JSON.parse((await script("lab-root", ["--print"], copied)).stdout) as { root: string };
    const copy = join(store, "roots", root);
    mkdirSync(join(store, "roots"), { recursive: true });
    execFileSync("cp", ["-a", join(roots, common.ROOT as string), copy]);
    await script("lab-root", [], copied);
    const recorded = readFileSync(join(copy, "packages"), "utf8");
    const installed = execFileSync("chroot", [join(copy, "root"), "dpkg-query", "--show"], { encoding: "utf8" });
    const packages = (text: string, fields: RegExp) => [...text.matchAll(fields)].map(([, ...two]) => two).sort();
    const all = packages(recorded, /^(\S+) \S+ (\S+) [0-9a-f]{64}$/gm);
    expect(all).toHaveLength(recorded.trim().split("\n").length);
    expect(all).toEqual(packages(installed, /^([^:\s]+)\S*\s+(\S+)$/gm));
    // Another byte in a file that is as long and as old as before.
    const file = join(copy, "root/usr/sbin/sshd");
    const [bytes, { atime, mtime }] = [readFileSync(file), statSync(file)];
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    utimesSync(file, atime, mtime);
    expect(await failure("lab-root", [], copied)).toMatch(/building a Debian none root/);
  });

  test("nobody passes through a host to another one", async () => {
    const a = await create(host("a", 10));
    const allowed = await ssh(
      a,
      "sshd -T | grep -iE '^(disable|allowagent|allowtcp|x11)forwarding|^permittunnel' | sort",
    );
    expect(allowed.split("\n")).toEqual([
      "allowagentforwarding no",
      "allowtcpforwarding no",
      "disableforwarding yes",
      "permittunnel no",
      "x11forwarding no",
    ]);
    await expect(ssh(a, "", "-W", "127.0.0.1:22")).rejects.toThrow(/administratively prohibited/);
  });

  test("create changes nothing on a running host, and restarts it when an input has changed", async () => {
    const first = await create(host("a", 10));
    const pid = await pidOf("a");
    expect(await create(host("a", 10))).toEqual(first);
    expect(await pidOf("a")).toBe(pid);
    await ssh(first, "echo kept > /root/file");
    const moved = await create(host("a", 12));
    expect(moved).toEqual({ ...first, address: at(12) });
    expect(await ssh(moved, "cat /root/file")).toBe("kept");
  });

  test("a host that was killed comes back with its key and data, and a new generation with its volumes only", async () => {
    const before = await create(host("b", 11));
    await ssh(before, `${useVolumes}; echo data > /wal/file && echo data > /root/file && sync`);
    await script("lab-host", ["kill"], { NAME: "b" });
    expect((await status()).hosts.find((h) => h.name === "b")?.state).toBe("dead");
    await expect(script("lab-host", ["probe"], { NAME: "b" })).rejects.toThrow(/is not running/);
    expect(await create(host("b", 11))).toEqual(before);
    expect(await ssh(before, `${useVolumes}; cat /wal/file /root/file`)).toBe("data\ndata");

    const renewed = await create(host("b", 11, { GENERATION: "2" }));
    expect(renewed.hostKey).not.toBe(before.hostKey);
    expect(await ssh(renewed, `${useVolumes}; cat /wal/file; test -e /root/file || echo new`)).toBe("data\nnew");
  });

  test("loop devices of a host go when it stops, and when it ends by itself", async () => {
    expect(loops("b")).toHaveLength(2);
    await script("lab-host", ["stop"], { NAME: "b" });
    expect(loops("b")).toEqual([]);
    const back: Host = JSON.parse((await script("lab-host", ["start"], { NAME: "b" })).stdout);
    expect(await ssh(back, `${useVolumes}; cat /wal/file`)).toBe("data");
    // Also where nobody is there to detach them.
    process.kill((await pidOf("b")) as number, "SIGKILL");
    await expect.poll(() => loops("b"), { timeout: 60_000, interval: 200 }).toEqual([]);
    expect(await create(host("b", 11, { GENERATION: "2" }))).toEqual(back);
    expect(loops("b")).toHaveLength(2);
  });

  test("a host that reboots comes back by itself, with its volumes, on its network", async () => {
    const it = await create(host("b", 11, { GENERATION: "2" }));
    await ssh(it, `${useVolumes}; echo reboots > /wal/reboots; ip address add 198.18.255.1/32 dev eth0`);
    for (const _ of [1, 2]) {
      const before = await bootOf(it);
      await ssh(it, "systemctl reboot").catch(() => "");
      // It counts as on all the time: whoever waits for it gets it.
      expect(await create(host("b", 11, { GENERATION: "2" }))).toEqual(it);
      const isBack = async () => !["", before].includes(await bootOf(it));
      await expect.poll(isBack, { timeout: 120_000, interval: 200 }).toBe(true);
      expect(await ssh(it, `${useVolumes}; cat /wal/reboots; systemctl is-system-running --wait`)).toBe(
        "reboots\nrunning",
      );
      expect(await ssh(it, "ip -4 -o address show dev eth0 | wc -l")).toBe("1");
      expect(loops("b")).toHaveLength(2);
    }
  });

  test("a host stays off when it is stopped or killed while it reboots, and when it powers itself off", async () => {
    for (const verb of ["stop", "kill"]) {
      for (const delay of [0, 300, 600, 1000, 1500]) {
        const it = await create(host("b", 11, { GENERATION: "2" }));
        await ssh(it, "systemctl reboot").catch(() => "");
        await sleep(delay);
        await script("lab-host", [verb], { NAME: "b" });
        expect(await stateOf("b")).toBe("dead");
        expect(loops("b")).toEqual([]);
        expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(`${prefix}.b `);
      }
    }
    const it = await create(host("b", 11, { GENERATION: "2" }));
    await ssh(it, "systemctl poweroff").catch(() => "");
    await expect.poll(() => stateOf("b"), { timeout: 60_000, interval: 200 }).toBe("dead");
  });

  test("after a power cut of all hosts those come back that were on", async () => {
    const [a, b] = await Promise.all([create(host("a", 12)), create(host("b", 11, { GENERATION: "2" }))]);
    await ssh(a, `${useVolumes}; echo safe > /wal/file && sync`);
    await script("lab-host", ["stop"], { NAME: "b" });
    await script("lab-power", ["cut"]);
    expect([await stateOf("a"), await stateOf("b")]).toEqual(["dead", "dead"]);
    expect(JSON.parse((await script("lab-power", ["restore"])).stdout)).toEqual(a);
    expect(await ssh(a, `${useVolumes}; cat /wal/file`)).toBe("safe");
    expect([await stateOf("a"), await stateOf("b")]).toEqual(["alive", "dead"]);
    expect(await create(host("b", 11, { GENERATION: "2" }))).toEqual(b);
  });

  test("create that is killed at any point completes when it is run again", async () => {
    for (const delay of [10, 40, 70, 100, 130, 160, 200, 250, 300, 400]) {
      const half = spawn(join(scripts, "lab-host"), ["create"], {
        env: environment(host("half", 13)),
        stdio: "ignore",
        detached: true,
      });
      await sleep(delay);
      killGroup(half);
      const made = await create(host("half", 13));
      expect(await ssh(made, `${useVolumes}; findmnt -n -o FSTYPE /db; systemctl is-system-running --wait`)).toBe(
        "ext4\nrunning",
      );
      await script("lab-host", ["delete"], { NAME: "half", EPHEMERAL: "true" });
      expect((await status()).hosts.map((h) => h.name)).not.toContain("half");
    }
  });

  test("delete keeps the volumes unless the host is ephemeral", async () => {
    const images = join(lab.STATE_DIR, prefix, "volumes", "b");
    const { stderr } = await script("lab-host", ["delete"], { NAME: "b" });
    expect(stderr).toMatch(/kept/);
    expect(readdirSync(images).sort()).toEqual(["db.img", "wal.img"]);
    expect(traces().filter((line) => line.includes(`${prefix}.b`) || line.includes("/b/"))).toEqual([]);

    const back = await create(host("b", 11, { GENERATION: "2" }));
    expect(await ssh(back, `${useVolumes}; cat /wal/file`)).toBe("data");
    await script("lab-host", ["delete"], { NAME: "b", EPHEMERAL: "true" });
    expect(existsSync(images)).toBe(false);
    // A second delete has nothing to do.
    await script("lab-host", ["delete"], { NAME: "b", EPHEMERAL: "true" });
  });

  test("wrong inputs are named together, with what is expected", async () => {
    const message = await failure(
      "lab-host",
      ["create"],
      host("Bad_Name", 14, { ADDRESS: "10.0.0.300/22", VOLUMES: "wal:ext4:1" }),
    );
    expect(message).toMatch(/NAME=Bad_Name: expected a DNS label/);
    expect(message).toMatch(/ADDRESS=10.0.0.300\/22: expected an address/);
    expect(message).toMatch(/got wal:ext4:1: expected name:MiB/);
    expect(
      await failure("lab-network", ["create"], {
        ...common,
        PREFIX: `${prefix}o`,
        CIDR: "198.19.0.0/16",
        GATEWAY: "198.19.0.1",
      }),
    ).toMatch(new RegExp(`overlaps 198.19.${block * 4}.*on ${prefix}`));
    expect(existsSync(join(lab.STATE_DIR, `${prefix}o`))).toBe(false);
    expect(await failure("lab-network", ["delete"])).toMatch(/cannot be removed while hosts run on it: a/);
    const pid = await pidOf("a");
    expect(await failure("lab-host", ["create"], host("a", 12, { VOLUMES: "wal:64 db:320" }))).toMatch(
      /volume wal of a has 128 MiB \(.*\), asked are 64: its data is kept, .* Nothing was touched/,
    );
    expect(await pidOf("a")).toBe(pid);
    const grown = await create(host("a", 12, { VOLUMES: "wal:256 db:320" }));
    expect(await ssh(grown, `${useVolumes}; df --output=size -BM /wal | tail -n 1 | tr -dc 0-9`)).toMatch(/^2[1-5]\d$/);
  });

  test("a full disk is said, and leaves nothing half made", async () => {
    const small = join(keys, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=100m", "tmpfs", small]);
    try {
      const there = { STATE_DIR: small };
      mkdirSync(join(small, prefix));
      copyFileSync(join(lab.STATE_DIR, prefix, "network.json"), join(small, prefix, "network.json"));
      execFileSync("fallocate", ["-l", "60M", join(small, "ballast")]);
      expect(await failure("lab-host", ["create"], host("full", 15, there))).toMatch(/MiB free, a host needs 64/);
      expect(readdirSync(join(small, prefix), { recursive: true }).filter((f) => String(f).includes("full"))).toEqual([
        "locks/full",
      ]);
    } finally {
      execFileSync("umount", [small]);
    }
  });

  test("preflight prints the same each time", async () => {
    const [first, second] = [await script("lab-preflight", ["--json"]), await script("lab-preflight", ["--json"])];
    expect(JSON.parse(first.stdout)).toMatchObject({ ok: true, missing: [] });
    expect(second.stdout).toBe(first.stdout);
  });

  test("lab-clean removes all of the lab after a crash, and nothing of another", async () => {
    const other = `${prefix}x`;
    execFileSync("ip", ["netns", "add", other]);
    try {
      await create(host("c", 16));
      const half = spawn(join(scripts, "lab-host"), ["create"], {
        env: environment(host("d", 17)),
        stdio: "ignore",
        detached: true,
      });
      await sleep(150);
      killGroup(half);
      process.kill((await pidOf("c")) as number, "SIGKILL");
      execFileSync("ip", ["netns", "add", `${prefix}.stray`]);
      execFileSync("losetup", ["-f", join(lab.STATE_DIR, prefix, "volumes", "a", "wal.img")]);
      const stray = spawn("ip", ["netns", "exec", `${prefix}.stray`, "sleep", "1000"], { stdio: "ignore" });
      await script("lab-clean", ["--prefix", prefix, "--state-dir", lab.STATE_DIR]);
      expect(traces().filter((line) => !line.includes(other))).toEqual([]);
      expect(existsSync(`/run/netns/${other}`)).toBe(true);
      expect(stray.signalCode ?? (await new Promise((done) => stray.on("exit", (_, signal) => done(signal))))).toBe(
        "SIGKILL",
      );
    } finally {
      execFileSync("ip", ["netns", "delete", other]);
    }
  });
});
